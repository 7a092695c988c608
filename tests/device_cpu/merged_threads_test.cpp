// Threads of several simdgroups that run as one, in threadgroups of many shapes, whole and cut off.

#include <fmt/format.h>

#include "device/cpu/forms.hpp"
#include "device/cpu/kernel_compiler.hpp"
#include "emulated/emulated_backend.hpp"
#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

using Words = std::vector<std::uint32_t>;

struct Geometry {
  Size threads, group;
};

/// Numbers go round in the threadgroup for three rounds of a loop with two barriers; some threads leave the way of the
/// others. `SUM` becomes a sum of the simdgroup, or nothing.
std::string text(bool in_simdgroups) {
  return fmt::format(R"(
@shared = internal global [1024 x i32] undef, section "msl.threadgroup", align 16
define void @kernel(ptr %out) {{
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %y = call i32 @__msl_thread_position_in_threadgroup(i32 1)
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %gx = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %gy = call i32 @__msl_threadgroup_position_in_grid(i32 1)
  %dx = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %dy = call i32 @__msl_dispatch_threads_per_threadgroup(i32 1)
  %sx = call i32 @__msl_threads_per_threadgroup(i32 0)
  %sy = call i32 @__msl_threads_per_threadgroup(i32 1)
  %columns = call i32 @__msl_threads_per_grid(i32 0)
  %n = mul i32 %sx, %sy
  %fx = mul i32 %gx, %dx
  %px = add i32 %fx, %x
  %fy = mul i32 %gy, %dy
  %py = add i32 %fy, %y
  %row = mul i32 %py, %columns
  %place = add i32 %row, %px
  %wi = zext i32 %i to i64
  %mine = getelementptr i32, ptr @shared, i64 %wi
  %i37 = add i32 %i, 37
  %j = urem i32 %i37, %n
  %wj = zext i32 %j to i64
  %theirs = getelementptr i32, ptr @shared, i64 %wj
  br label %round
round:
  %k = phi i32 [ 0, %entry ], [ %k1, %round ]
  %a = phi i32 [ %place, %entry ], [ %a1, %round ]
  %sent = add i32 %a, %k
  store i32 %sent, ptr %mine
  call void @__msl_threadgroup_barrier(i32 2)
  %a0 = load i32, ptr %theirs
  %a1 = {}
  call void @__msl_threadgroup_barrier(i32 2)
  %k1 = add i32 %k, 1
  %more = icmp ult i32 %k1, 3
  br i1 %more, label %round, label %behind
behind:
  %xy = xor i32 %x, %y
  %odd = and i32 %xy, 3
  %apart = icmp eq i32 %odd, 1
  br i1 %apart, label %other, label %end
other:
  %b = mul i32 %a1, 3
  br label %end
end:
  %r = phi i32 [ %a1, %behind ], [ %b, %other ]
  %wide = zext i32 %place to i64
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %r, ptr %o
  ret void
}}
)",
                     in_simdgroups ? "call i32 @__msl_simd_sum_u32(i32 %a0)" : "add i32 %a0, %k");
}

Words wanted(const Geometry& geometry, bool in_simdgroups) {
  Words result(geometry.threads.x * geometry.threads.y);
  for (std::size_t fy = 0; fy < geometry.threads.y; fy += geometry.group.y)
    for (std::size_t fx = 0; fx < geometry.threads.x; fx += geometry.group.x) {
      const auto sx = std::min(geometry.group.x, geometry.threads.x - fx);
      const auto sy = std::min(geometry.group.y, geometry.threads.y - fy);
      const auto n = sx * sy;
      const auto place = [&](std::size_t i) { return (fy + i / sx) * geometry.threads.x + fx + i % sx; };
      Words a(n);
      for (std::size_t i = 0; i < n; ++i) a[i] = static_cast<std::uint32_t>(place(i));
      for (std::uint32_t k = 0; k < 3; ++k) {
        Words got(n);
        for (std::size_t i = 0; i < n; ++i) got[i] = a[(i + 37) % n] + k;
        for (std::size_t i = 0; i < n; ++i) a[i] = got[i] + k;
        for (std::size_t first = 0; in_simdgroups && first < n; first += 32) {
          std::uint32_t sum = 0;
          for (std::size_t i = first; i < std::min(first + 32, n); ++i) sum += got[i];
          for (std::size_t i = first; i < std::min(first + 32, n); ++i) a[i] = sum;
        }
      }
      for (std::size_t i = 0; i < n; ++i) result[place(i)] = ((i % sx) ^ (i / sx)) % 4 == 1 ? a[i] * 3 : a[i];
    }
  return result;
}

void compare(bool in_simdgroups, const std::vector<Geometry>& geometries) {
  const auto device = *cpu_or_emulated({.threads = 1, .lanes = true, .verify = true, .merged_from = 0});
  const IrKernel kernel(text(in_simdgroups), device);
  EXPECT_EQ(kernel.artifact().execution_path, "lanes") << kernel.artifact().path_reason;
  for (const auto& geometry : geometries) {
    const DeviceArray<std::uint32_t> out(Words(geometry.threads.x * geometry.threads.y, 7));
    ASSERT_TRUE(kernel.run({out.bind()}, geometry.threads, geometry.group));
    EXPECT_EQ(out.values(), wanted(geometry, in_simdgroups)) << geometry.group.x << " by " << geometry.group.y;
  }
}

TEST(MergedThreads, MeetAtBarriers) {
  compare(false, {{{512}, {256}}, {{128}, {128}}, {{64}, {64}}, {{64, 8}, {32, 8}}, {{32, 4}, {32, 4}}});
  compare(false, {{{32, 16}, {16, 16}}, {{16, 8}, {16, 8}}, {{16, 16}, {8, 8}}});
  compare(false, {{{1024}, {512}}, {{768}, {384}}, {{64, 16}, {32, 16}}, {{64, 12}, {64, 12}}, {{16, 24}, {16, 24}}});
}
TEST(MergedThreads, MeetInSimdgroups) {
  compare(true, {{{512}, {256}}, {{1024}, {1024}}, {{384}, {384}}, {{64, 8}, {32, 8}}, {{32, 32}, {32, 32}}});
}
TEST(MergedThreads, AreApartWhereTheGridCutsThreadgroupsOff) {
  compare(false,
          {{{700}, {256}}, {{48, 20}, {16, 16}}, {{40, 20}, {16, 8}}, {{64, 11}, {32, 8}}, {{600, 3}, {512, 2}}});
  compare(true, {{{640}, {256}}, {{600}, {256}}, {{64, 11}, {32, 8}}});
}

/// The forms are made of merged threads, not only asked for.
TEST(MergedThreads, AreMadeInEveryForm) {
  using device::cpu::Form;
  const IrKernel kernel(text(false), *cpu_or_emulated({.threads = 1, .lanes = true}));
  for (std::size_t number = 0; number < device::cpu::kFormCount; ++number) {
    const auto form = static_cast<Form>(number);
    if (unmerged(form) == form) continue;
    const auto made = device::cpu::compile_form(kernel.artifact(), "k", form, {.verify = true});
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->execution_path, "lanes") << name_of(form);
    EXPECT_EQ(made->path_reason, "") << name_of(form);
  }
}

}  // namespace
}  // namespace anymetal::test
