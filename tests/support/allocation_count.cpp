#include "support/allocation_count.hpp"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

std::atomic<std::size_t> g_count{0};

struct Failing {
  std::size_t before = 0, left = 0;
  bool happened = false;
};
thread_local Failing t_failing;

void* counted(std::size_t size, std::size_t alignment) {
  ++g_count;
  if (t_failing.before > 0) {
    --t_failing.before;
  } else if (t_failing.left > 0) {
    --t_failing.left;
    t_failing.happened = true;
    throw std::bad_alloc();
  }
  size = (size + alignment - 1) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, size > 0 ? size : alignment)) return memory;
  throw std::bad_alloc();
}

// Whoever still reads it finds neither values nor addresses.
void release(void* memory) {
  if (memory != nullptr) std::memset(memory, 0xdb, malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

std::size_t anymetal::testing::allocation_count() { return g_count; }

anymetal::testing::FailingAllocations::FailingAllocations(std::size_t before, std::size_t count) {
  t_failing = {before, count, false};
}
anymetal::testing::FailingAllocations::~FailingAllocations() { t_failing = {}; }
bool anymetal::testing::FailingAllocations::happened() const { return t_failing.happened; }

void* operator new(std::size_t size) { return counted(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t size, std::align_val_t alignment) { return counted(size, static_cast<std::size_t>(alignment)); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
