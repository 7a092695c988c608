// Command lists: order, thread counts, limits.

#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

/// out[i] = out[i] * 3 + in[n - 1 - i]: what a dispatch reads, another group of the one before has written.
constexpr const char* kReverse = R"(
define void @kernel(ptr %in, ptr %out) {
  %g = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %d = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %t = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %n = call i32 @__msl_threads_per_grid(i32 0)
  %o = mul i32 %g, %d
  %i = add i32 %o, %t
  %n1 = sub i32 %n, 1
  %r = sub i32 %n1, %i
  %at = zext i32 %i to i64
  %rat = zext i32 %r to i64
  %p = getelementptr i32, ptr %in, i64 %rat
  %q = getelementptr i32, ptr %out, i64 %at
  %v = load i32, ptr %p
  %w = load i32, ptr %q
  %w3 = mul i32 %w, 3
  %s = add i32 %v, %w3
  store i32 %s, ptr %q
  ret void
})";

TEST(Dispatches, RunInOrderOnAnyNumberOfThreads) {
  constexpr std::uint32_t kCount = 3001;
  std::vector<std::uint32_t> expected_a(kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) expected_a[i] = i * i;
  const auto start = expected_a;
  std::vector<std::uint32_t> expected_b(kCount, 1);
  for (int round = 0; round < 30; ++round)
    for (auto [from, to] : {std::pair{&expected_a, &expected_b}, std::pair{&expected_b, &expected_a}})
      for (std::uint32_t i = 0; i < kCount; ++i) (*to)[i] = (*to)[i] * 3 + (*from)[kCount - 1 - i];
  for (const unsigned threads : {1u, 2u, 5u}) {
    const auto backend = cpu_device(threads);
    EXPECT_EQ(backend->info().compute_units, threads);
    const auto artifact = backend->compile(parse_kernel(kReverse), "reverse");
    ASSERT_TRUE(artifact);
    const auto executable = *backend->load(*artifact, "reverse");
    const DeviceArray<std::uint32_t> a(start);
    const DeviceArray<std::uint32_t> b(std::vector<std::uint32_t>(kCount, 1));
    device::CommandList list;
    list.arguments = {a.bind(), b.bind(), b.bind(), a.bind()};
    for (int round = 0; round < 30; ++round)
      for (const std::size_t first : {0u, 2u})
        list.dispatches.push_back({executable.get(), "reverse", first, 2, {96}, {kCount}});
    ASSERT_TRUE(backend->execute(list));
    EXPECT_EQ(a.values(), expected_a) << threads << " threads";
    EXPECT_EQ(b.values(), expected_b) << threads << " threads";
  }
}

TEST(Dispatches, ImpossibleGridsAreErrors) {
  const IrKernel kernel(kReverse);
  const DeviceArray<std::uint32_t> data(std::vector<std::uint32_t>(1));
  struct Shape {
    Size threads, group;
  };
  for (const auto& [threads, group] :
       {Shape{{1}, {0}}, Shape{{1}, {1025}}, Shape{{1}, {64, 32}}, Shape{{1}, {1, 1, 2000}},
        Shape{{std::size_t{1} << 32}, {1}}, Shape{{std::size_t{1} << 31, std::size_t{1} << 31, 8}, {1}}}) {
    const auto done = kernel.run({data.bind(), data.bind()}, threads, group);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), ErrorCode::InvalidDispatch);
  }
}

TEST(Dispatches, AbsentArgumentsAreNull) {
  const IrKernel kernel(R"(
define void @kernel(ptr %out, ptr %maybe) {
  %null = icmp eq ptr %maybe, null
  %v = select i1 %null, i32 7, i32 8
  store i32 %v, ptr %out
  ret void
})");
  const DeviceArray<std::uint32_t> out({0});
  ASSERT_TRUE(kernel.run({out.bind(), {}}, {1}, {1}));
  EXPECT_EQ(out.values()[0], 7u);
  ASSERT_TRUE(kernel.run({out.bind(), out.bind()}, {1}, {1}));
  EXPECT_EQ(out.values()[0], 8u);
}

}  // namespace
}  // namespace anymetal::test
