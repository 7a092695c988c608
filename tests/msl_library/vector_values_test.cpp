// Values of vectors: components, conversions, operators, matrices.

#include <array>
#include <cmath>
#include <limits>

#include "msl_library/run_support.hpp"

namespace anymetal::tests {
namespace {

using VectorValues = LibraryRun;

TEST_F(VectorValues, SwizzlesReadAndWrite) {
  const std::vector<float> v = {1, 2, 3, 4};
  const auto out = run<float>(R"(
kernel void k(device const float4* v [[buffer(0)]], device float* o [[buffer(1)]]) {
  float4 a = v[0]; float3 b = a.wzy; float2 c = a.rg; float4 d = a.xxyw;
  o[0] = b.x; o[1] = b.y; o[2] = b.z; o[3] = c.y; o[4] = d.y; o[5] = d.w;
  a.xw = c.yx; o[6] = a.x; o[7] = a.y; o[8] = a.z; o[9] = a.w;
  a.xy = a.yx; o[10] = a.x; o[11] = a.y;
  a.zyx *= float3(2, 3, 4); o[12] = a.x; o[13] = a.y; o[14] = a.z;
  a.bgra = float4(5, 6, 7, 8); o[15] = a.x; o[16] = a.y; o[17] = a.z; o[18] = a.w;
  a.y += 10; a.z++; a[3] = -1; o[19] = a.y; o[20] = a.z; o[21] = a.w;
}
)",
                              {bytes(v)}, 22, {1}, {1});
  const std::vector<float> expected = {4, 3, 2, 2, 1, 4, 2, 2, 3, 1, 2, 2, 8, 6, 6, 7, 6, 5, 8, 16, 6, -1};
  EXPECT_EQ(out, expected);
}

TEST_F(VectorValues, ConstructorsAndBraces) {
  const auto out = run<float>(R"(
kernel void k(device float* o [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  const float x = i + 1; float2 p = {x, 2}; uint4 s = {i, i + 1}; vec<float, 8> z{x};
  float4 all[6] = {float4(p, p), float4(p.y, float3(3)), float4(s), {x, 2.5, 3}, float4(z[0], z[1], z[7], 0), float4(x)};
  for (int j = 0; j < 24; ++j) o[24 * i + j] = all[j / 4][j % 4];
}
)",
                              {}, 48, {2}, {1});
  ASSERT_EQ(out.size(), 48u);
  for (std::size_t i = 0; i < 2; ++i) {
    const float x = static_cast<float>(i) + 1;
    const std::array<float, 24> expected = {x, 2,    x, 2, 2, 3, 3, 3, x - 1, x, 0, 0,
                                            x, 2.5f, 3, 0, x, 0, 0, 0, x,     x, x, x};
    for (std::size_t j = 0; j < 24; ++j) EXPECT_EQ(out[24 * i + j], expected[j]) << "thread " << i << " value " << j;
  }
}

/// The target's limits outside its range, 0 for NaN.
template <class T>
T saturated(double x) {
  if (std::isnan(x)) return 0;
  if (x <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (x >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(x);
}

const std::vector<float> kFloats = {0.0f,     -0.0f,  0.5f,          -0.5f,          0.99999994f,   1.5f,  -1.5f,
                                    127.9f,   128.0f, -128.9f,       255.5f,         256.0f,        -1.0f, 32768,
                                    65535.9f, 65536,  2147483648.0f, -2147483904.0f, 4294967296.0f, 1e10f, -1e10f,
                                    1e20f,    -1e20f, 3.4e38f,       INFINITY,       -INFINITY,     NAN,   -NAN};

template <class T>
void expect_saturated(const std::vector<T>& out) {
  ASSERT_EQ(out.size(), 2 * kFloats.size());
  for (std::size_t i = 0; i < kFloats.size(); ++i) {
    EXPECT_EQ(out[2 * i], saturated<T>(static_cast<double>(kFloats[i]))) << "scalar " << kFloats[i];
    EXPECT_EQ(out[2 * i + 1], saturated<T>(static_cast<double>(kFloats[i]))) << "vector " << kFloats[i];
  }
}

std::string conversion_to(const std::string& type) {
  return "kernel void k(device const float* x [[buffer(0)]], device " + type +
         "* o [[buffer(1)]], uint i [[thread_position_in_grid]]) {\n" + "  o[2 * i] = " + type +
         "(x[i]); o[2 * i + 1] = " + type + "3(float3(1, 2, x[i])).z; }\n";
}

TEST_F(VectorValues, FloatToIntegerSaturates) {
  const auto convert = [&]<class T>(T, const char* type) {
    expect_saturated(run<T>(conversion_to(type), {bytes(kFloats)}, 2 * kFloats.size(), {kFloats.size()}, {7}));
  };
  convert(std::int8_t{}, "char");
  convert(std::uint8_t{}, "uchar");
  convert(std::int16_t{}, "short");
  convert(std::uint16_t{}, "ushort");
  convert(std::int32_t{}, "int");
  convert(std::uint32_t{}, "uint");
  convert(std::int64_t{}, "long");
  convert(std::uint64_t{}, "ulong");
}

/// A quiet NaN of any payload.
bool is_quiet_nan(std::uint16_t bits) { return (bits & 0x7fc0) == 0x7fc0; }

/// Nearest even, by the definition; no NaN.
std::uint16_t bfloat_of(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, 4);
  const std::uint32_t low = bits & 0xffff, high = bits >> 16;
  const bool up = low > 0x8000 || (low == 0x8000 && (high & 1) != 0);
  return static_cast<std::uint16_t>(high + (up ? 1 : 0));
}

TEST_F(VectorValues, FloatToBfloatRoundsToNearestEven) {
  std::vector<float> x = kFloats;
  for (const std::uint32_t bits : {0x3f808000u, 0x3f818000u, 0x3f808001u, 0x3f807fffu, 0x7f7fffffu, 0x7f7f8000u,
                                   0x00000001u, 0x00008000u, 0x00018000u, 0x7f800001u, 0xff800001u}) {
    float value;
    std::memcpy(&value, &bits, 4);
    x.push_back(value);
  }
  const auto out = run<std::uint16_t>(R"(
kernel void k(device const float* x [[buffer(0)]], device bfloat* o [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  o[2 * i] = bfloat(x[i]); o[2 * i + 1] = bfloat3(float3(1, x[i], 2)).y; }
)",
                                      {bytes(x)}, 2 * x.size(), {x.size()}, {5});
  ASSERT_EQ(out.size(), 2 * x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i])) {
      EXPECT_TRUE(is_quiet_nan(out[2 * i]) && is_quiet_nan(out[2 * i + 1])) << out[2 * i] << " and " << out[2 * i + 1];
      continue;
    }
    EXPECT_EQ(out[2 * i], bfloat_of(x[i])) << x[i];
    EXPECT_EQ(out[2 * i + 1], bfloat_of(x[i])) << "vector " << x[i];
  }
}

// One of the arguments, as bfloat: of one NaN and a number the number.
TEST_F(VectorValues, BfloatsAreChosenAsBfloats) {
  const std::vector<float> values = {0, 1, -2.5f, 3, 1e30f, -1e-30f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
  std::vector<float> x, y;
  for (const float a : values) {
    for (const float b : values) x.push_back(a), y.push_back(b);
  }
  const auto out = run<std::uint16_t>(R"(
template <typename T> T best(T a, T b) { T m = max(a, b); return clamp(m, min3(a, b, T(1)), fmax3(a, b, T(2))); }
namespace metal { METAL_FUNC bfloat median3(bfloat x, bfloat y, bfloat z) { return bfloat(7); } }
kernel void k(device const float* x [[buffer(0)]], device const float* y [[buffer(1)]], device bfloat* o [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  bfloat a = bfloat(x[i]), b = bfloat(y[i]); bfloat3 v = max(bfloat3(a), bfloat3(1, b, 2));
  static_assert(is_same_v<decltype(max(a, b)), bfloat> && is_same_v<decltype(max(a, 1.0f)), float>);
  o[4 * i] = max(a, b); o[4 * i + 1] = fmin(a, b); o[4 * i + 2] = best(a, b) == max(a, b) || isnan(a) ? v.y : bfloat(-7); o[4 * i + 3] = median3(a, b, a); }
)",
                                      {bytes(x), bytes(y)}, 4 * x.size(), {x.size()}, {8});
  ASSERT_EQ(out.size(), 4 * x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::uint16_t largest = bfloat_of(std::fmax(x[i], y[i]));
    if (std::isnan(x[i]) && std::isnan(y[i])) continue;
    EXPECT_EQ(out[4 * i], largest) << x[i] << ' ' << y[i];
    EXPECT_EQ(out[4 * i + 1], bfloat_of(std::fmin(x[i], y[i]))) << x[i] << ' ' << y[i];
    EXPECT_EQ(out[4 * i + 2], largest) << x[i] << ' ' << y[i];
    EXPECT_EQ(out[4 * i + 3], bfloat_of(7));
  }
}

TEST_F(VectorValues, HalfOverflowsToInfinityAndKeepsSubnormals) {
  const std::vector<float> x = {65504,    65519.996f, 65520,        -70000,     0x1p-24f,
                                0x1p-25f, 0x1.8p-24f, 0x1.004p-14f, 1.0004883f, 1.0014648f};
  const std::vector<std::uint16_t> expected = {0x7bff, 0x7bff, 0x7c00, 0xfc00, 0x0001,
                                               0x0000, 0x0002, 0x0401, 0x3c00, 0x3c02};
  const auto out = run<std::uint16_t>(R"(
kernel void k(device const float* x [[buffer(0)]], device half* o [[buffer(1)]], uint i [[thread_position_in_grid]]) { o[i] = half2(float2(0, x[i])).y; }
)",
                                      {bytes(x)}, x.size(), {x.size()}, {4});
  EXPECT_EQ(out, expected);
}

TEST_F(VectorValues, IntegerOperatorsWrapMaskAndNeverTrap) {
  const std::vector<std::int32_t> x = {7, -7, 0, INT32_MIN, INT32_MIN, 5, -1, INT32_MAX},
                                  y = {2, 2, 5, -1, 0, 0, 33, 31};
  const auto out = run<std::int32_t>(R"(
kernel void k(device const int* x [[buffer(0)]], device const int* y [[buffer(1)]], device int* o [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  int4 a = x[i], b = y[i]; int scalar = x[i] / y[i] + x[i] % y[i]; int4 v = a / b + a % b;
  o[6 * i] = v.x == scalar; o[6 * i + 1] = (a << b).y; o[6 * i + 2] = x[i] << y[i]; o[6 * i + 3] = (a >> b).z; o[6 * i + 4] = x[i] >> y[i];
  o[6 * i + 5] = y[i] == 0 || y[i] == -1 ? 0 : v.w;
}
)",
                                     {bytes(x), bytes(y)}, 6 * x.size(), {x.size()}, {3});
  ASSERT_EQ(out.size(), 6 * x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto count = static_cast<unsigned>(y[i]) & 31u;
    const auto left = static_cast<std::int32_t>(static_cast<std::uint32_t>(x[i]) << count);
    EXPECT_EQ(out[6 * i + 1], left);
    EXPECT_EQ(out[6 * i + 2], left);
    EXPECT_EQ(out[6 * i + 3], x[i] >> count);
    EXPECT_EQ(out[6 * i + 4], x[i] >> count);
    if (y[i] == 0 || y[i] == -1) continue;
    EXPECT_EQ(out[6 * i], 1);
    EXPECT_EQ(out[6 * i + 5], x[i] / y[i] + x[i] % y[i]);
  }
}

TEST_F(VectorValues, MatrixProductsAndDeterminants) {
  std::vector<float> m(32);
  for (std::size_t i = 0; i < m.size(); ++i) m[i] = static_cast<float>((i * 7 + 3) % 11) - 4;
  const auto out = run<float>(R"(
kernel void k(device const float4x4* m [[buffer(0)]], device float* o [[buffer(1)]]) {
  float4x4 p = m[0] * m[1], t = transpose(m[0]); float4 c = m[0] * float4(1, 2, 3, 4), r = float4(1, 2, 3, 4) * m[0];
  for (int i = 0; i < 16; ++i) { o[i] = p[i / 4][i % 4]; o[16 + i] = t[i / 4][i % 4]; }
  for (int i = 0; i < 4; ++i) { o[32 + i] = c[i]; o[36 + i] = r[i]; }
  o[40] = determinant(m[0]); o[41] = float(half4x4(m[1])[2][3]); o[42] = (2 * m[0] - m[1] * 0.5)[1][2];
}
)",
                              {bytes(m)}, 43, {1}, {1});
  ASSERT_EQ(out.size(), 43u);
  const auto at = [&](std::size_t which, std::size_t column, std::size_t row) {
    return m[which * 16 + column * 4 + row];
  };
  for (std::size_t c = 0; c < 4; ++c) {
    for (std::size_t r = 0; r < 4; ++r) {
      float sum = 0;
      for (std::size_t k = 0; k < 4; ++k) sum += at(0, k, r) * at(1, c, k);
      EXPECT_EQ(out[4 * c + r], sum);
      EXPECT_EQ(out[16 + 4 * c + r], at(0, r, c));
    }
    float column = 0, row = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      column += at(0, k, c) * static_cast<float>(k + 1);
      row += at(0, c, k) * static_cast<float>(k + 1);
    }
    EXPECT_EQ(out[32 + c], column);
    EXPECT_EQ(out[36 + c], row);
  }
  double determinant = 0;  // over all permutations
  for (std::size_t a = 0; a < 4; ++a) {
    for (std::size_t b = 0; b < 4; ++b) {
      for (std::size_t c = 0; c < 4; ++c) {
        const std::size_t d = 6 - a - b - c;
        if (a == b || a == c || b == c) continue;
        const int inversions = (a > b) + (a > c) + (a > d) + (b > c) + (b > d) + (c > d);
        determinant += (inversions % 2 == 0 ? 1.0 : -1.0) *
                       static_cast<double>(at(0, 0, a) * at(0, 1, b) * at(0, 2, c) * at(0, 3, d));
      }
    }
  }
  EXPECT_EQ(out[40], determinant);
  EXPECT_EQ(out[41], at(1, 2, 3));
  EXPECT_EQ(out[42], 2 * at(0, 1, 2) - 0.5f * at(1, 1, 2));
}

TEST_F(VectorValues, PackedVectorsTouchOnlyTheirElements) {
  const std::vector<float> v = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto out = run<float>(R"(
kernel void k(device const packed_float3* v [[buffer(0)]], device packed_float3* o [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  float3 a = v[i]; o[i] = a * 2 + v[i]; o[i].zx = a.xz; o[i].y -= 1; }
)",
                              {bytes(v)}, 9, {3}, {2});
  ASSERT_EQ(out.size(), 9u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(out[3 * i], v[3 * i + 2]);
    EXPECT_EQ(out[3 * i + 1], 3 * v[3 * i + 1] - 1);
    EXPECT_EQ(out[3 * i + 2], v[3 * i]);
  }
}

}  // namespace
}  // namespace anymetal::tests
