// Size and alignment of every type a buffer may hold.

#include <fmt/format.h>

#include <vector>

#include "msl_library/parse_support.hpp"

namespace anymetal::tests {
namespace {

struct Layout {
  std::string type;
  unsigned size;
  unsigned alignment;
};

std::vector<Layout> layouts() {
  std::vector<Layout> all = {{"bool", 1, 1}, {"char", 1, 1},   {"uchar", 1, 1},  {"short", 2, 2},    {"ushort", 2, 2},
                             {"half", 2, 2}, {"bfloat", 2, 2}, {"int", 4, 4},    {"uint", 4, 4},     {"float", 4, 4},
                             {"long", 8, 8}, {"ulong", 8, 8},  {"size_t", 8, 8}, {"ptrdiff_t", 8, 8}};
  for (std::size_t i = 0, scalars = 12; i < scalars; ++i) {
    const auto [type, size, alignment] = all[i];
    for (unsigned n = 2; n <= 4; ++n) {
      const unsigned stored = n == 3 ? 4 : n;
      all.push_back({type + std::to_string(n), stored * size, stored * size});
      if (type != "bool") all.push_back({"packed_" + type + std::to_string(n), n * size, size});
    }
    for (const unsigned n : {1u, 8u, 16u, 32u, 64u})
      all.push_back({fmt::format("vec<{}, {}>", type, n), n * size, n * size});
  }
  for (const auto& [type, size] : {std::pair{"half", 2u}, {"float", 4u}}) {
    for (unsigned columns = 2; columns <= 4; ++columns) {
      for (unsigned rows = 2; rows <= 4; ++rows) {
        const unsigned column = (rows == 3 ? 4 : rows) * size;
        all.push_back({fmt::format("{}{}x{}", type, columns, rows), columns * column, column});
      }
    }
  }
  const std::vector<Layout> others = {
      {"matrix<bfloat, 4, 4>", 32, 8}, {"matrix<bfloat, 2, 4>", 16, 8}, {"atomic_int", 4, 4},
      {"atomic_uint", 4, 4},           {"atomic_bool", 1, 1},           {"atomic_ulong", 8, 8},
      {"atomic_float", 4, 4},          {"device float*", 8, 8},         {"array<float, 3>", 12, 4},
      {"simdgroup_float8x8", 8, 8},    {"simdgroup_half8x8", 4, 4},     {"simdgroup_bfloat8x8", 4, 4}};
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

/// One assertion a type; `wrong` is added to every size.
std::string assertions(unsigned wrong) {
  std::string text;
  for (const Layout& l : layouts()) {
    text += fmt::format("static_assert(sizeof({0}) == {1} && alignof({0}) == {2}, \"{0}\");\n", l.type, l.size + wrong,
                        l.alignment);
  }
  return with_library(text);
}

TEST(Layout, IsTheLanguages) {
  const auto parsed = parse(assertions(0), 1000);
  EXPECT_TRUE(parsed.has_value()) << explain(parsed.error());
}

TEST(Layout, IsReallyCompared) {
  const auto parsed = parse(assertions(1), 1000);
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(count_errors(parsed.error()), layouts().size());
}

TEST(Layout, VectorsAndMatricesAreTrivial) {
  std::string text;
  for (const char* type :
       {"float4", "bool3", "bfloat2", "half4x4", "packed_half3", "vec<float, 64>", "bfloat", "simdgroup_float8x8"}) {
    text += fmt::format(
        "static_assert(__is_trivial({0}) && __is_trivially_constructible({0}), \"{0}\");\nunion U{1} {{ {0} a; int b; "
        "}};\n",
        type, text.size());
  }
  const auto parsed = parse(with_library(text));
  EXPECT_TRUE(parsed.has_value()) << explain(parsed.error());
}

TEST(Layout, NamesAreThereWithoutIncludes) {
  const auto parsed = parse(
      "uint a(float4 v, half2x2 m, bfloat3 b, packed_short2 p, metal::uint3 u) { return u.x; }\n"
      "static_assert(__is_same(float4, metal::float4) && __is_same(float4, metal::vec<float, 4>));\n"
      "static_assert(__is_same(int64_t, long) && __is_same(size_t, ulong) && __is_same(int8_t, char));\n");
  EXPECT_TRUE(parsed.has_value()) << explain(parsed.error());
}

}  // namespace
}  // namespace anymetal::tests
