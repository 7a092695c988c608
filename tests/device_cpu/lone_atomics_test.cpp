// Atomic operations have a plain form beside them, for dispatches that one thread runs alone.

#include "device/cpu/lone_atomics.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <numeric>

#include "prepared_thread.hpp"

namespace anymetal::test {
namespace {

unsigned atomics(const llvm::Function& function) {
  return static_cast<unsigned>(
      llvm::count_if(llvm::instructions(function), [](const auto& instruction) { return instruction.isAtomic(); }));
}

/// Two operations on the kernel's own buffers, and three on memory that may be used elsewhere at the same time.
constexpr const char* kKernel = R"(
@count = internal global i32 undef, section "msl.threadgroup"
define void @kernel(ptr %data, ptr %pointers) {
  %old = atomicrmw add ptr %data, i32 1 monotonic
  %pair = cmpxchg ptr %data, i32 %old, i32 9 monotonic monotonic
  %other = load ptr, ptr %pointers
  %more = atomicrmw add ptr %other, i32 1 monotonic
  %which = icmp eq i32 %more, 3
  %either = select i1 %which, ptr %data, ptr %other
  %unknown = atomicrmw add ptr %either, i32 1 monotonic
  %tally = atomicrmw add ptr @count, i32 1 monotonic
  ret void
}
)";

TEST(LoneAtomics, HaveAPlainFormWhereTheyAreOnTheKernelsBuffers) {
  const auto prepared = prepare_as_written(kKernel, device::cpu::host_target());
  auto& function = *prepared.thread.function;
  device::cpu::make_atomics_plain_where_alone(function);
  EXPECT_EQ(function.size(), 1U) << "none is marked yet";
  device::cpu::mark_buffer_atomics(prepared.thread);
  device::cpu::make_atomics_plain_where_alone(function);
  ASSERT_FALSE(llvm::verifyFunction(function, &llvm::errs()));
  EXPECT_EQ(atomics(function), 5U) << "each is still there for those that are not alone";
  EXPECT_EQ(function.size(), 1U + 2 * 3) << "two of them have another form";
  const auto plain_stores = llvm::count_if(llvm::instructions(function), [](const auto& instruction) {
    const auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
    return store && !store->isAtomic();
  });
  EXPECT_EQ(plain_stores, 2);
}

/// Each thread takes a number of its own from a counter, adds to a float sum and lowers a minimum; a count grows by
/// compare-exchange.
constexpr const char* kCounting = R"(
define void @kernel(ptr %count, ptr %sum, ptr %least, ptr %stepped, ptr %taken) {
entry:
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %g = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %n = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %before = mul i32 %g, %n
  %at = add i32 %before, %i
  %mine = atomicrmw add ptr %count, i32 1 monotonic
  %f = atomicrmw fadd ptr %sum, float 1.0 monotonic
  %falling = sub i32 100000, %at
  %m = atomicrmw umin ptr %least, i32 %falling monotonic
  %wide = zext i32 %at to i64
  %own = getelementptr i32, ptr %taken, i64 %wide
  store i32 %mine, ptr %own
  br label %try
try:
  %seen = load atomic i32, ptr %stepped monotonic, align 4
  %next = add i32 %seen, 1
  %pair = cmpxchg ptr %stepped, i32 %seen, i32 %next monotonic monotonic
  %done = extractvalue { i32, i1 } %pair, 1
  br i1 %done, label %end, label %try
end:
  ret void
})";

TEST(LoneAtomics, CountEveryThreadAloneAndWithOthers) {
  constexpr std::uint32_t kThreads = 50'000;
  for (const unsigned threads : {1U, 4U}) {
    const IrKernel kernel(kCounting, cpu_device(threads));
    EXPECT_EQ(kernel.artifact().execution_path, "loop");
    for (int round = 0; round < 3; ++round) {
      const DeviceArray<std::uint32_t> count({0}), least({200'000}), stepped({0});
      const DeviceArray<float> sum({0.0f});
      const DeviceArray<std::uint32_t> taken(std::vector<std::uint32_t>(kThreads, 0));
      ASSERT_TRUE(
          kernel.run({count.bind(), sum.bind(), least.bind(), stepped.bind(), taken.bind()}, {kThreads}, {250}));
      EXPECT_EQ(count.values()[0], kThreads);
      EXPECT_EQ(sum.values()[0], static_cast<float>(kThreads));
      EXPECT_EQ(least.values()[0], 100'000 - (kThreads - 1));
      EXPECT_EQ(stepped.values()[0], kThreads);
      auto numbers = taken.values();
      std::ranges::sort(numbers);
      std::vector<std::uint32_t> all(kThreads);
      std::iota(all.begin(), all.end(), 0U);
      EXPECT_EQ(numbers, all) << threads;
    }
  }
}

}  // namespace
}  // namespace anymetal::test
