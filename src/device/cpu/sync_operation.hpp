#pragma once
/// \file
/// The `__msl_` functions through which threads of a simdgroup or threadgroup meet (docs/entry-ir.md).

#include <cstdint>
#include <optional>

namespace llvm {
class CallInst;
class Function;
}  // namespace llvm

namespace anymetal::device::cpu {

/// One synchronising function, taken apart.
struct SyncOperation {
  enum class Kind : std::uint8_t {
    ThreadgroupBarrier,
    SimdgroupBarrier,
    Shuffle,
    Ballot,
    Reduce,
    InclusiveScan,
    ExclusiveScan,
    MultiplyAccumulate,
  };
  enum class Combine : std::uint8_t { None, Sum, Product, Min, Max, And, Or, Xor };
  enum class Element : std::uint8_t { I32, U32, F32 };

  Kind kind = Kind::ThreadgroupBarrier;
  Combine combine = Combine::None;
  Element element = Element::U32;

  /// Whether all active lanes get one value.
  [[nodiscard]] bool uniform_result() const { return kind == Kind::Reduce || kind == Kind::Ballot; }
  [[nodiscard]] bool is_barrier() const {
    return kind == Kind::ThreadgroupBarrier || kind == Kind::SimdgroupBarrier;
  }
};

/// What the function does, or nothing where it does not synchronise.
std::optional<SyncOperation> sync_operation(const llvm::Function& function);
/// The same for the callee of a call.
std::optional<SyncOperation> sync_operation(const llvm::CallInst& call);

}  // namespace anymetal::device::cpu
