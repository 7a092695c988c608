#pragma once
/// \file
/// Turns an entry of docs/entry-ir.md into a function that runs one thread and takes everything it needs as parameters.

#include <anymetal/error.hpp>

#include <cstdint>

namespace llvm {
class Argument;
class Function;
class Module;
class Value;
}  // namespace llvm

namespace anymetal::device::cpu {

/// Position parameters of a thread function, each i32. Those with three dimensions take three numbers.
enum Geometry : unsigned {
  kThread = 0,             ///< position in the threadgroup, x y z
  kThreadIndex = 3,        ///< linear index in the threadgroup
  kGroup = 4,              ///< position of the threadgroup in the grid
  kThreadsPerGroup = 7,    ///< clipped
  kDispatchThreads = 10,   ///< threads per threadgroup as dispatched
  kGroupsPerGrid = 13,
  kThreadsPerGrid = 16,
  kGeometryCount = 19,
};

/// `void(ptr argument..., ptr static_threadgroup_memory, i32 geometry[kGeometryCount])`
struct ThreadFunction {
  llvm::Function* function = nullptr;
  unsigned argument_count = 0;
  std::uint64_t static_threadgroup_bytes = 0;
  std::uint64_t core_bytes = 0;  ///< of them core memory, which lies first
  bool has_threadgroup_memory = false;  ///< static, or given as an argument

  [[nodiscard]] llvm::Argument* threadgroup_memory() const;
  [[nodiscard]] llvm::Argument* geometry(unsigned which) const;
};

/// Replaces `entry` in its module. Position queries become parameters, fences become fence instructions, and static
/// threadgroup variables become offsets into the threadgroup memory; synchronising calls stay.
///
/// `__msl_core_memory(bytes)`, the number a constant, becomes the beginning of the threadgroup memory: memory beyond what
/// a kernel may declare, for kernels in a form for processors (docs/cpu-device.md).
Result<ThreadFunction> make_thread_function(llvm::Module& module, llvm::Function& entry);

}  // namespace anymetal::device::cpu
