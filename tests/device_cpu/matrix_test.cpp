// simdgroup_multiply_accumulate with the documented layout of elements over lanes.

#include "ir_kernel.hpp"

#include <cmath>
#include <random>

namespace anymetal::test {
namespace {

struct Position {
  unsigned row, column;
};
Position position(unsigned lane) {
  const unsigned q = lane / 4;
  return {(q & 4) + (lane / 2) % 4, (q & 2) * 2 + (lane % 2) * 2};
}

/// d = a * (a * b + c) + c, each lane holding its two elements at [2 * lane].
constexpr const char* kChain = R"(
define void @kernel(ptr %a, ptr %b, ptr %c, ptr %d) {
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %at = zext i32 %i to i64
  %pa = getelementptr <2 x float>, ptr %a, i64 %at
  %pb = getelementptr <2 x float>, ptr %b, i64 %at
  %pc = getelementptr <2 x float>, ptr %c, i64 %at
  %pd = getelementptr <2 x float>, ptr %d, i64 %at
  %va = load <2 x float>, ptr %pa, align 4
  %vb = load <2 x float>, ptr %pb, align 4
  %vc = load <2 x float>, ptr %pc, align 4
  %r = call <2 x float> @__msl_simdgroup_multiply_accumulate_f32_f32(<2 x float> %va, <2 x float> %vb, <2 x float> %vc)
  %u = call <2 x float> @__msl_simdgroup_multiply_accumulate_f16_f32(<2 x float> %va, <2 x float> %r, <2 x float> %vc)
  store <2 x float> %u, ptr %pd, align 4
  ret void
})";

TEST(Matrix, MultiplyAccumulateInEverySimdgroup) {
  const IrKernel kernel(kChain);
  constexpr unsigned kGroups = 3;
  std::mt19937 random(5);
  std::uniform_real_distribution<float> distribution(-1, 1);
  std::vector<float> a(64 * kGroups);
  auto b = a;
  auto c = a;
  for (auto* tensor : {&a, &b, &c})
    for (auto& value : *tensor) value = distribution(random);
  const DeviceArray<float> da(a);
  const DeviceArray<float> db(b);
  const DeviceArray<float> dc(c);
  const DeviceArray<float> dd(std::vector<float>(64 * kGroups, NAN));
  ASSERT_TRUE(kernel.run({da.bind(), db.bind(), dc.bind(), dd.bind()}, {32 * kGroups}, {32 * kGroups}));
  const auto result = dd.values();
  for (unsigned g = 0; g < kGroups; ++g) {
    auto tile = [&](const std::vector<float>& lanes) {
      std::vector<double> values(64);
      for (unsigned lane = 0; lane < 32; ++lane)
        for (unsigned e = 0; e < 2; ++e)
          values[position(lane).row * 8 + position(lane).column + e] = static_cast<double>(lanes[g * 64 + 2 * lane + e]);
      return values;
    };
    auto multiply = [](const std::vector<double>& x, const std::vector<double>& y, const std::vector<double>& z) {
      auto sum = z;
      for (unsigned r = 0; r < 8; ++r)
        for (unsigned k = 0; k < 8; ++k)
          for (unsigned col = 0; col < 8; ++col) sum[r * 8 + col] += x[r * 8 + k] * y[k * 8 + col];
      return sum;
    };
    const auto expected = multiply(tile(a), multiply(tile(a), tile(b), tile(c)), tile(c));
    const auto actual = tile(result);
    for (unsigned i = 0; i < 64; ++i) ASSERT_NEAR(actual[i], expected[i], 1e-5) << i << " of simdgroup " << g;
  }
}

}  // namespace
}  // namespace anymetal::test
