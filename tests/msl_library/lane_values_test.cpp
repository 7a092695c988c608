// SIMD-group and quad-group functions against a model of the lanes: full groups, a short last group, divergent code.

#include <algorithm>
#include <cstdint>
#include <functional>

#include "msl_library/run_support.hpp"

namespace anymetal::tests {
namespace {

constexpr std::size_t kThreads = 77;  // two full SIMD-groups and one of 13

/// The lanes that execute a call together, lowest first, as thread indices.
using Lanes = std::vector<std::size_t>;

std::vector<Lanes> groups(std::size_t width, const std::function<bool(std::size_t)>& active) {
  std::vector<Lanes> all((kThreads + width - 1) / width);
  for (std::size_t t = 0; t < kThreads; ++t) {
    if (active(t)) all[t / width].push_back(t);
  }
  std::erase_if(all, [](const Lanes& l) { return l.empty(); });
  return all;
}

std::vector<std::int32_t> inputs() {
  std::vector<std::int32_t> v(kThreads);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<std::int32_t>((i * 37 + 11) % 23) - 9;
  return v;
}

/// Values of one thread, in the kernel's order; `lanes` holds thread `t` at `position`.
std::vector<std::int32_t> reductions(const std::vector<std::int32_t>& v, const Lanes& lanes, std::size_t position) {
  std::uint32_t sum = 0, product = 1, all = ~0u, any = 0, odd = 0, inclusive = 0, product_below = 1;
  std::int32_t low = INT32_MAX, high = INT32_MIN;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const std::int32_t x = v[lanes[i]];
    const auto u = static_cast<std::uint32_t>(x);
    sum += u, product *= u, all &= u, any |= u, odd ^= u;
    low = std::min(low, x), high = std::max(high, x);
    if (i <= position) inclusive += u;
    if (i < position) product_below *= u;
  }
  const auto own = static_cast<std::uint32_t>(v[lanes[position]]);
  const auto s = [](std::uint32_t x) { return static_cast<std::int32_t>(x); };
  return {s(sum),
          s(product),
          low,
          high,
          s(all),
          s(any),
          s(odd),
          s(inclusive),
          s(inclusive - own),
          s(product_below * own),
          s(product_below),
          v[lanes[0]],
          position == 0 ? 1 : 0};
}
constexpr std::size_t kReductions = 13;

std::string reduction_kernel(const std::string& prefix, const std::string& condition) {
  std::string text = R"(
kernel void k(device const int* v [[buffer(0)]], device int* o [[buffer(1)]], uint t [[thread_position_in_grid]]) {
  for (int i = 0; i < 13; ++i) o[13 * t + i] = 0;
  int x = v[t];
  if (CONDITION) {
    o[13 * t] = P_sum(x); o[13 * t + 1] = P_product(x); o[13 * t + 2] = P_min(x); o[13 * t + 3] = P_max(x); o[13 * t + 4] = P_and(x);
    o[13 * t + 5] = P_or(x); o[13 * t + 6] = P_xor(x); o[13 * t + 7] = P_prefix_inclusive_sum(x); o[13 * t + 8] = P_prefix_exclusive_sum(x);
    o[13 * t + 9] = P_prefix_inclusive_product(x); o[13 * t + 10] = P_prefix_exclusive_product(x); o[13 * t + 11] = P_broadcast_first(x);
    o[13 * t + 12] = P_is_first();
  }
}
)";
  const auto replace = [&](std::string_view from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  };
  replace("P_", prefix + "_");
  replace("CONDITION", condition);
  return text;
}

class LaneValues : public LibraryRun {
 protected:
  void check_reductions(const char* prefix, std::size_t width, const char* condition,
                        const std::function<bool(std::size_t)>& active) {
    const auto v = inputs();
    const auto out = run<std::int32_t>(reduction_kernel(prefix, condition), {bytes(v)}, kReductions * kThreads,
                                       {kThreads}, {kThreads});
    ASSERT_EQ(out.size(), kReductions * kThreads);
    for (const Lanes& lanes : groups(width, active)) {
      for (std::size_t p = 0; p < lanes.size(); ++p) {
        const auto expected = reductions(v, lanes, p);
        for (std::size_t j = 0; j < kReductions; ++j) {
          EXPECT_EQ(out[kReductions * lanes[p] + j], expected[j])
              << prefix << ", " << condition << ": thread " << lanes[p] << " function " << j;
        }
      }
    }
    for (std::size_t t = 0; t < kThreads; ++t) {
      if (active(t)) continue;
      EXPECT_EQ(out[kReductions * t], 0) << "thread " << t << " was not in the branch";
    }
  }
};

TEST_F(LaneValues, SimdReductionsOverAllThreads) {
  check_reductions("simd", 32, "true", [](std::size_t) { return true; });
}
TEST_F(LaneValues, SimdReductionsInDivergentCode) {
  check_reductions("simd", 32, "x > 0 && t % 3 != 1", [v = inputs()](std::size_t t) { return v[t] > 0 && t % 3 != 1; });
}
TEST_F(LaneValues, QuadReductionsOverAllThreads) {
  check_reductions("quad", 4, "true", [](std::size_t) { return true; });
}
TEST_F(LaneValues, QuadReductionsInDivergentCode) {
  check_reductions("quad", 4, "t % 4 != 2", [](std::size_t t) { return t % 4 != 2; });
}

TEST_F(LaneValues, ShufflesMoveEveryWidth) {
  std::vector<std::int32_t> v(64);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<std::int32_t>(i * 3 + 100);
  const auto out = run<std::int32_t>(R"(
kernel void k(device const int* v [[buffer(0)]], device int* o [[buffer(1)]], uint t [[thread_position_in_grid]]) {
  int x = v[t];
  o[12 * t] = simd_shuffle(x, ushort((t * 5 + 1) % 32)); o[12 * t + 1] = simd_shuffle_up(x, 3); o[12 * t + 2] = simd_shuffle_down(x, 3);
  o[12 * t + 3] = simd_shuffle_rotate_up(x, 5); o[12 * t + 4] = simd_shuffle_rotate_down(x, 5); o[12 * t + 5] = simd_shuffle_xor(x, 9);
  o[12 * t + 6] = simd_shuffle_and_fill_up(x, -x, 2); o[12 * t + 7] = simd_shuffle_and_fill_down(x, -x, 2, 8);
  o[12 * t + 8] = simd_shuffle_xor(uchar4(x, x + 1, x + 2, x + 3), 1)[2]; o[12 * t + 9] = int(simd_shuffle_down(half3(x), 1).z);
  o[12 * t + 10] = int(simd_broadcast(float2(x, -x), 7).y); o[12 * t + 11] = quad_shuffle_rotate_down(short(x), 1);
}
)",
                                     {bytes(v)}, 12 * v.size(), {64}, {64});
  ASSERT_EQ(out.size(), 12 * v.size());
  for (std::size_t t = 0; t < 64; ++t) {
    const std::size_t base = t / 32 * 32, l = t % 32;
    const auto lane = [&](std::size_t i) { return v[base + i % 32]; };
    const std::vector<std::int32_t> expected = {lane(t * 5 + 1),
                                                lane(l < 3 ? l : l - 3),
                                                lane(l + 3 < 32 ? l + 3 : l),
                                                lane(l + 27),
                                                lane(l + 5),
                                                lane(l ^ 9),
                                                l < 2 ? -lane(l + 30) : lane(l - 2),
                                                l % 8 + 2 < 8 ? lane(l + 2) : -lane(l - 6),
                                                (lane(l ^ 1) + 2) % 256,
                                                lane(l + 1 < 32 ? l + 1 : l),
                                                -lane(7),
                                                lane(l / 4 * 4 + (l + 1) % 4)};
    for (std::size_t j = 0; j < 12; ++j) EXPECT_EQ(out[12 * t + j], expected[j]) << "thread " << t << " function " << j;
  }
}

TEST_F(LaneValues, BallotsCountActiveLanesOnly) {
  const auto v = inputs();
  const auto out = run<std::uint64_t>(R"(
kernel void k(device const int* v [[buffer(0)]], device ulong* o [[buffer(1)]], uint t [[thread_position_in_grid]]) {
  for (int i = 0; i < 5; ++i) o[5 * t + i] = 99;
  if (t % 5 != 0) {
    o[5 * t] = ulong(simd_vote::vote_t(simd_ballot(v[t] > 0))); o[5 * t + 1] = ulong(simd_vote::vote_t(simd_active_threads_mask()));
    o[5 * t + 2] = simd_all(v[t] > -100) + 2 * simd_any(v[t] > 100) + 4 * simd_any(v[t] > 0) + 8 * simd_all(v[t] > 0);
    o[5 * t + 3] = simd_ballot(true).all() + 2 * simd_ballot(true).any(); o[5 * t + 4] = quad_vote::vote_t(quad_ballot(v[t] > 0));
  }
}
)",
                                      {bytes(v)}, 5 * kThreads, {kThreads}, {kThreads});
  ASSERT_EQ(out.size(), 5 * kThreads);
  const auto active = [](std::size_t t) { return t % 5 != 0; };
  for (const Lanes& lanes : groups(32, active)) {
    std::uint64_t positive = 0, mask = 0;
    for (const std::size_t t : lanes) {
      mask |= 1ull << (t % 32);
      if (v[t] > 0) positive |= 1ull << (t % 32);
    }
    for (const std::size_t t : lanes) {
      EXPECT_EQ(out[5 * t], positive);
      EXPECT_EQ(out[5 * t + 1], mask);
      EXPECT_EQ(out[5 * t + 2], 1u + (positive != 0 ? 4 : 0) + (positive == mask ? 8 : 0));
      EXPECT_EQ(out[5 * t + 3], 2u);  // never all 32: some lanes are elsewhere
      EXPECT_EQ(out[5 * t + 4], positive >> (t % 32 / 4 * 4) & 0xf);
    }
  }
  for (std::size_t t = 0; t < kThreads; t += 5) EXPECT_EQ(out[5 * t], 99u);
}

TEST_F(LaneValues, SimdgroupMatricesOfMixedElements) {
  std::vector<float> a(64), b(64);
  for (std::size_t i = 0; i < 64; ++i)
    a[i] = static_cast<float>((i * 5 + 2) % 9) - 4, b[i] = static_cast<float>((i * 11 + 1) % 7) - 3;
  const auto out = run<float>(R"(
kernel void k(device const float* a [[buffer(0)]], device const float* b [[buffer(1)]], device float* o [[buffer(2)]], uint lane [[thread_index_in_simdgroup]]) {
  threadgroup half h[64]; threadgroup bfloat g[64];
  for (uint i = lane; i < 64; i += 32) { h[i] = half(a[i]); g[i] = bfloat(b[i]); }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  simdgroup_half8x8 ma; simdgroup_bfloat8x8 mb; simdgroup_float8x8 mt, c = make_filled_simdgroup_matrix<float, 8>(1.0f), p, d(2.0f);
  simdgroup_load(ma, h, 8); simdgroup_load(mb, g, 8); simdgroup_load(mt, b, 8, 0, true);
  simdgroup_multiply_accumulate(c, ma, mb, c); simdgroup_multiply(p, ma, mt);
  simdgroup_store(c, o); simdgroup_store(p, o + 64, 8, 0, true); simdgroup_store(d * c, o + 128, 8);
  o[192 + 2 * lane] = ma.thread_elements()[0]; o[193 + 2 * lane] = ma.thread_elements()[1];
}
)",
                              {bytes(a), bytes(b)}, 256, {32}, {32});
  ASSERT_EQ(out.size(), 256u);
  for (std::size_t r = 0; r < 8; ++r) {
    for (std::size_t c = 0; c < 8; ++c) {
      float product = 0, transposed = 0;
      for (std::size_t k = 0; k < 8; ++k)
        product += a[8 * r + k] * b[8 * k + c], transposed += a[8 * r + k] * b[8 * c + k];
      EXPECT_EQ(out[8 * r + c], product + 1);
      EXPECT_EQ(out[64 + 8 * c + r], transposed);
      EXPECT_EQ(out[128 + 8 * r + c], 2 * (product + 1));
    }
  }
  for (std::size_t l = 0; l < 32; ++l) {  // the layout programs rely on
    const std::size_t q = l / 4, row = (q & 4) + l / 2 % 4, column = (q & 2) * 2 + l % 2 * 2;
    EXPECT_EQ(out[192 + 2 * l], a[8 * row + column]);
    EXPECT_EQ(out[193 + 2 * l], a[8 * row + column + 1]);
  }
}

}  // namespace
}  // namespace anymetal::tests
