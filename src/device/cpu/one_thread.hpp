#pragma once
/// \file
/// Kernels that are right for any threadgroup size: one thread may do the work of a threadgroup.

#include <string>

#include "device/cpu/thread_function.hpp"

namespace anymetal::device::cpu {

/// Why no thread can do the work of its threadgroup alone, or nothing.
std::string one_thread_obstacle(const llvm::Function& entry);

/// Makes the thread function, of an entry without obstacle, that of a threadgroup's only thread: its index is 0, the
/// threadgroup's size 1, and what threads do together is done by it alone. A loop from the thread's index in steps of
/// the size, whose rounds other sizes give to different threads, is marked so that its rounds may be done in any order.
void run_as_one_thread(const ThreadFunction& thread);

}  // namespace anymetal::device::cpu
