#pragma once
/// \file
/// Atomic operations on buffers in a dispatch that one thread of the processor runs alone.

namespace llvm {
class Function;
}

namespace anymetal::device::cpu {

struct ThreadFunction;

/// Marks the atomic operations on the kernel's own buffers. Nobody else uses those while it runs: dispatches and command
/// lists that do wait for each other.
void mark_buffer_atomics(const ThreadFunction& thread);

/// Gives what is marked in a RunGroups a second form, a plain one, that it takes where the context says that the
/// dispatch has no other thread (GroupContext::is_alone).
void make_atomics_plain_where_alone(llvm::Function& run);

}  // namespace anymetal::device::cpu
