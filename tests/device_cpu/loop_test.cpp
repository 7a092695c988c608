// Kernels without synchronisation: positions, grids in three dimensions, clipped edges.

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include "device/cpu/kernel_compiler.hpp"
#include "prepared_thread.hpp"

namespace anymetal::test {
namespace {

/// Writes the linear position in the grid and all position queries, folded into one hash, to out[linear].
constexpr const char* kPositions = R"(
define void @kernel(ptr %out) {
  %tx = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %ty = call i32 @__msl_thread_position_in_threadgroup(i32 1)
  %tz = call i32 @__msl_thread_position_in_threadgroup(i32 2)
  %gx = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %gy = call i32 @__msl_threadgroup_position_in_grid(i32 1)
  %gz = call i32 @__msl_threadgroup_position_in_grid(i32 2)
  %dx = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %dy = call i32 @__msl_dispatch_threads_per_threadgroup(i32 1)
  %dz = call i32 @__msl_dispatch_threads_per_threadgroup(i32 2)
  %nx = call i32 @__msl_threads_per_grid(i32 0)
  %ny = call i32 @__msl_threads_per_grid(i32 1)
  %ox = mul i32 %gx, %dx
  %oy = mul i32 %gy, %dy
  %oz = mul i32 %gz, %dz
  %x = add i32 %ox, %tx
  %y = add i32 %oy, %ty
  %z = add i32 %oz, %tz
  %zy = mul i32 %z, %ny
  %row = add i32 %zy, %y
  %rowx = mul i32 %row, %nx
  %linear = add i32 %rowx, %x
  %wx = call i32 @__msl_threads_per_threadgroup(i32 0)
  %wy = call i32 @__msl_threads_per_threadgroup(i32 1)
  %wz = call i32 @__msl_threads_per_threadgroup(i32 2)
  %cx = call i32 @__msl_threadgroups_per_grid(i32 0)
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %l = call i32 @__msl_thread_index_in_simdgroup()
  %s = call i32 @__msl_simdgroup_index_in_threadgroup()
  %base = mul i32 %linear, 7
  %at = zext i32 %base to i64
  %p0 = getelementptr i32, ptr %out, i64 %at
  %p1 = getelementptr i32, ptr %p0, i64 1
  %p2 = getelementptr i32, ptr %p0, i64 2
  %p3 = getelementptr i32, ptr %p0, i64 3
  %p4 = getelementptr i32, ptr %p0, i64 4
  %p5 = getelementptr i32, ptr %p0, i64 5
  %p6 = getelementptr i32, ptr %p0, i64 6
  store i32 %wx, ptr %p0
  store i32 %wy, ptr %p1
  store i32 %wz, ptr %p2
  store i32 %cx, ptr %p3
  store i32 %i, ptr %p4
  store i32 %l, ptr %p5
  store i32 %s, ptr %p6
  ret void
})";

struct GridCase {
  Size threads;
  Size group;
};

class Positions : public testing::TestWithParam<GridCase> {};

TEST_P(Positions, EveryThreadSeesItsOwn) {
  const auto& [threads, group] = GetParam();
  const IrKernel kernel(kPositions);
  EXPECT_EQ(kernel.artifact().execution_path, "loop");
  const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(threads.x * threads.y * threads.z * 7, 0xdead));
  ASSERT_TRUE(kernel.run({out.bind()}, threads, group));
  const auto values = out.values();
  for (std::size_t z = 0, at = 0; z < threads.z; ++z)
    for (std::size_t y = 0; y < threads.y; ++y)
      for (std::size_t x = 0; x < threads.x; ++x, at += 7) {
        const Size origin{x / group.x * group.x, y / group.y * group.y, z / group.z * group.z};
        const Size width{std::min(group.x, threads.x - origin.x), std::min(group.y, threads.y - origin.y),
                         std::min(group.z, threads.z - origin.z)};
        const auto index = ((z - origin.z) * width.y + (y - origin.y)) * width.x + (x - origin.x);
        ASSERT_EQ(values[at], width.x) << x << ' ' << y << ' ' << z;
        ASSERT_EQ(values[at + 1], width.y);
        ASSERT_EQ(values[at + 2], width.z);
        ASSERT_EQ(values[at + 3], (threads.x + group.x - 1) / group.x);
        ASSERT_EQ(values[at + 4], index);
        ASSERT_EQ(values[at + 5], index % 32);
        ASSERT_EQ(values[at + 6], index / 32);
      }
}

INSTANTIATE_TEST_SUITE_P(Grids, Positions,
                         testing::Values(GridCase{{1, 1, 1}, {1, 1, 1}}, GridCase{{1000, 1, 1}, {256, 1, 1}},
                                         GridCase{{64, 1, 1}, {64, 1, 1}}, GridCase{{17, 5, 3}, {4, 2, 2}},
                                         GridCase{{3, 40, 1}, {8, 16, 1}}, GridCase{{1, 1, 100}, {1, 1, 64}},
                                         GridCase{{5000, 1, 1}, {1, 1, 1}}, GridCase{{33, 33, 2}, {32, 32, 1}},
                                         GridCase{{0, 4, 4}, {2, 2, 2}}));

TEST(Loop, PrivateArraysBelongToOneThread) {
  // Each thread fills a private array and reads it back through a rotated index.
  const IrKernel kernel(R"(
define void @kernel(ptr %out) {
entry:
  %private = alloca [4 x i32]
  %t = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %at = zext i32 %t to i64
  %low = and i32 %t, 3
  %index = zext i32 %low to i64
  br label %fill
fill:
  %k = phi i64 [ 0, %entry ], [ %k1, %fill ]
  %k32 = trunc i64 %k to i32
  %v = add i32 %k32, %t
  %slot = getelementptr [4 x i32], ptr %private, i64 0, i64 %k
  store i32 %v, ptr %slot
  %k1 = add i64 %k, 1
  %more = icmp ult i64 %k1, 4
  br i1 %more, label %fill, label %done
done:
  %chosen = getelementptr [4 x i32], ptr %private, i64 0, i64 %index
  %value = load i32, ptr %chosen
  %p = getelementptr i32, ptr %out, i64 %at
  store i32 %value, ptr %p
  ret void
})");
  const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(1000));
  ASSERT_TRUE(kernel.run({out.bind()}, {1000}, {1000}));
  const auto values = out.values();
  for (std::uint32_t t = 0; t < 1000; ++t) ASSERT_EQ(values[t], t + t % 4);
}

TEST(Loop, MeetingsThatNoThreadComesToAreNone) {
  // That the case is never reached follows from the range of a lane's number, which is known once it has become one.
  constexpr const char* kUnreached = R"(
define void @kernel(ptr %out) {
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %lane = call i32 @__msl_thread_index_in_simdgroup()
  %part = udiv i32 %lane, 1000
  %way = and i32 %part, 3
  switch i32 %way, label %meet [ i32 0, label %end
                                 i32 1, label %one ]
one:
  br label %end
meet:
  %sum = call i32 @__msl_simd_sum_u32(i32 %i)
  br label %end
end:
  %value = phi i32 [ %i, %0 ], [ 7, %one ], [ %sum, %meet ]
  %at = zext i32 %i to i64
  %p = getelementptr i32, ptr %out, i64 %at
  store i32 %value, ptr %p
  ret void
})";
  for (const bool lanes : {true, false}) {
    const IrKernel kernel(kUnreached, *device::cpu::make_cpu_backend({.threads = 1, .lanes = lanes}));
    EXPECT_EQ(kernel.artifact().execution_path, "loop");
    const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(64, 9));
    ASSERT_TRUE(kernel.run({out.bind()}, {64}, {64}));
    for (std::uint32_t i = 0; i < 64; ++i) EXPECT_EQ(out.values()[i], i);
  }
}

TEST(Loop, ThreadgroupsDoNotShareTheirMemory) {
  // Each of the eight threads of a threadgroup has a place there, and only its position in the grid to find it.
  const IrKernel kernel(R"(
@slots = internal global [8 x i32] undef, section "msl.threadgroup", align 16
define void @kernel(ptr noalias readonly %rounds, ptr %out) {
  %g = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %d = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %t = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %o = mul i32 %g, %d
  %i = add i32 %o, %t
  %count = load i32, ptr %rounds
  %turned = mul i32 %i, 3
  %slot = and i32 %turned, 7
  %at = zext i32 %slot to i64
  %own = getelementptr [8 x i32], ptr @slots, i64 0, i64 %at
  store i32 %i, ptr %own
  br label %round
round:
  %k = phi i32 [ 0, %0 ], [ %next, %round ]
  %x = phi i32 [ 0, %0 ], [ %sum, %round ]
  %next = add i32 %k, 1
  %sum = add i32 %x, %k
  %stop = icmp eq i32 %next, %count
  br i1 %stop, label %after, label %round
after:
  %back = xor i32 %slot, %sum
  %from = zext i32 %back to i64
  %again = getelementptr [8 x i32], ptr @slots, i64 0, i64 %from
  %value = load i32, ptr %again
  %place = zext i32 %i to i64
  %p = getelementptr i32, ptr %out, i64 %place
  store i32 %value, ptr %p
  ret void
})",
                        cpu_device(1));
  const DeviceArray<std::uint32_t> rounds({1}), out(std::vector<std::uint32_t>(256, 0));
  ASSERT_TRUE(kernel.run({rounds.bind(), out.bind()}, {256}, {8}));
  for (std::uint32_t i = 0; i < 256; ++i) ASSERT_EQ(out.values()[i], i);
}

TEST(Loop, BuffersMayBeTheSame) {
  // In place: x[i] = 2 * x[i] with input and output bound to one buffer.
  const IrKernel kernel(R"(
define void @kernel(ptr %in, ptr %out, ptr %n) {
  %g = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %d = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %t = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %o = mul i32 %g, %d
  %i = add i32 %o, %t
  %count = load i32, ptr %n
  %inside = icmp ult i32 %i, %count
  br i1 %inside, label %body, label %end
body:
  %at = zext i32 %i to i64
  %p = getelementptr float, ptr %in, i64 %at
  %x = load float, ptr %p
  %y = fmul float %x, 2.0
  %q = getelementptr float, ptr %out, i64 %at
  store float %y, ptr %q
  br label %end
end:
  ret void
})");
  std::vector<float> input(1001);
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i) - 500.5f;
  const DeviceArray<float> data(input);
  const DeviceArray<std::uint32_t> count({1000});
  ASSERT_TRUE(kernel.run({data.bind(), data.bind(), count.bind()}, {1024}, {64}));
  const auto values = data.values();
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(values[i], 2 * input[i]);
  EXPECT_EQ(values[1000], input[1000]);
}

TEST(Loop, AtomicsUnderContention) {
  const IrKernel kernel(R"(
define void @kernel(ptr %sum, ptr %fsum) {
  %old = atomicrmw add ptr %sum, i32 1 monotonic
  %fold = atomicrmw fadd ptr %fsum, float 1.0 monotonic
  ret void
})",
                        cpu_device(4));
  const DeviceArray<std::uint32_t> sum({0});
  const DeviceArray<float> float_sum({0.0f});
  ASSERT_TRUE(kernel.run({sum.bind(), float_sum.bind()}, {100000}, {250}));
  EXPECT_EQ(sum.values()[0], 100000u);
  EXPECT_EQ(float_sum.values()[0], 100000.0f);
}

/// Adds 1 to out[threadgroup]; nothing tells the threads of a threadgroup apart.
std::string counting_kernel(std::string_view add) {
  return std::string("define void @kernel(ptr %out) {\n"
                     "  %g = call i32 @__msl_threadgroup_position_in_grid(i32 0)\n"
                     "  %at = zext i32 %g to i64\n"
                     "  %p = getelementptr i32, ptr %out, i64 %at\n") +
         std::string(add) + "  ret void\n}";
}

TEST(LoopPath, ThreadsThatAreAlikeRunOnce) {
  const IrKernel kernel(counting_kernel("  %v = load i32, ptr %p\n  %w = add i32 %v, 1\n  store i32 %w, ptr %p\n"));
  EXPECT_EQ(kernel.artifact().execution_path, "loop");
  const DeviceArray<std::uint32_t> out({0, 0, 0});
  ASSERT_TRUE(kernel.run({out.bind()}, {20}, {8}));  // the last threadgroup is clipped
  EXPECT_EQ(out.values(), (std::vector<std::uint32_t>{1, 1, 1}));
}

TEST(LoopPath, AtomicsCountEveryThread) {
  const IrKernel kernel(counting_kernel("  %v = atomicrmw add ptr %p, i32 1 monotonic\n"));
  const DeviceArray<std::uint32_t> out({0, 0, 0});
  ASSERT_TRUE(kernel.run({out.bind()}, {20}, {8}));
  EXPECT_EQ(out.values(), (std::vector<std::uint32_t>{8, 8, 4}));
}

/// The code of the innermost loop, over x, stands once: rounds of the loops over y and z are not put one behind
/// another.
TEST(LoopPath, VectorsAreMadeOnceForAllRows) {
  auto kernel = parse_kernel(R"(
define void @kernel(ptr %a, ptr %out) {
  %g = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %d = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %t = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %first = mul i32 %g, %d
  %i = add i32 %first, %t
  %wide = zext i32 %i to i64
  %from = getelementptr float, ptr %a, i64 %wide
  %v = load float, ptr %from
  %w = fadd float %v, 1.0
  %to = getelementptr float, ptr %out, i64 %wide
  store float %w, ptr %to
  ret void
})");
  const auto generator = device::cpu::CodeGenerator::create().value();
  ASSERT_TRUE(device::cpu::lower_kernel(kernel, "kernel", {.lanes = true, .one_thread = true}, generator));
  generator.optimise(*kernel.module, device::cpu::CodeGenerator::Code::Loops);
  unsigned blocks = 0;
  for (const auto& function : *kernel.module)
    for (const auto& block : function)
      blocks += llvm::any_of(block, [](const llvm::Instruction& instruction) {
        const auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
        return store && store->getValueOperand()->getType()->isVectorTy();
      });
  EXPECT_EQ(blocks, 1U);
}

}  // namespace
}  // namespace anymetal::test
