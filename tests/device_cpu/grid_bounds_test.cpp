// Conditions about the first or last threads of an axis: loops over threads begin and end there.

#include "device/cpu/grid_bounds.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/InstIterator.h>

#include <string>

#include "prepared_thread.hpp"

namespace anymetal::test {
namespace {

struct GridCase {
  Size threads;
  Size group;
};

/// The positions x and y of a thread in the grid, in the form the front end gives them.
constexpr const char* kPosition = R"(
  %gx = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %dx = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %tx = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %ox = mul i32 %gx, %dx
  %x = add i32 %ox, %tx
  %gy = call i32 @__msl_threadgroup_position_in_grid(i32 1)
  %dy = call i32 @__msl_dispatch_threads_per_threadgroup(i32 1)
  %ty = call i32 @__msl_thread_position_in_threadgroup(i32 1)
  %oy = mul i32 %gy, %dy
  %y = add i32 %oy, %ty
)";

/// out[y * columns + x] = threads' number where x < columns and y < rows, the bounds in the form the front end gives them.
const std::string kBounded = std::string(R"(
define void @kernel(ptr noalias readonly dereferenceable(8) %shape, ptr %out) {
entry:
)") + kPosition + R"(
  %columns = load i32, ptr %shape, !noundef !0
  %second = getelementptr i32, ptr %shape, i64 1
  %rows = load i32, ptr %second, !noundef !0
  %left = icmp uge i32 %x, %columns
  %below = icmp ule i32 %rows, %y
  %outside = or i1 %left, %below
  br i1 %outside, label %done, label %write
write:
  %row = mul i32 %y, %columns
  %at = add i32 %row, %x
  %wide = zext i32 %at to i64
  %p = getelementptr i32, ptr %out, i64 %wide
  %old = load i32, ptr %p
  %new = add i32 %old, %at
  store i32 %new, ptr %p
  br label %done
done:
  ret void
}
!0 = !{}
)";

TEST(GridBounds, ThreadsPastOneDoNothing) {
  const IrKernel kernel(kBounded);
  for (const auto& [threads, group] : {GridCase{{64, 3, 1}, {8, 1, 1}}, GridCase{{64, 4, 1}, {32, 4, 1}}, GridCase{{60, 2, 1}, {7, 2, 1}},
                                       GridCase{{1000, 50, 1}, {3, 5, 1}}, GridCase{{1, 1, 1}, {1, 1, 1}}}) {
    for (const std::uint32_t columns : {1U, 59U, 60U, 1000U}) {
      for (const std::uint32_t rows : {1U, 2U, 60U}) {
        const DeviceArray<std::uint32_t> shape({columns, rows}), out(std::vector<std::uint32_t>(std::size_t{columns} * rows, 7));
        ASSERT_TRUE(kernel.run({shape.bind(), out.bind()}, threads, group));
        const auto values = out.values();
        for (std::uint32_t i = 0; i < values.size(); ++i) {
          const bool reached = i % columns < threads.x && i / columns < threads.y;
          ASSERT_EQ(values[i], reached ? 7 + i : 7) << columns << ' ' << rows << ' ' << threads.x << ' ' << group.x;
        }
      }
    }
  }
}

TEST(GridBounds, AreTakenOnlyFromWhatNobodyWrites) {
  std::string writable = kBounded;
  writable.erase(writable.find("noalias readonly "), 17);
  for (const auto& ir : {kBounded, writable}) {
    const auto prepared = prepare_thread(ir);
    EXPECT_TRUE(device::cpu::reads_only_grid_position_of_x(prepared.thread));
    EXPECT_EQ(device::cpu::take_grid_bounds(prepared.thread).size(), ir == writable ? 0U : 2U);
  }
}

/// out[(z * side + y) * side + x] += 1 inside a cube whose rim is left out, as programs say it: with one condition after the
/// other, the first about x alone, the second about all three as vectors.
const std::string kRim = std::string(R"(
define void @kernel(ptr noalias readonly align 4 dereferenceable(4) %side, ptr %out) {
entry:
)") + kPosition + R"(
  %gz = call i32 @__msl_threadgroup_position_in_grid(i32 2)
  %dz = call i32 @__msl_dispatch_threads_per_threadgroup(i32 2)
  %tz = call i32 @__msl_thread_position_in_threadgroup(i32 2)
  %oz = mul i32 %gz, %dz
  %z = add i32 %oz, %tz
  %left = icmp ule i32 %x, 1
  br i1 %left, label %done, label %rims
rims:
  %p0 = insertelement <3 x i32> poison, i32 %x, i64 0
  %p1 = insertelement <3 x i32> %p0, i32 %y, i64 1
  %p = insertelement <3 x i32> %p1, i32 %z, i64 2
  %zeros = icmp eq <3 x i32> %p, zeroinitializer
  %zero_bits = bitcast <3 x i1> %zeros to i3
  %none = icmp eq i3 %zero_bits, 0
  br i1 %none, label %ends, label %done
ends:
  %n = load i32, ptr %side, align 4
  %last = add i32 %n, -1
  %l0 = insertelement <3 x i32> poison, i32 %last, i64 0
  %l = shufflevector <3 x i32> %l0, <3 x i32> poison, <3 x i32> zeroinitializer
  %before = icmp ult <3 x i32> %p, %l
  %before_bits = bitcast <3 x i1> %before to i3
  %inside = icmp eq i3 %before_bits, -1
  br i1 %inside, label %write, label %done
write:
  %plane = mul i32 %z, %n
  %rows = add i32 %plane, %y
  %row = mul i32 %rows, %n
  %at = add i32 %row, %x
  %wide = zext i32 %at to i64
  %to = getelementptr i32, ptr %out, i64 %wide
  %old = load i32, ptr %to
  %new = add i32 %old, %at
  store i32 %new, ptr %to
  br label %done
done:
  ret void
}
)";

TEST(GridBounds, ThreadsBeforeOneDoNothing) {
  const IrKernel kernel(kRim);
  EXPECT_EQ(kernel.artifact().execution_path, "loop");
  for (const auto& [threads, group] : {GridCase{{12, 12, 12}, {4, 4, 4}}, GridCase{{70, 20, 5}, {32, 4, 1}},
                                       GridCase{{37, 11, 9}, {5, 11, 2}}, GridCase{{2, 2, 2}, {1, 1, 1}}}) {
    for (const std::uint32_t side : {1U, 3U, 11U, 40U}) {
      const std::size_t count = std::size_t{side} * side * side;
      const DeviceArray<std::uint32_t> n({side}), out(std::vector<std::uint32_t>(count + 1, 7));
      ASSERT_TRUE(kernel.run({n.bind(), out.bind()}, threads, group));
      const auto values = out.values();
      for (std::uint32_t i = 0; i < count; ++i) {
        const auto x = i % side, y = i / side % side, z = i / side / side;
        const bool reached = x > 1 && y > 0 && z > 0 && x + 1 < side && y + 1 < side && z + 1 < side && x < threads.x &&
                             y < threads.y && z < threads.z;
        ASSERT_EQ(values[i], reached ? 7 + i : 7) << side << ' ' << i << ' ' << threads.x << ' ' << group.x;
      }
    }
  }
}

TEST(GridBounds, AreTakenFromOneConditionAfterTheOther) {
  const auto prepared = prepare_thread(kRim);
  EXPECT_EQ(device::cpu::take_grid_bounds(prepared.thread).size(), 7U);
  const auto has_vectors = llvm::any_of(llvm::instructions(*prepared.thread.function), [](const auto& instruction) {
    return instruction.getType()->isVectorTy();
  });
  EXPECT_FALSE(has_vectors);

  // Behind a load that may not be done where no thread comes to it there is no more to take.
  std::string unsafe = kRim;
  unsafe.replace(unsafe.find("align 4 dereferenceable(4)"), 26, "");
  EXPECT_EQ(device::cpu::take_grid_bounds(prepare_thread(unsafe).thread).size(), 4U);
}

TEST(GridBounds, WhatStandsBeforeOneIsDoneByAll) {
  const IrKernel kernel(R"(
define void @kernel(ptr noalias readonly %n, ptr %count, ptr %out) {
  %g = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %d = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %t = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %o = mul i32 %g, %d
  %i = add i32 %o, %t
  %old = atomicrmw add ptr %count, i32 1 monotonic
  %at = zext i32 %i to i64
  %p = getelementptr i32, ptr %out, i64 %at
  store i32 1, ptr %p
  %end = load i32, ptr %n
  %inside = icmp ult i32 %i, %end
  br i1 %inside, label %body, label %done
body:
  %more = atomicrmw add ptr %p, i32 1 monotonic
  br label %done
done:
  ret void
})");
  const DeviceArray<std::uint32_t> end({40}), count({0}), out(std::vector<std::uint32_t>(64, 0));
  ASSERT_TRUE(kernel.run({end.bind(), count.bind(), out.bind()}, {64}, {8}));
  EXPECT_EQ(count.values()[0], 64U);
  for (std::uint32_t i = 0; i < 64; ++i) EXPECT_EQ(out.values()[i], i < 40 ? 2U : 1U) << i;
}

}  // namespace
}  // namespace anymetal::test
