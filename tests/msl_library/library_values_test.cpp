// Common, relational, packing and atomic functions.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "msl_library/run_support.hpp"

namespace anymetal::tests {
namespace {

using LibraryValues = LibraryRun;

const std::vector<float> kSpecials = {0.0f,       -0.0f,   1.0f,     -2.5f,     0x1p-126f, 0x1p-130f,
                                      -0x1p-149f, 3.4e38f, INFINITY, -INFINITY, NAN,       -NAN};

TEST_F(LibraryValues, TestsOfFloatsAreTruthfulInEveryMode) {
  for (const MathMode mode : {MathMode::Fast, MathMode::Relaxed, MathMode::Safe}) {
    SourceOptions options;
    options.math_mode = mode;
    const auto out = run<std::uint32_t>(R"(
kernel void k(device const float* x [[buffer(0)]], device uint* o [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  float a = x[i]; float2 v = a;
  o[2 * i] = isnan(a) | isinf(a) << 1 | isfinite(a) << 2 | isnormal(a) << 3 | signbit(a) << 4 | (a != a) << 5 | isunordered(a, 1.0f) << 6;
  o[2 * i + 1] = isnan(v).x | isinf(v).y << 1 | isfinite(v).x << 2 | isnormal(v).y << 3 | signbit(v).x << 4 | (v != v).y << 5 | isunordered(v, 1).x << 6;
}
)",
                                        {bytes(kSpecials)}, 2 * kSpecials.size(), {kSpecials.size()}, {5}, options);
    ASSERT_EQ(out.size(), 2 * kSpecials.size());
    for (std::size_t i = 0; i < kSpecials.size(); ++i) {
      const float a = kSpecials[i];
      const unsigned expected = (std::isnan(a) ? 0x61u : 0u) | (std::isinf(a) ? 2u : 0u) |
                                (std::isfinite(a) ? 4u : 0u) | (std::isnormal(a) ? 8u : 0u) |
                                (std::signbit(a) ? 16u : 0u);
      EXPECT_EQ(out[2 * i], expected) << a;
      EXPECT_EQ(out[2 * i + 1], expected) << "vector " << a;
    }
  }
}

TEST_F(LibraryValues, MinAndMaxIgnoreOneNaN) {
  const auto out = run<float>(R"(
kernel void k(device const float* x [[buffer(0)]], device float* o [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  float a = x[i]; float3 v = a;
  o[8 * i] = min(a, 1.5f); o[8 * i + 1] = max(1.5f, a); o[8 * i + 2] = clamp(a, -2.0f, 2.0f); o[8 * i + 3] = saturate(a); o[8 * i + 4] = sign(a);
  o[8 * i + 5] = max(v, 1.5).y; o[8 * i + 6] = clamp(v, -2, 2).z; o[8 * i + 7] = float(max(half(a), 1.5h));
}
)",
                              {bytes(kSpecials)}, 8 * kSpecials.size(), {kSpecials.size()}, {5});
  ASSERT_EQ(out.size(), 8 * kSpecials.size());
  for (std::size_t i = 0; i < kSpecials.size(); ++i) {
    const float a = kSpecials[i];
    const float limited = std::isnan(a) ? -2.0f : std::clamp(a, -2.0f, 2.0f);
    EXPECT_EQ(out[8 * i], std::fmin(a, 1.5f)) << a;
    EXPECT_EQ(out[8 * i + 1], std::fmax(a, 1.5f)) << a;
    EXPECT_EQ(out[8 * i + 2], limited) << a;
    EXPECT_EQ(out[8 * i + 3], std::isnan(a) ? 0.0f : std::clamp(a, 0.0f, 1.0f)) << a;
    EXPECT_EQ(out[8 * i + 4], static_cast<float>((a > 0) - (a < 0))) << a;
    EXPECT_EQ(out[8 * i + 5], std::fmax(a, 1.5f)) << a;
    EXPECT_EQ(out[8 * i + 6], limited) << a;
    EXPECT_EQ(out[8 * i + 7], std::isnan(a) ? 1.5f : std::fmax(a, 1.5f) > 65504 ? INFINITY : std::fmax(a, 1.5f)) << a;
  }
}

TEST_F(LibraryValues, InfinitiesSurviveFastMath) {
  const std::vector<float> x = {-INFINITY, -1e30f, -200, 0};
  const auto out = run<float>(R"(
kernel void k(device const float* x [[buffer(0)]], device float* o [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  float m = -INFINITY; for (uint j = 0; j < 4; ++j) m = max(m, x[j] - 1e38f * (j < i));
  o[4 * i] = exp(x[i]); o[4 * i + 1] = log(exp(x[0])); o[4 * i + 2] = 1.0f / (x[3] * i); o[4 * i + 3] = m;
}
)",
                              {bytes(x)}, 16, {4}, {4});
  ASSERT_EQ(out.size(), 16u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(out[4 * i], 0.0f);
  EXPECT_EQ(out[12], 1.0f);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(out[4 * i + 1], -INFINITY);
    EXPECT_TRUE(std::isinf(out[4 * i + 2]));
    EXPECT_EQ(out[4 * i + 3], 0.0f);
  }
}

TEST_F(LibraryValues, MathModeChoosesTheVersion) {
  std::vector<float> x(100);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.37f * static_cast<float>(i) + 0.01f;
  const std::string body = R"(
float in_safe_code(float x) {
#pragma METAL fp math_mode(safe)
  return log(x) + 0.0f;
}
kernel void k(device const float* x [[buffer(0)]], device float* o [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  o[5 * i] = log(x[i]); o[5 * i + 1] = log(float2(x[i])).y; o[5 * i + 2] = in_safe_code(x[i]); o[5 * i + 3] = precise::log(x[i]); o[5 * i + 4] = fast::log(x[i]);
}
)";
  for (const MathMode mode : {MathMode::Fast, MathMode::Safe}) {
    SourceOptions options;
    options.math_mode = mode;
    const auto out = run<float>(body, {bytes(x)}, 5 * x.size(), {x.size()}, {x.size()}, options);
    ASSERT_EQ(out.size(), 5 * x.size());
    bool versions_differ = false;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float precise = out[5 * i + 3], fast = out[5 * i + 4];
      versions_differ = versions_differ || precise != fast;
      EXPECT_EQ(out[5 * i], mode == MathMode::Safe ? precise : fast) << x[i];
      EXPECT_EQ(out[5 * i + 1], mode == MathMode::Safe ? precise : fast) << x[i];
      EXPECT_EQ(out[5 * i + 2], precise) << x[i];
    }
    EXPECT_TRUE(versions_differ);
  }
}

TEST_F(LibraryValues, SelectPicksTheSecondWhereTrue) {
  const auto out = run<float>(R"(
kernel void k(device float* o [[buffer(0)]]) {
  float4 a = float4(1, 2, 3, 4), b = -a; float4 r = select(a, b, a > 2); bfloat2 h = select(bfloat2(1), bfloat2(2), bool2(false, true));
  for (int i = 0; i < 4; ++i) o[i] = r[i];
  o[4] = select(5, 6, true); o[5] = float(select(1.0h, 2.0h, false)); o[6] = float(h.x); o[7] = float(h.y); o[8] = select(a, 9, bool4(true)).w;
}
)",
                              {}, 9, {1}, {1});
  const std::vector<float> expected = {1, 2, -3, -4, 6, 1, 1, 2, 9};
  EXPECT_EQ(out, expected);
}

TEST_F(LibraryValues, PackAndUnpackAreInverse) {
  const auto out = run<std::uint32_t>(R"(
kernel void k(device uint* o [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  uint w = i * 0x01010101u;
  o[6 * i] = pack_float_to_unorm4x8(unpack_unorm4x8_to_float(w)) == w; o[6 * i + 1] = pack_float_to_snorm4x8(unpack_snorm4x8_to_float(w));
  o[6 * i + 2] = pack_float_to_srgb_unorm4x8(unpack_unorm4x8_srgb_to_float(w)) == w; o[6 * i + 3] = as_type<uint>(unpack_snorm4x8_to_float(w).y);
  o[6 * i + 4] = pack_float_to_unorm10a2(unpack_unorm10a2_to_float(i * 0x00501003u)) == i * 0x00501003u;
  o[6 * i + 5] = pack_half_to_unorm565(unpack_unorm565_to_half(ushort(i * 257))) == ushort(i * 257);
}
)",
                                      {}, 6 * 256, {256}, {64});
  ASSERT_EQ(out.size(), 6u * 256);
  for (std::uint32_t i = 0; i < 256; ++i) {
    const auto c = static_cast<std::int8_t>(i);
    const float value = std::max(static_cast<float>(c) / 127.0f, -1.0f);
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    EXPECT_EQ(out[6 * i], 1u) << i;
    EXPECT_EQ(out[6 * i + 1], (i == 128 ? 129 : i) * 0x01010101u) << i;  // -128 and -127 are both -1
    EXPECT_EQ(out[6 * i + 2], 1u) << i;
    EXPECT_LE(std::max(out[6 * i + 3], bits) - std::min(out[6 * i + 3], bits), 1u) << i;  // division may be approximate
    EXPECT_EQ(out[6 * i + 4], 1u) << i;
    EXPECT_EQ(out[6 * i + 5], 1u) << i;
  }
}

TEST_F(LibraryValues, PackClampsAndRoundsToEven) {
  const std::vector<float> x = {NAN, -5, 5, 0.5f / 255, 1.5f / 255, 2.5f / 255, INFINITY};
  const auto out = run<std::uint32_t>(R"(
kernel void k(device const float* x [[buffer(0)]], device uint* o [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  o[2 * i] = pack_float_to_unorm4x8(float4(0, x[i], 0, 0)) >> 8; o[2 * i + 1] = pack_float_to_snorm2x16(float2(x[i], 0)); }
)",
                                      {bytes(x)}, 2 * x.size(), {x.size()}, {2});
  ASSERT_EQ(out.size(), 2 * x.size());
  const std::vector<std::uint32_t> unsigned_bytes = {0, 0, 255, 0, 2, 2, 255};
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(out[2 * i], unsigned_bytes[i]) << x[i];
  EXPECT_EQ(out[1], 0u);
  EXPECT_EQ(out[3], 0x8001u);
  EXPECT_EQ(out[5], 0x7fffu);
}

TEST_F(LibraryValues, AtomicsOfAllThreadgroups) {
  const std::vector<std::uint32_t> n = {1000};
  const auto out = run<std::uint32_t>(R"(
struct Cells { atomic_uint sum, low, high, bits, flips, swaps; atomic_int minus; atomic_float total, largest; };
kernel void k(constant uint& n [[buffer(0)]], device Cells& c [[buffer(1)]], uint i [[thread_position_in_grid]], uint t [[thread_index_in_threadgroup]]) {
  threadgroup atomic_uint local;
  if (t == 0) atomic_store_explicit(&local, 0, memory_order_relaxed);
  if (i == 0) { atomic_store_explicit(&c.low, 0xffffffffu, memory_order_relaxed); }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  atomic_fetch_add_explicit(&local, i, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (t == 0) atomic_fetch_add_explicit(&c.sum, atomic_load_explicit(&local, memory_order_relaxed), memory_order_relaxed);
  atomic_fetch_max_explicit(&c.high, i, memory_order_relaxed); atomic_fetch_xor_explicit(&c.flips, i, memory_order_relaxed);
  atomic_fetch_or_explicit(&c.bits, 1u << (i % 20), memory_order_relaxed); atomic_fetch_sub_explicit(&c.minus, 2, memory_order_relaxed);
  atomic_fetch_add_explicit(&c.total, 0.5f, memory_order_relaxed);
  float seen = atomic_load_explicit(&c.largest, memory_order_relaxed);
  while (float(i % 77) > seen && !atomic_compare_exchange_weak_explicit(&c.largest, &seen, float(i % 77), memory_order_relaxed, memory_order_relaxed)) {}
  uint old = atomic_load_explicit(&c.swaps, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&c.swaps, &old, old + 3, memory_order_relaxed, memory_order_relaxed)) {}
}
)",
                                      {bytes(n)}, 9, {1000}, {48});
  ASSERT_EQ(out.size(), 9u);
  // Every cell but `low` starts as the poison.
  constexpr std::uint32_t kPoisoned = 0xa5a5a5a5u;
  std::uint32_t flips = kPoisoned;
  for (std::uint32_t i = 0; i < 1000; ++i) flips ^= i;
  const auto as_float = [](std::uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
  };
  EXPECT_EQ(out[0], kPoisoned + 499500u);
  EXPECT_EQ(out[1], 0xffffffffu);
  EXPECT_EQ(out[2], kPoisoned);
  EXPECT_EQ(out[3], kPoisoned | 0xfffffu);
  EXPECT_EQ(out[4], flips);
  EXPECT_EQ(out[5], kPoisoned + 3000u);
  EXPECT_EQ(out[6], kPoisoned - 2000u);
  EXPECT_EQ(as_float(out[7]), as_float(kPoisoned) + 500.0f);
  EXPECT_EQ(as_float(out[8]), 76.0f);
}

}  // namespace
}  // namespace anymetal::tests
