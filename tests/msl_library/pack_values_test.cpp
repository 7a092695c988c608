// Packing and unpacking (MSL book 5.13) of every format, against the formulas in double.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "msl_library/run_support.hpp"

namespace anymetal::tests {
namespace {

/// Component 0 lies in the lowest bits.
struct PackFormat {
  std::string name, packed_name;  ///< `unpack_<name>_to_float`, `pack_float_to_<packed_name>`
  std::vector<unsigned> widths;   ///< bits of each component
  bool is_signed = false;
  bool is_srgb = false;  ///< but for the last component
  double half_ulp = 1;   ///< error of an unpacked half in units of its last place; of a float three of its own
};

const PackFormat kFormats[] = {
    {"unorm4x8", "unorm4x8", {8, 8, 8, 8}},
    {"snorm4x8", "snorm4x8", {8, 8, 8, 8}, true},
    {"unorm4x8_srgb", "srgb_unorm4x8", {8, 8, 8, 8}, false, true},
    {"unorm2x16", "unorm2x16", {16, 16}},
    {"snorm2x16", "snorm2x16", {16, 16}, true},
    {"unorm10a2", "unorm10a2", {10, 10, 10, 2}},
    {"unorm565", "unorm565", {5, 6, 5}},
    {"snorm10a2", "snorm10a2", {10, 10, 10, 2}, true},
};

double decoded(const PackFormat& f, std::uint32_t word, std::size_t component) {
  unsigned shift = 0;
  for (std::size_t i = 0; i < component; ++i) shift += f.widths[i];
  const unsigned bits = f.widths[component];
  const std::uint32_t field = (word >> shift) & ((1U << bits) - 1);
  if (f.is_signed) {
    const auto number = static_cast<int>(field) - ((field >> (bits - 1)) != 0 ? 1 << bits : 0);
    return std::max(number / double((1 << (bits - 1)) - 1), -1.0);
  }
  const double c = field / double((1U << bits) - 1);
  if (!f.is_srgb || component + 1 == f.widths.size()) return c;
  return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
}

/// The code of a value and how far the scaled value lies from it, at most one half.
std::pair<long, double> encoded(const PackFormat& f, double x, std::size_t component) {
  if (std::isnan(x)) x = 0;
  x = std::clamp(x, f.is_signed ? -1.0 : 0.0, 1.0);
  if (f.is_srgb && component + 1 != f.widths.size())
    x = x <= 0.0031308 ? 12.92 * x : 1.055 * std::pow(x, 1 / 2.4) - 0.055;
  const unsigned bits = f.widths[component];
  const double scaled = x * double(f.is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1);
  const double code = std::nearbyint(scaled);
  return {static_cast<long>(code), std::abs(scaled - code)};
}

class PackValues : public LibraryRun {
 protected:
  static std::vector<std::uint32_t> words() {
    std::vector<std::uint32_t> all = {0, 0xffffffffU, 0x80808080U, 0x7f7f7f7fU, 0x80008000U, 0x7fff7fffU};
    for (std::uint32_t i = 0; i < 500; ++i) all.push_back(i * 0x9e3779b9U + (i << 7));
    return all;
  }
  static std::string vector_type(const std::string& element, std::size_t n) { return fmt::format("{}{}", element, n); }
};

TEST_F(PackValues, Unpacked) {
  const auto codes = words();
  for (const PackFormat& f : kFormats) {
    for (const std::string element : {"float", "half"}) {
      const std::size_t n = f.widths.size();
      const auto got = run<float>(
          fmt::format("kernel void k(device const uint* x [[buffer(0)]], device float* o [[buffer(1)]], uint i "
                      "[[thread_position_in_grid]]) {{\n"
                      "  {} v = unpack_{}_to_{}({}(x[i]));\n  for (int c = 0; c < {}; ++c) o[{} * i + c] = v[c];\n}}\n",
                      vector_type(element, n), f.name, element, n == 3 ? "ushort" : "uint", n, n),
          {bytes(codes)}, n * codes.size(), {codes.size()}, {32});
      ASSERT_EQ(got.size(), n * codes.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        const double expected = decoded(f, codes[i / n], i % n);
        const double unit = element == "half" ? std::ldexp(std::max(std::abs(expected), 0x1p-14), -10)
                                              : std::ldexp(std::max(std::abs(expected), 0x1p-30), -23);
        EXPECT_NEAR(got[i], expected,
                    unit * (element == "half" ? f.half_ulp
                            : f.is_srgb       ? 16
                                              : 3))
            << f.name << " to " << element << " of " << codes[i / n] << " component " << i % n;
      }
    }
  }
}

TEST_F(PackValues, Packed) {
  std::vector<float> x = {0,
                          1,
                          -1,
                          0.5f,
                          -0.5f,
                          2,
                          -3,
                          std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN(),
                          1e-4f,
                          0.25f};
  for (int i = 0; i < 500; ++i) x.push_back(static_cast<float>(std::sin(i * 1.7)) * 1.1f);
  for (const PackFormat& f : kFormats) {
    for (const std::string element : {"float", "half"}) {
      const std::size_t n = f.widths.size();
      // Component c packs x[i + c]; what it is as a half comes back too.
      const auto got =
          run<std::uint32_t>(fmt::format("kernel void k(device const float* x [[buffer(0)]], device uint* o "
                                         "[[buffer(1)]], uint i [[thread_position_in_grid]]) {{\n"
                                         "  {} v;\n  for (int c = 0; c < {}; ++c) {{ v[c] = {}(x[i + c]); o[{} * i + 1 "
                                         "+ c] = as_type<uint>(float(v[c])); }}\n"
                                         "  o[{} * i] = pack_{}_to_{}(v);\n}}\n",
                                         vector_type(element, n), n, element, n + 1, n + 1, element, f.packed_name),
                             {bytes(x)}, (n + 1) * (x.size() - n), {x.size() - n}, {32});
      ASSERT_EQ(got.size(), (n + 1) * (x.size() - n));
      for (std::size_t i = 0; i + n < x.size(); ++i) {
        unsigned shift = 0;
        for (std::size_t c = 0; c < n; shift += f.widths[c++]) {
          float value = 0;
          std::memcpy(&value, &got[(n + 1) * i + 1 + c], 4);
          const auto [code, distance] = encoded(f, value, c);
          const long bits = static_cast<long>((got[(n + 1) * i] >> shift) & ((1U << f.widths[c]) - 1));
          const long found = f.is_signed && (bits >> (f.widths[c] - 1)) != 0 ? bits - (1L << f.widths[c]) : bits;
          // Near the middle between two codes, where the last bit of the scaled value decides, either is right.
          const bool is_near_middle = distance > 0.499;
          EXPECT_LE(std::abs(found - code), is_near_middle ? 1 : 0)
              << element << " to " << f.packed_name << " of " << value << " component " << c;
        }
      }
    }
  }
}

}  // namespace
}  // namespace anymetal::tests
