#include "device/cuda/nvtx.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <dlfcn.h>
#include <string>

namespace anymetal::device::cuda {

namespace {

struct Functions {
  int (*push)(const char*) = nullptr;
  int (*pop)() = nullptr;
};

// The protocol by which a profiler's injection library puts its functions in (NVTX 3, nvtxTypes.h): it is given a function
// that hands out export tables, asks for the table of the core module and stores its own entries through it.
using FunctionSlot = void (*)();
constexpr unsigned kCallbacksTable = 1;
constexpr int kCoreModule = 1;
constexpr std::size_t kRangePush = 9;
constexpr std::size_t kRangePop = 11;
constexpr std::size_t kCoreEntries = 16;

std::array<FunctionSlot, kCoreEntries> core_entries{};
std::array<FunctionSlot*, kCoreEntries + 1> core_table{};

int module_table(int module, FunctionSlot*** table, unsigned* entries) {
  if (module != kCoreModule) return 0;
  if (table != nullptr) *table = core_table.data();
  if (entries != nullptr) *entries = kCoreEntries;
  return 1;
}

struct Callbacks {
  std::size_t size = sizeof(Callbacks);
  int (*module_table)(int, FunctionSlot***, unsigned*) = &anymetal::device::cuda::module_table;
};

const void* export_table(std::uint32_t id) {
  static const Callbacks callbacks;
  return id == kCallbacksTable ? &callbacks : nullptr;
}

Functions injected() {
  const char* path = std::getenv("NVTX_INJECTION64_PATH");
  if (path == nullptr || *path == '\0') return {};
  void* library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return {};
  using Initialise = int (*)(const void* (*)(std::uint32_t));
  const auto initialise = reinterpret_cast<Initialise>(dlsym(library, "InitializeInjectionNvtx2"));
  for (std::size_t i = 1; i < kCoreEntries; ++i) core_table[i] = &core_entries[i];
  if (initialise == nullptr || initialise(&export_table) != 1) return {};
  return {reinterpret_cast<int (*)(const char*)>(core_entries[kRangePush]), reinterpret_cast<int (*)()>(core_entries[kRangePop])};
}

Functions from_library() {
  void* library = dlopen("libnvToolsExt.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return {};
  return {reinterpret_cast<int (*)(const char*)>(dlsym(library, "nvtxRangePushA")),
          reinterpret_cast<int (*)()>(dlsym(library, "nvtxRangePop"))};
}

const Functions& functions() {
  static const Functions found = [] {
    const auto usable = [](const Functions& f) { return f.push != nullptr && f.pop != nullptr; };
    if (const auto f = injected(); usable(f)) return f;
    const auto f = from_library();
    return usable(f) ? f : Functions{};
  }();
  return found;
}

}  // namespace

NvtxRange::NvtxRange(std::string_view label) {
  if (functions().push != nullptr) functions().push(std::string(label).c_str());
}

NvtxRange::~NvtxRange() {
  if (functions().pop != nullptr) functions().pop();
}

}  // namespace anymetal::device::cuda
