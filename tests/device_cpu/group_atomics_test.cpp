// Atomic operations on threadgroup memory become plain ones, others stay.

#include "device/cpu/group_atomics.hpp"

#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>

#include "prepared_thread.hpp"

namespace anymetal::test {
namespace {

unsigned atomics(const llvm::Module& module) {
  unsigned count = 0;
  for (const auto& function : module)
    for (const auto& instruction : llvm::instructions(function)) count += instruction.isAtomic() ? 1 : 0;
  return count;
}

constexpr const char* kKernel = R"(
@counts = internal global [64 x i32] undef, section "msl.threadgroup"
define void @kernel(ptr %data) {
  %x = call i32 @__msl_thread_index_in_threadgroup()
  %wide = zext i32 %x to i64
  %own = getelementptr [64 x i32], ptr @counts, i64 0, i64 %wide
  store atomic i32 0, ptr %own monotonic, align 4
  %old = atomicrmw add ptr %own, i32 1 monotonic
  %pair = cmpxchg ptr %own, i32 %old, i32 9 monotonic monotonic
  %now = load atomic i32, ptr %own monotonic, align 4
  %same = icmp eq i32 %now, 3
  %either = select i1 %same, ptr %own, ptr %data
  %unknown = atomicrmw add ptr %either, i32 1 monotonic
  %shared = atomicrmw add ptr %data, i32 %now monotonic
  ret void
}
)";

TEST(GroupAtomics, ArePlainWhereOnlyTheThreadgroupSeesThem) {
  const auto prepared = prepare_as_written(kKernel, device::cpu::host_target());
  auto& module = *prepared.kernel.module;
  EXPECT_EQ(atomics(module), 6u);
  device::cpu::make_group_atomics_plain(module);
  EXPECT_EQ(atomics(module), 6u) << "none is marked yet";
  device::cpu::mark_group_atomics(prepared.thread, prepared.kernel.reflection);
  device::cpu::make_group_atomics_plain(module);
  EXPECT_EQ(atomics(module), 2u) << "one of device memory, one of either";
}

}  // namespace
}  // namespace anymetal::test
