#pragma once
/// \file
/// Atomic operations on threadgroup memory.

#include "device/cpu/thread_function.hpp"
#include "msl/parsed_source.hpp"

namespace anymetal::device::cpu {

/// Marks atomic operations on threadgroup memory: all threads of a threadgroup run on one processor.
void mark_group_atomics(const ThreadFunction& thread, const msl::EntryReflection& reflection);

/// Makes marked operations plain ones. Before this, they keep what runs lanes together from running them as vectors.
void make_group_atomics_plain(llvm::Module& module);

}  // namespace anymetal::device::cpu
