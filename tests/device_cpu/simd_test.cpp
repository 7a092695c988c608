// Every simdgroup operation against a reference that works lane by lane.

#include "ir_kernel.hpp"

#include <bit>
#include <cmath>
#include <functional>
#include <random>

namespace anymetal::test {
namespace {

using Lanes = std::vector<std::uint32_t>;  ///< values of the lanes that are active, by lane; see `active`

struct Case {
  const char* function;
  const char* type;  ///< "i32" or "float" in IR
  /// Result of `lane` from all lanes' values (as bits) and who is active.
  std::function<std::uint32_t(unsigned lane, const Lanes& values, const std::vector<bool>& active)> reference;
};

float as_float(std::uint32_t bits) { return std::bit_cast<float>(bits); }
std::uint32_t as_bits(float value) { return std::bit_cast<std::uint32_t>(value); }

template <class T>
T from_bits(std::uint32_t bits) {
  return std::bit_cast<T>(bits);
}

template <class T, class F>
auto fold(T start, F combine) {
  return [=](unsigned, const Lanes& values, const std::vector<bool>& active) {
    T result = start;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (active[i]) result = combine(result, from_bits<T>(values[i]));
    return std::bit_cast<std::uint32_t>(result);
  };
}

template <class T, class F>
auto scan(T start, F combine, bool inclusive) {
  return [=](unsigned lane, const Lanes& values, const std::vector<bool>& active) {
    T result = start;
    for (std::size_t i = 0; i < lane + (inclusive ? 1u : 0u); ++i)
      if (active[i]) result = combine(result, from_bits<T>(values[i]));
    return std::bit_cast<std::uint32_t>(result);
  };
}

const auto kAdd = [](auto a, auto b) { return a + b; };
const auto kMultiply = [](auto a, auto b) { return a * b; };
const auto kMin = [](auto a, auto b) { return std::min(a, b); };
const auto kMax = [](auto a, auto b) { return std::max(a, b); };
const float kInfinity = std::numeric_limits<float>::infinity();

const std::vector<Case>& cases() {
  static const std::vector<Case> table{
      {"sum_u32", "i32", fold<std::uint32_t>(0, kAdd)},
      {"sum_f32", "float", fold<float>(0, kAdd)},
      {"product_u32", "i32", fold<std::uint32_t>(1, kMultiply)},
      {"product_f32", "float", fold<float>(1, kMultiply)},
      {"min_i32", "i32", fold<std::int32_t>(INT32_MAX, kMin)},
      {"max_i32", "i32", fold<std::int32_t>(INT32_MIN, kMax)},
      {"min_u32", "i32", fold<std::uint32_t>(UINT32_MAX, kMin)},
      {"max_u32", "i32", fold<std::uint32_t>(0, kMax)},
      {"min_f32", "float", fold<float>(kInfinity, kMin)},
      {"max_f32", "float", fold<float>(-kInfinity, kMax)},
      {"and_u32", "i32", fold<std::uint32_t>(UINT32_MAX, [](auto a, auto b) { return a & b; })},
      {"or_u32", "i32", fold<std::uint32_t>(0, [](auto a, auto b) { return a | b; })},
      {"xor_u32", "i32", fold<std::uint32_t>(0, [](auto a, auto b) { return a ^ b; })},
      {"prefix_inclusive_sum_u32", "i32", scan<std::uint32_t>(0, kAdd, true)},
      {"prefix_exclusive_sum_u32", "i32", scan<std::uint32_t>(0, kAdd, false)},
      {"prefix_inclusive_product_u32", "i32", scan<std::uint32_t>(1, kMultiply, true)},
      {"prefix_exclusive_product_u32", "i32", scan<std::uint32_t>(1, kMultiply, false)},
      {"prefix_inclusive_sum_f32", "float", scan<float>(0, kAdd, true)},
      {"prefix_exclusive_sum_f32", "float", scan<float>(0, kAdd, false)},
      {"prefix_inclusive_product_f32", "float", scan<float>(1, kMultiply, true)},
      {"prefix_exclusive_product_f32", "float", scan<float>(1, kMultiply, false)},
  };
  return table;
}

/// Lanes with their bit of `mask` set call the function, the others write what they had.
std::string kernel_text(const Case& c) {
  const std::string type = c.type;
  return R"(
define void @kernel(ptr %in, ptr %out, ptr %mask) {
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %lane = call i32 @__msl_thread_index_in_simdgroup()
  %at = zext i32 %i to i64
  %p = getelementptr i32, ptr %in, i64 %at
  %q = getelementptr i32, ptr %out, i64 %at
  %v = load )" + type + R"(, ptr %p
  %m = load i32, ptr %mask
  %shifted = lshr i32 %m, %lane
  %bit = trunc i32 %shifted to i1
  br i1 %bit, label %active, label %end
active:
  %r = call )" + type + " @__msl_simd_" + c.function + "(" + type + R"( %v)
  br label %end
end:
  %result = phi )" + type + R"( [ %r, %active ], [ %v, %0 ]
  store )" + type + R"( %result, ptr %q
  ret void
})";
}

struct Activity {
  std::uint32_t threads;
  std::uint32_t mask;
};

class SimdOperations : public testing::TestWithParam<std::size_t> {};

TEST_P(SimdOperations, MatchesTheLanewiseReference) {
  const auto& c = cases()[GetParam()];
  const IrKernel kernel(kernel_text(c));
  const bool is_float = std::string(c.type) == "float";
  std::mt19937 random(7);
  for (const auto& [threads, mask] : {Activity{32, ~0u}, Activity{32, 0xffffu}, Activity{1, ~0u}, Activity{19, ~0u},
                                      Activity{32, 0x8000'0001u}, Activity{70, 0x5555'5555u}, Activity{33, ~0u},
                                      Activity{128, 0x0f0f'00f0u}, Activity{32, 0x10u}, Activity{64, 0u}}) {
    Lanes input(threads);
    for (auto& value : input) {
      const auto integer = static_cast<std::uint32_t>(random());
      const auto real = std::ldexp(static_cast<float>(static_cast<std::int32_t>(integer)), -31);
      value = is_float ? as_bits(std::string(c.function).find("product") != std::string::npos ? 1 + real / 8 : real)
                       : integer;
    }
    const DeviceArray<std::uint32_t> in(input);
    const DeviceArray<std::uint32_t> out(Lanes(threads, 0xdead'beefu));
    const DeviceArray<std::uint32_t> mask_buffer({mask});
    ASSERT_TRUE(kernel.run({in.bind(), out.bind(), mask_buffer.bind()}, {threads}, {threads}));
    const auto result = out.values();
    for (std::uint32_t i = 0; i < threads; ++i) {
      const auto first = i / 32 * 32;
      const Lanes group(input.begin() + first, input.begin() + std::min(first + 32, threads));
      std::vector<bool> active(group.size());
      for (std::size_t l = 0; l < active.size(); ++l) active[l] = (mask >> l) & 1u;
      const auto expected = active[i % 32] ? c.reference(i % 32, group, active) : input[i];
      if (is_float) {
        ASSERT_NEAR(as_float(result[i]), as_float(expected), 2e-6 * (1 + std::abs(as_float(expected))))
            << c.function << " lane " << i << " of " << threads << " mask " << mask;
      } else {
        ASSERT_EQ(result[i], expected) << c.function << " lane " << i << " of " << threads << " mask " << mask;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SimdOperations, testing::Range<std::size_t>(0, 21),
                         [](const auto& named) { return std::string(cases()[named.param].function); });

TEST(Simd, ALoneLaneKeepsItsValueBitForBit) {
  for (const char* name : {"sum_f32", "product_f32", "min_f32", "max_f32"}) {
    const IrKernel kernel(kernel_text({name, "float", {}}));
    for (const std::uint32_t bits : {0x7fc0'0000u, 0x8000'0000u, 0x7f80'0000u, 0xff80'0000u, 0x3f9d'3333u}) {
      Lanes input(32, 0x4000'0000u);
      input[9] = bits;
      const DeviceArray<std::uint32_t> in(input);
      const DeviceArray<std::uint32_t> out(Lanes(32, 1u));
      const DeviceArray<std::uint32_t> mask({1u << 9});
      ASSERT_TRUE(kernel.run({in.bind(), out.bind(), mask.bind()}, {32}, {32}));
      EXPECT_EQ(out.values()[9], bits) << name;
    }
  }
}

TEST(Simd, SumOfNanIsNan) {
  const IrKernel kernel(kernel_text({"sum_f32", "float", {}}));
  Lanes input(32, as_bits(1.0f));
  input[3] = as_bits(NAN);
  const DeviceArray<std::uint32_t> in(input);
  const DeviceArray<std::uint32_t> out(Lanes(32, 0u));
  const DeviceArray<std::uint32_t> mask({~0u});
  ASSERT_TRUE(kernel.run({in.bind(), out.bind(), mask.bind()}, {32}, {32}));
  EXPECT_TRUE(std::isnan(as_float(out.values()[17])));
}

TEST(Simd, ShuffleWithAnIndexOfEachLane) {
  const IrKernel kernel(R"(
define void @kernel(ptr %in, ptr %index, ptr %out) {
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %at = zext i32 %i to i64
  %p = getelementptr i32, ptr %in, i64 %at
  %s = getelementptr i32, ptr %index, i64 %at
  %q = getelementptr i32, ptr %out, i64 %at
  %v = load i32, ptr %p
  %from = load i32, ptr %s
  %r = call i32 @__msl_simd_shuffle(i32 %v, i32 %from)
  %v2 = add i32 %v, 1
  %r2 = call i32 @__msl_simd_shuffle(i32 %v2, i32 %from)
  %sum = add i32 %r, %r2
  store i32 %sum, ptr %q
  ret void
})");
  Lanes input(96);
  Lanes index(96);
  std::mt19937 random(3);
  for (auto& value : input) value = static_cast<std::uint32_t>(random());
  for (auto& value : index) value = static_cast<std::uint32_t>(random()) % 32;
  const DeviceArray<std::uint32_t> in(input);
  const DeviceArray<std::uint32_t> from(index);
  const DeviceArray<std::uint32_t> out(Lanes(96, 0u));
  ASSERT_TRUE(kernel.run({in.bind(), from.bind(), out.bind()}, {96}, {96}));
  const auto result = out.values();
  for (std::size_t i = 0; i < 96; ++i) ASSERT_EQ(result[i], 2 * input[i / 32 * 32 + index[i]] + 1);
}

TEST(Simd, ShuffleFromBeyondTheSimdgroupDoesNotCrash) {
  const IrKernel kernel(R"(
define void @kernel(ptr %out) {
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %far = mul i32 %i, 123456789
  %r = call i32 @__msl_simd_shuffle(i32 %i, i32 %far)
  %at = zext i32 %i to i64
  %q = getelementptr i32, ptr %out, i64 %at
  store i32 %r, ptr %q
  ret void
})");
  const DeviceArray<std::uint32_t> out(Lanes(32, 0u));
  EXPECT_TRUE(kernel.run({out.bind()}, {32}, {32}));
}

TEST(Simd, BallotOfTheActiveLanes) {
  const IrKernel kernel(R"(
define void @kernel(ptr %out, ptr %limit) {
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %at = zext i32 %i to i64
  %q = getelementptr i64, ptr %out, i64 %at
  %n = load i32, ptr %limit
  %in = icmp ult i32 %i, %n
  br i1 %in, label %vote, label %end
vote:
  %low = trunc i32 %i to i1
  %b = call i64 @__msl_simd_ballot(i1 %low)
  store i64 %b, ptr %q
  br label %end
end:
  ret void
})");
  for (const std::uint32_t limit : {32u, 20u, 7u}) {
    const DeviceArray<std::uint64_t> out(std::vector<std::uint64_t>(40, 5));
    const DeviceArray<std::uint32_t> n({limit});
    ASSERT_TRUE(kernel.run({out.bind(), n.bind()}, {40}, {40}));
    const auto result = out.values();
    const auto expected = 0xaaaa'aaaaull & ((1ull << limit) - 1);
    for (std::size_t i = 0; i < 40; ++i) ASSERT_EQ(result[i], i < limit ? expected : 5u) << i << " of " << limit;
  }
}

}  // namespace
}  // namespace anymetal::test
