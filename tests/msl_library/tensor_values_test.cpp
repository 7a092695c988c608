// Tensor views and matmul2d against plain sums: every transposition, edges, several SIMD-groups, cooperative operands.

#include <fmt/format.h>

#include <cmath>

#include "msl_library/run_support.hpp"

namespace anymetal::tests {
namespace {

using TensorValues = LibraryRun;

constexpr const char* kIncludes =
    "#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>\nusing namespace mpp::tensor_ops;\n";

std::vector<float> pattern(std::size_t count, std::size_t step) {
  std::vector<float> v(count);
  for (std::size_t i = 0; i < count; ++i) v[i] = static_cast<float>((i * step + 3) % 17) * 0.25f - 2;
  return v;
}

TEST_F(TensorValues, ViewsShiftAndClip) {
  const std::vector<float> v = pattern(40, 7);
  const auto out = run<float>(std::string(kIncludes) + R"(
kernel void k(device float* v [[buffer(0)]], device float* o [[buffer(1)]]) {
  auto packed = tensor(v, dextents<int, 2>(8, 5)); auto wide = tensor(v, dextents<int, 2>(3, 4), array<int, 2>({1, 10}));
  auto part = packed.slice(2, 1); auto fixed = packed.slice<4, 2>(1, 3);
  o[0] = packed[3, 2]; o[1] = wide[2, 3]; o[2] = part[1, 1]; o[3] = part.get_extent(0); o[4] = part.get_extent(1); o[5] = part.get_stride(1);
  o[6] = fixed.get_extent(0); o[7] = fixed.has_static_extent(1) && !part.has_static_extent(0); o[8] = fixed.get(3, 1); o[9] = part.get(6, 0);
  o[10] = part.get(0, -1); part.set(99, 6, 0); o[11] = packed.get(0, 2); fixed.set(5, 0, 1); o[12] = v[33]; o[13] = packed.get_rank();
}
)",
                              {bytes(v)}, 14, {1}, {1});
  const std::vector<float> expected = {v[19], v[32], v[19], 6, 4, 8, 4, 1, v[36], 0, 0, v[16], 5, 2};
  EXPECT_EQ(out, expected);
}

struct Product {
  int m, n, k;               ///< the descriptor's tile
  int rows, columns, inner;  ///< what the operands hold of it
  bool left_transposed, right_transposed, accumulate;
  const char* scope;
  std::size_t threads;
  const char* left_type;
  const char* right_type;
  bool to_cooperative;
};

class Products : public LibraryRun, public testing::WithParamInterface<Product> {};

TEST_P(Products, AreTheSums) {
  const Product p = GetParam();
  const auto count = [](int a, int b) { return static_cast<std::size_t>(a * b); };
  const auto left = pattern(count(p.rows, p.inner), 5), right = pattern(count(p.inner, p.columns), 11);
  const std::string destination = p.to_cooperative
                                      ? "  auto c = op.get_destination_cooperative_tensor<decltype(a), decltype(b), "
                                        "float>(); op.run(a, b, c); op.run(a, b, c); c.store(d);"
                                      : "  op.run(a, b, d);";
  const std::string body = fmt::format(
      R"({0}
kernel void k(device const float* l [[buffer(0)]], device const float* r [[buffer(1)]], device float* o [[buffer(2)]], uint t [[thread_index_in_threadgroup]]) {{
  threadgroup {1} tl[{3} * {5}]; threadgroup {2} tr[{5} * {4}];
  for (int i = t; i < {3} * {5}; i += {6}) tl[i] = {1}(l[i]);
  for (int i = t; i < {5} * {4}; i += {6}) tr[i] = {2}(r[i]);
  for (int i = t; i < {3} * {4}; i += {6}) o[i] = 1;
  threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device);
  constexpr auto desc = matmul2d_descriptor({7}, {8}, {9}, {10}, {11}, false, matmul2d_descriptor::mode::{12});
  matmul2d<desc, {13}> op;
  auto a = tensor<threadgroup {1}, dextents<int, 2>, tensor_inline>(tl, dextents<int, 2>({14}));
  auto b = tensor<threadgroup {2}, dextents<int, 2>, tensor_inline>(tr, dextents<int, 2>({15}));
  auto d = tensor<device float, dextents<int, 2>, tensor_inline>(o, dextents<int, 2>({4}, {3}));
{16}
}}
)",
      kIncludes, p.left_type, p.right_type, p.rows, p.columns, p.inner, p.threads, p.m, p.n, p.k, p.left_transposed,
      p.right_transposed, p.accumulate ? "multiply_accumulate" : "multiply", p.scope,
      p.left_transposed ? fmt::format("{}, {}", p.rows, p.inner) : fmt::format("{}, {}", p.inner, p.rows),
      p.right_transposed ? fmt::format("{}, {}", p.inner, p.columns) : fmt::format("{}, {}", p.columns, p.inner),
      destination);
  const auto out = run<float>(body, {bytes(left), bytes(right)}, count(p.rows, p.columns), {p.threads}, {p.threads});
  ASSERT_EQ(out.size(), count(p.rows, p.columns));
  for (int m = 0; m < p.rows; ++m) {
    for (int n = 0; n < p.columns; ++n) {
      double sum = 0;
      for (int k = 0; k < p.inner; ++k) {
        const auto l = static_cast<std::size_t>(p.left_transposed ? k * p.rows + m : m * p.inner + k);
        const auto r = static_cast<std::size_t>(p.right_transposed ? n * p.inner + k : k * p.columns + n);
        sum += static_cast<double>(left[l]) * static_cast<double>(right[r]);
      }
      // A cooperative destination starts at 0 and is run into twice.
      const double expected = p.to_cooperative ? (p.accumulate ? 2 * sum : sum) : (p.accumulate ? sum + 1 : sum);
      ASSERT_EQ(static_cast<double>(out[static_cast<std::size_t>(m * p.columns + n)]), expected)
          << "row " << m << ", column " << n;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Products,
    testing::Values(
        Product{16, 32, 16, 16, 32, 16, false, false, false, "execution_simdgroup", 32, "half", "half", false},
        Product{16, 32, 16, 16, 32, 16, false, true, true, "execution_simdgroup", 32, "bfloat", "bfloat", true},
        Product{64, 32, 32, 64, 32, 32, false, true, true, "execution_simdgroups<4>", 128, "half", "float", true},
        Product{64, 32, -1, 50, 29, 45, false, false, false, "execution_simdgroups<4>", 128, "float", "half", true},
        Product{32, 48, 0, 19, 37, 21, true, false, true, "execution_simdgroups<3>", 96, "float", "float", false},
        Product{24, 8, 40, 24, 8, 33, true, true, false, "execution_simdgroups<2>", 64, "bfloat", "float", false},
        Product{5, 7, 9, 5, 7, 9, true, false, true, "execution_thread", 1, "half", "float", true},
        Product{3, 2, -1, 3, 2, 11, false, true, false, "execution_thread", 1, "float", "float", false}));

TEST_F(TensorValues, CooperativeOperandsHaveTheLayoutProgramsFill) {
  const auto left = pattern(16 * 16, 5), right = pattern(32 * 16, 11);
  for (const bool transposed : {false, true}) {
    const auto out = run<float>(kIncludes + fmt::format(R"(
kernel void k(device const float* l [[buffer(0)]], device const float* r [[buffer(1)]], device float* o [[buffer(2)]], ushort lane [[thread_index_in_simdgroup]]) {{
  constexpr auto desc = matmul2d_descriptor(16, 32, 16, false, {0}, true, matmul2d_descriptor::mode::multiply_accumulate);
  matmul2d<desc, execution_simdgroup> op; auto a = op.get_left_input_cooperative_tensor<half, half, float>();
  auto b = op.get_right_input_cooperative_tensor<half, half, float>(); auto c = op.get_destination_cooperative_tensor<decltype(a), decltype(b), float>();
  const short q = lane / 4, row = (q & 4) | ((lane / 2) & 3), col = ((q & 2) | (lane & 1)) * 4;
  for (short i = 0; i < 8; ++i) {{
    short y = row + 8 * (i / 4), x = col + i % 4; a[i] = l[16 * y + x];
    for (short h = 0; h < 2; ++h) {{ b[8 * h + i] = {0} ? r[16 * (y + 16 * h) + x] : r[32 * y + x + 16 * h]; c[8 * h + i] = y + x; }}
  }}
  op.run(a, b, c);
  for (short i = 0; i < 8; ++i) for (short h = 0; h < 2; ++h) o[32 * (row + 8 * (i / 4)) + col + i % 4 + 16 * h] = c[8 * h + i];
}}
)",
                                                        transposed),
                                {bytes(left), bytes(right)}, 16 * 32, {32}, {32});
    ASSERT_EQ(out.size(), 16u * 32);
    for (std::size_t m = 0; m < 16; ++m) {
      for (std::size_t n = 0; n < 32; ++n) {
        float sum = static_cast<float>(m + n % 16);
        for (std::size_t k = 0; k < 16; ++k)
          sum += left[16 * m + k] * (transposed ? right[16 * n + k] : right[32 * k + n]);
        EXPECT_EQ(out[32 * m + n], sum) << "row " << m << ", column " << n;
      }
    }
  }
}

TEST_F(TensorValues, CooperativeElementsKnowTheirPlace) {
  const auto values = pattern(20 * 12, 7);  // 12 rows of 20: the tile of 16 rows and 32 columns is clipped
  const auto out = run<float>(std::string(kIncludes) + R"(
kernel void k(device float* v [[buffer(0)]], device float* o [[buffer(1)]], uint t [[thread_index_in_threadgroup]]) {
  for (uint i = t; i < 512; i += 64) o[i] = -1000;
  threadgroup_barrier(mem_flags::mem_device);
  matmul2d<matmul2d_descriptor(16, 32, 8), execution_simdgroups<2>> op;
  auto source = tensor(v, dextents<int, 2>(20, 12)); auto c = op.get_destination_cooperative_tensor<decltype(source), decltype(source), float>();
  c.load(source);
  for (int i = 0; i < c.get_capacity(); ++i) {
    if (!c.is_valid_element(i)) continue;
    auto at = c.get_multidimensional_index(i);
    o[32 * at[1] + at[0]] = c[i] + (o[32 * at[1] + at[0]] == -1000 ? 0 : 5000);
  }
}
)",
                              {bytes(values)}, 16 * 32, {64}, {64});
  ASSERT_EQ(out.size(), 16u * 32);
  for (std::size_t row = 0; row < 16; ++row) {
    for (std::size_t column = 0; column < 32; ++column) {
      const float expected = row < 12 && column < 20 ? values[20 * row + column] : 0.0f;
      EXPECT_EQ(out[32 * row + column], expected)
          << "row " << row << ", column " << column << ": every element is held once";
    }
  }
}

}  // namespace
}  // namespace anymetal::tests
