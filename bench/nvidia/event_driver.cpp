// A library for ANYMETAL_CUDA_DRIVER that measures: every function is the NVIDIA driver's, which it is linked with, but
// a launch has other memory written before it and stands between two events. Lines "kernel microseconds threadgroups
// threads" are added to the file that ANYMETAL_EVENTS names. Processes take turns, so that several may check their
// results while one measures.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>

#include <cstdio>
#include <cstdlib>
#include <type_traits>

namespace {

using Result = int;
using Handle = void*;
constexpr std::size_t kFlushed = std::size_t{128} << 20;  // more than any L2 holds

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
  Result (*name_of)(const char**, Handle) = driver<Result(const char**, Handle)>("cuFuncGetName");
  bool usable = false;

  Events() {
    const auto allocate = driver<Result(unsigned long long*, std::size_t)>("cuMemAlloc_v2");
    const auto make = driver<Result(Handle*, unsigned)>("cuEventCreate");
    if (const char* file = std::getenv("ANYMETAL_EVENTS")) out = std::fopen(file, "a");
    usable = out != nullptr && turn >= 0 && record != nullptr && wait_for != nullptr && elapsed != nullptr &&
             drain != nullptr && fill != nullptr && allocate != nullptr && make != nullptr &&
             allocate(&flushed, kFlushed) == 0 && make(&begin, 0) == 0 && make(&end, 0) == 0;
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
