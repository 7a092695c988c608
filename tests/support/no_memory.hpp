#pragma once
// A process that has no memory left.

#include <sys/resource.h>

#include <cstddef>
#include <cstdlib>

namespace anymetal::test {

#if defined(__has_feature)
#define ANYMETAL_HAS_FEATURE(name) __has_feature(name)
#else
#define ANYMETAL_HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || ANYMETAL_HAS_FEATURE(address_sanitizer) || ANYMETAL_HAS_FEATURE(thread_sanitizer)
constexpr bool kCanLimitMemory = false;  // a sanitizer's own memory counts too, and it ends the process
#else
constexpr bool kCanLimitMemory = true;
#endif

/// Leaves no block of memory of 16 bytes or more to this process.
inline void use_up_memory() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(2);
  limit.rlim_cur = 0;
  if (::setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(2);
  // Every size: malloc keeps what was freed by exact sizes and gives none of it for another.
  for (std::size_t size = std::size_t{1} << 20U; size >= 16; size -= size > 2048 ? size / 2 : 16) {
    while (void* volatile block = std::malloc(size)) (void)block;
  }
}

}  // namespace anymetal::test
