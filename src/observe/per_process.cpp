#include "observe/per_process.hpp"

#include <pthread.h>

namespace anymetal {

namespace {

std::atomic<unsigned> count = 0;
// Before main, so that no fork of the program's is missed.
[[maybe_unused]] const int registered =
    ::pthread_atfork(nullptr, nullptr, [] { count.fetch_add(1, std::memory_order_relaxed); });

}  // namespace

unsigned forks() { return count.load(std::memory_order_relaxed); }

}  // namespace anymetal
