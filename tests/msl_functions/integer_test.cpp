// Integer functions (MSL book 5.4) on all widths, signed and unsigned, scalars and vectors; references in 128 bits.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>

#include "kernel_runner.hpp"

namespace msl_functions {
namespace {

__extension__ using Wide = __int128;
__extension__ using WideUnsigned = unsigned __int128;

template <class T>
constexpr int kBits = std::numeric_limits<std::make_unsigned_t<T>>::digits;
template <class T>
Wide saturated(Wide v) {
  return v < std::numeric_limits<T>::min()   ? std::numeric_limits<T>::min()
         : v > std::numeric_limits<T>::max() ? std::numeric_limits<T>::max()
                                             : v;
}
/// The exact product's upper half; 128 bits hold it when the signs are right.
template <class T>
Wide high_half(Wide a, Wide b) {
  if constexpr (std::is_signed_v<T>)
    return (a * b) >> kBits<T>;
  else
    return static_cast<Wide>((static_cast<WideUnsigned>(a) * static_cast<WideUnsigned>(b)) >> kBits<T>);
}
template <class T>
Wide saturated_multiply_add(Wide a, Wide b, Wide c) {
  if constexpr (std::is_signed_v<T>) return saturated<T>(a * b + c);
  const WideUnsigned exact = static_cast<WideUnsigned>(a) * static_cast<WideUnsigned>(b) + static_cast<WideUnsigned>(c);
  return static_cast<Wide>(exact > std::numeric_limits<T>::max() ? std::numeric_limits<T>::max()
                                                                 : static_cast<T>(exact));
}
template <class T>
std::make_unsigned_t<T> bits_of(Wide a) {
  return static_cast<std::make_unsigned_t<T>>(a);
}

template <class T>
struct Row {
  const char* call;                           ///< of a, b, c; W is the width in bits
  Wide (*reference)(Wide a, Wide b, Wide c);  ///< taken modulo 2^W
  bool vectors = true;
};

/// Offset and size of a bit field that lies within T, from two arbitrary numbers; the kernels compute the same.
template <class T>
unsigned offset_of(Wide b) {
  return static_cast<unsigned>(static_cast<std::uint8_t>(b)) % kBits<T>;
}
template <class T>
unsigned size_of(Wide b, Wide c) {
  return static_cast<unsigned>(static_cast<std::uint8_t>(c)) % (kBits<T> - offset_of<T>(b) + 1);
}
template <class T>
WideUnsigned mask(unsigned size) {
  return (WideUnsigned{1} << size) - 1;
}

#define OFFSET "uint(uchar(b)) % W"
#define SIZE "uint(uchar(c)) % (W - " OFFSET " + 1)"

template <class T>
std::vector<Row<T>> rows() {
  return {
      {"abs(a)", [](Wide a, Wide, Wide) { return a < 0 ? -a : a; }},
      {"T(absdiff(a, b))", [](Wide a, Wide b, Wide) { return a < b ? b - a : a - b; }},
      {"addsat(a, b)", [](Wide a, Wide b, Wide) { return saturated<T>(a + b); }},
      {"subsat(a, b)", [](Wide a, Wide b, Wide) { return saturated<T>(a - b); }},
      {"madsat(a, b, c)", [](Wide a, Wide b, Wide c) { return saturated_multiply_add<T>(a, b, c); }},
      {"hadd(a, b)", [](Wide a, Wide b, Wide) { return (a + b) >> 1; }},
      {"rhadd(a, b)", [](Wide a, Wide b, Wide) { return (a + b + 1) >> 1; }},
      {"mulhi(a, b)", [](Wide a, Wide b, Wide) { return high_half<T>(a, b); }},
      {"madhi(a, b, c)", [](Wide a, Wide b, Wide c) { return high_half<T>(a, b) + c; }},
      {"min(a, b)", [](Wide a, Wide b, Wide) { return a < b ? a : b; }},
      {"max(a, b)", [](Wide a, Wide b, Wide) { return a < b ? b : a; }},
      {"min3(a, b, c)", [](Wide a, Wide b, Wide c) { return std::min(a, std::min(b, c)); }},
      {"max3(a, b, c)", [](Wide a, Wide b, Wide c) { return std::max(a, std::max(b, c)); }},
      {"median3(a, b, c)",
       [](Wide a, Wide b, Wide c) { return std::max(std::min(a, b), std::min(std::max(a, b), c)); }},
      {"clamp(a, min(b, c), max(b, c))",
       [](Wide a, Wide b, Wide c) { return std::min(std::max(a, std::min(b, c)), std::max(b, c)); }},
      {"clz(a)", [](Wide a, Wide, Wide) { return Wide{std::countl_zero(bits_of<T>(a))}; }},
      {"ctz(a)", [](Wide a, Wide, Wide) { return Wide{std::countr_zero(bits_of<T>(a))}; }},
      {"popcount(a)", [](Wide a, Wide, Wide) { return Wide{std::popcount(bits_of<T>(a))}; }},
      {"rotate(a, b)",
       [](Wide a, Wide b, Wide) { return Wide{std::rotl(bits_of<T>(a), static_cast<int>(bits_of<T>(b) % kBits<T>))}; }},
      {"reverse_bits(a)",
       [](Wide a, Wide, Wide) {
         Wide r = 0;
         for (int i = 0; i < kBits<T>; ++i) r |= ((a >> i) & 1) << (kBits<T> - 1 - i);
         return r;
       }},
      {"extract_bits(a, " OFFSET ", " SIZE ")",
       [](Wide a, Wide b, Wide c) {
         const unsigned size = size_of<T>(b, c);
         Wide field = static_cast<Wide>((static_cast<WideUnsigned>(a) >> offset_of<T>(b)) & mask<T>(size));
         if (std::is_signed_v<T> && size > 0 && ((field >> (size - 1)) & 1) != 0) field -= Wide{1} << size;
         return field;
       },
       false},
      {"insert_bits(a, T(b ^ c), " OFFSET ", " SIZE ")",
       [](Wide a, Wide b, Wide c) {
         const WideUnsigned field = mask<T>(size_of<T>(b, c)) << offset_of<T>(b);
         const WideUnsigned inserted = static_cast<WideUnsigned>(b ^ c) << offset_of<T>(b);
         return static_cast<Wide>((static_cast<WideUnsigned>(a) & ~field) | (inserted & field));
       },
       false},
  };
}

template <class T>
std::vector<T> values(unsigned seed) {
  std::mt19937_64 random(seed);
  const T edges[] = {0,
                     1,
                     2,
                     3,
                     std::numeric_limits<T>::max(),
                     std::numeric_limits<T>::min(),
                     static_cast<T>(std::numeric_limits<T>::max() - 1),
                     static_cast<T>(std::numeric_limits<T>::min() + 1),
                     static_cast<T>(-1),
                     static_cast<T>(T{1} << (kBits<T> / 2))};
  std::vector<T> result;
  for (int i = 0; i < 4096; ++i) {
    const auto raw = random();
    if ((raw & 3) == 0)
      result.push_back(edges[(raw >> 8) % std::size(edges)]);
    else
      result.push_back(static_cast<T>(random() >> (raw >> 32) % kBits<T>));
  }
  return result;
}

template <class T>
void check(const std::string& name, std::size_t width) {
  std::string text = fmt::format("typedef {}{} T;\nconstant constexpr uint W = {};\n", name,
                                 width > 1 ? std::to_string(width) : "", kBits<T>);
  const std::vector<Row<T>> table = rows<T>();
  for (std::size_t row = 0; row < table.size(); ++row) {
    if (width > 1 && !table[row].vectors) continue;
    text += fmt::format(
        "kernel void row{}(device const T* x [[buffer(0)]], device const T* y [[buffer(1)]], device const T* z "
        "[[buffer(2)]],\n"
        "    device T* out [[buffer(3)]], uint i [[thread_position_in_grid]]) {{\n"
        "  const T a = x[i], b = y[i], c = z[i];\n  out[i] = {};\n}}\n",
        row, table[row].call);
  }
  KernelRunner runner(text, anymetal::MathMode::Fast);
  const std::vector<T> a = values<T>(1), b = values<T>(2), c = values<T>(3);
  for (std::size_t row = 0; row < table.size(); ++row) {
    if (width > 1 && !table[row].vectors) continue;
    const auto got = run_kernel<T>(runner, fmt::format("row{}", row), a.size(), a.size() / width, a, b, c);
    ASSERT_TRUE(got) << name << width << " " << table[row].call << ": " << got.error().message();
    std::size_t failures = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const T expected = static_cast<T>(bits_of<T>(table[row].reference(a[i], b[i], c[i])));
      if ((*got)[i] == expected || failures++ != 0) continue;
      ADD_FAILURE() << fmt::format("{}{} {} = {} at {}, {}, {}; expected {}", name, width, table[row].call, (*got)[i],
                                   a[i], b[i], c[i], expected);
    }
    EXPECT_EQ(failures, 0u) << name << width << " " << table[row].call;
  }
}

TEST(Integer, Char) {
  check<std::int8_t>("char", 1);
  check<std::int8_t>("char", 4);
}
TEST(Integer, UnsignedChar) {
  check<std::uint8_t>("uchar", 1);
  check<std::uint8_t>("uchar", 4);
}
TEST(Integer, Short) {
  check<std::int16_t>("short", 1);
  check<std::int16_t>("short", 2);
}
TEST(Integer, UnsignedShort) {
  check<std::uint16_t>("ushort", 1);
  check<std::uint16_t>("ushort", 4);
}
TEST(Integer, Int) {
  check<std::int32_t>("int", 1);
  check<std::int32_t>("int", 4);
}
TEST(Integer, UnsignedInt) {
  check<std::uint32_t>("uint", 1);
  check<std::uint32_t>("uint", 2);
}
TEST(Integer, Long) {
  check<std::int64_t>("long", 1);
  check<std::int64_t>("long", 4);
}
TEST(Integer, UnsignedLong) {
  check<std::uint64_t>("ulong", 1);
  check<std::uint64_t>("ulong", 2);
}

TEST(Integer, Products24) {
  KernelRunner runner(
      "kernel void product(device const int* x, device const int* y, device int* out, uint i "
      "[[thread_position_in_grid]]) {\n"
      "  out[2 * i] = mul24(x[i], y[i]);\n  out[2 * i + 1] = mad24(x[i], y[i], 7);\n}\n",
      anymetal::MathMode::Fast);
  const std::vector<std::int32_t> x = {0, 1, -1, 8388607, -8388608, 4097}, y = {5, -7, -1, 2, 2, 1023};
  const auto got = run_kernel<std::int32_t>(runner, "product", 2 * x.size(), x.size(), x, y);
  ASSERT_TRUE(got) << got.error().message();
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ((*got)[2 * i], x[i] * y[i]);
    EXPECT_EQ((*got)[2 * i + 1], x[i] * y[i] + 7);
  }
}

}  // namespace
}  // namespace msl_functions
