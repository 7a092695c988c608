// A library for ANYMETAL_CUDA_DRIVER that measures: every function is the NVIDIA driver's, which it is linked with, but
// a launch has other memory written before it and stands between two events. Lines "kernel microseconds threadgroups
// threads" are added to the file that ANYMETAL_EVENTS names. Processes take turns, so that several may check their
// results while one measures. What was written lies in the L2 cache, and a kernel that displaces it pays for its way to
// memory, as one in a row of writing kernels does. With ANYMETAL_EVENTS_CLEAN=1 it is read back first, by a kernel of
// this library, which suits kernels that only read.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <type_traits>

namespace {

using Result = int;
using Handle = void*;
constexpr std::size_t kFlushed = std::size_t{128} << 20;  // more than any L2 holds

/// Reads 16 bytes for each of `kReaders` threads at a time. Nothing is as it would have to be for the store.
constexpr unsigned kReaders = 1024 * 1024;
constexpr const char* kReadBack = R"(.version 7.0
.target sm_70
.address_size 64
.visible .entry read_back(.param .u64 from, .param .u32 rounds) {
  .reg .u64 %a<4>; .reg .u32 %r<12>; .reg .pred %p<3>;
  ld.param.u64 %a0, [from];
  ld.param.u32 %r0, [rounds];
  mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; mov.u32 %r3, %tid.x;
  mad.lo.u32 %r1, %r1, %r2, %r3;
  mul.wide.u32 %a1, %r1, 16;
  add.u64 %a1, %a0, %a1;
  mov.u32 %r4, 0;
again:
  ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%a1];
  xor.b32 %r5, %r5, %r6; xor.b32 %r7, %r7, %r8; xor.b32 %r5, %r5, %r7; or.b32 %r4, %r4, %r5;
  add.u64 %a1, %a1, 16777216;
  sub.u32 %r0, %r0, 1;
  setp.ne.u32 %p0, %r0, 0;
  @%p0 bra again;
  setp.eq.u32 %p1, %r4, 0x5a5a5a5b;
  @%p1 st.global.u32 [%a0], %r4;
  ret;
})";

template <class Function>
Function* driver(const char* name) {
  static void* const library = dlopen("libcuda.so.1", RTLD_NOW);
  return library == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(library, name));
}

struct Events {
  std::FILE* out = nullptr;
  int turn = open("/tmp/anymetal_events.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  unsigned long long flushed = 0;
  Handle begin = nullptr, end = nullptr;
  Result (*launch)(Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Handle, void**,
                   void**) = driver<std::remove_pointer_t<decltype(launch)>>("cuLaunchKernel");
  Result (*record)(Handle, Handle) = driver<Result(Handle, Handle)>("cuEventRecord");
  Result (*wait_for)(Handle) = driver<Result(Handle)>("cuEventSynchronize");
  Result (*elapsed)(float*, Handle, Handle) = driver<Result(float*, Handle, Handle)>("cuEventElapsedTime");
  Result (*drain)(Handle) = driver<Result(Handle)>("cuStreamSynchronize");
  Result (*fill)(unsigned long long, unsigned char, std::size_t,
                 Handle) = driver<Result(unsigned long long, unsigned char, std::size_t, Handle)>("cuMemsetD8Async");
  Handle reader = nullptr;  ///< where written memory is read back
  Result (*name_of)(const char**, Handle) = driver<Result(const char**, Handle)>("cuFuncGetName");
  bool usable = false;

  Events() {
    const auto allocate = driver<Result(unsigned long long*, std::size_t)>("cuMemAlloc_v2");
    const auto make = driver<Result(Handle*, unsigned)>("cuEventCreate");
    if (const char* file = std::getenv("ANYMETAL_EVENTS")) out = std::fopen(file, "a");
    usable = out != nullptr && turn >= 0 && record != nullptr && wait_for != nullptr && elapsed != nullptr &&
             drain != nullptr && fill != nullptr && allocate != nullptr && make != nullptr &&
             allocate(&flushed, kFlushed) == 0 && make(&begin, 0) == 0 && make(&end, 0) == 0;
    if (usable && std::getenv("ANYMETAL_EVENTS_CLEAN") != nullptr) {
      const auto load = driver<Result(Handle*, const void*)>("cuModuleLoadData");
      const auto find = driver<Result(Handle*, Handle, const char*)>("cuModuleGetFunction");
      Handle module = nullptr;
      usable = load != nullptr && find != nullptr && load(&module, kReadBack) == 0 && find(&reader, module, "read_back") == 0;
    }
    if (!usable) {
      std::fputs("launches are not measured: ANYMETAL_EVENTS must name a file, the driver be CUDA 11.8 or newer\n",
                 stderr);
    }
  }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) Result cuLaunchKernel(
    Handle function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
    unsigned block_z, unsigned shared, Handle stream, void** parameters, void** extra) {
  static Events events;
  if (events.launch == nullptr) return 999;  // unknown error
  const auto run = [&] {
    return events.launch(function, grid_x, grid_y, grid_z, block_x, block_y, block_z, shared, stream, parameters,
                         extra);
  };
  if (!events.usable) return run();

  flock(events.turn, LOCK_EX);
  events.drain(stream);
  events.fill(events.flushed, 1, kFlushed, stream);
  if (events.reader != nullptr) {
    unsigned rounds = kFlushed / (16 * kReaders);
    std::array<void*, 2> arguments = {&events.flushed, &rounds};
    events.launch(events.reader, kReaders / 256, 1, 1, 256, 1, 1, 0, stream, arguments.data(), nullptr);
  }
  events.record(events.begin, stream);
  const Result launched = run();
  events.record(events.end, stream);
  const Result done = events.wait_for(events.end);
  flock(events.turn, LOCK_UN);

  float milliseconds = 0;
  const char* name = "?";
  events.elapsed(&milliseconds, events.begin, events.end);
  if (events.name_of != nullptr) events.name_of(&name, function);
  std::fprintf(events.out, "%s %.2f %u %u\n", name, static_cast<double>(milliseconds) * 1e3, grid_x * grid_y * grid_z,
               block_x * block_y * block_z);
  std::fflush(events.out);
  return launched != 0 ? launched : done;
}
