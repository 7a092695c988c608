// The functions with accuracy limits (MSL book 5.6), as kernels call them: metal::, precise:: and fast::, on float,
// half, bfloat and vectors, within the same limits as the library underneath.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string_view>

#include "kernel_runner.hpp"
#include "msl_math/measure.hpp"
#include "msl_math/samples.hpp"

namespace msl_functions {
namespace {

using anymetal::MathMode;
using msl_math::Case;
using msl_math::Format;

/// "precise::sin" is "precise::" and "sin"; exact functions have no such part.
struct Name {
  std::string space, function;
  explicit Name(std::string_view name) {
    const auto colons = name.find("::");
    if (colons != std::string_view::npos) space = name.substr(0, colons + 2);
    function = name.substr(space.size());
  }
};

/// Statements that leave the result in r; `prefix` goes before the function's name.
std::string body(const std::string& function, const std::string& prefix, bool binary) {
  if (function == "sincos sine") return fmt::format("r = {}sincos(a, t);", prefix);
  if (function == "sincos cosine") return fmt::format("{}sincos(a, r);", prefix);
  if (function == "modf part") return "r = modf(a, t);";
  if (function == "modf whole") return "modf(a, r);";
  if (function == "frexp fraction") return "r = frexp(a, e);";
  if (function == "frexp exponent") return "frexp(a, e); r = R(e);";
  if (function == "ilogb") return "r = R(ilogb(a));";
  if (function == "ldexp") return "r = ldexp(a, I(b));";
  if (function == "fmod" && prefix.empty()) return "r = precise::fmod(a, b);";
  return fmt::format("r = {}{}({});", prefix, function, binary ? "a, b" : "a");
}

/// Whether a case is for this kind of kernel.
using Filter = std::function<bool(const Case&, const Name&)>;

struct Kind {
  std::string type, result, integer;  ///< MSL types of arguments, results, exponents
  std::size_t width = 1;
  Format format = Format::Float;
  bool bfloat = false;
  std::string prefix = {};  ///< instead of the case's own, where `own_prefix` is false
  bool own_prefix = true;
  MathMode mode = MathMode::Fast;
  std::string pragma = {};  ///< first line of each kernel's body
};

std::string kernel_name(std::size_t row) { return fmt::format("row{}", row); }

std::string source(const Kind& kind) {
  std::string text = fmt::format("typedef {} R;\ntypedef {} I;\n", kind.result, kind.integer);
  std::size_t row = 0;
  for (const Case& test : msl_math::cases()) {
    const Name name(test.name);
    text += fmt::format(
        "kernel void {}(device const {}* x [[buffer(0)]], device const {}* y [[buffer(1)]], device R* out "
        "[[buffer(2)]],\n"
        "               uint i [[thread_position_in_grid]]) {{\n{}\n"
        "  const {} a = x[i], b = y[i];\n  R r = R(b), t = r;\n  I e = I(0);\n  {}\n  out[i] = r;\n}}\n",
        kernel_name(row++), kind.type, kind.type, kind.pragma, kind.type,
        body(name.function, kind.own_prefix ? name.space : kind.prefix, test.binary));
  }
  return text;
}

std::uint16_t bfloat_bits(float x) { return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16); }

/// The sample arguments, made representable in the type; a whole number of vectors.
msl_math::Pairs arguments(const Kind& kind, bool binary) {
  msl_math::Pairs at = binary ? msl_math::pairs() : msl_math::Pairs{msl_math::samples(), {}};
  if (!binary) at.y.assign(at.x.size(), 1.0f);
  const std::size_t count = at.x.size() / 4 * 4;
  for (auto* values : {&at.x, &at.y}) {
    values->resize(count);
    for (float& value : *values) {
      if (kind.format == Format::Half) value = msl_math::round_to_half(value);
      if (kind.bfloat) value = std::bit_cast<float>(std::uint32_t{bfloat_bits(value)} << 16);
    }
  }
  return at;
}

template <class Stored>
std::vector<Stored> stored(const std::vector<float>& values, const Kind& kind) {
  std::vector<Stored> result;
  for (const float value : values) {
    if constexpr (std::is_same_v<Stored, float>)
      result.push_back(value);
    else
      result.push_back(kind.bfloat ? bfloat_bits(value) : msl_math::to_half_bits(value));
  }
  return result;
}

template <class Input, class Output>
void check(const Kind& kind, const Filter& wanted) {
  KernelRunner runner(source(kind), kind.mode);
  std::size_t row = 0, checked = 0;
  for (const Case& test : msl_math::cases()) {
    const std::string kernel = kernel_name(row++);
    if (!wanted(test, Name(test.name))) continue;
    const msl_math::Pairs at = arguments(kind, test.binary);
    const auto got = run_kernel<Output>(runner, kernel, at.x.size(), at.x.size() / kind.width,
                                        stored<Input>(at.x, kind), stored<Input>(at.y, kind));
    ASSERT_TRUE(got) << test.name << ": " << got.error().message();
    std::vector<float> values;
    for (const Output v : *got) {
      if constexpr (std::is_same_v<Output, float>)
        values.push_back(v);
      else
        values.push_back(msl_math::from_half_bits(v));
    }
    const msl_math::Worst worst =
        msl_math::compare(test, kind.format, at.x, test.binary ? at.y : std::vector<float>{}, values);
    fmt::print("{:8} {}\n", kind.type, msl_math::summary(test, worst));
    EXPECT_EQ(worst.failures, 0u) << kind.type << ": " << worst.first_failure;
    ++checked;
  }
  EXPECT_GT(checked, 5u);
}

bool all(const Case&, const Name&) { return true; }
bool not_precise(const Case&, const Name& name) { return name.space != "precise::"; }
bool has_half_limit(const Case& test, const Name&) { return test.half_ulp >= 0; }

TEST(Elementary, Float) { check<float, float>({.type = "float", .result = "float", .integer = "int"}, all); }

TEST(Elementary, FloatVectors) {
  check<float, float>({.type = "float4", .result = "float4", .integer = "int4", .width = 4}, not_precise);
  check<float, float>({.type = "float2", .result = "float2", .integer = "int2", .width = 2},
                      [](const Case&, const Name& name) { return name.space.empty(); });
}

TEST(Elementary, UnqualifiedNamesFollowTheMathMode) {
  const auto in = [](const char* space) {
    return [space](const Case&, const Name& name) { return name.space == space; };
  };
  check<float, float>({.type = "float",
                       .result = "float",
                       .integer = "int",
                       .prefix = "metal::",
                       .own_prefix = false,
                       .mode = MathMode::Safe},
                      in("precise::"));
  check<float, float>({.type = "float",
                       .result = "float",
                       .integer = "int",
                       .own_prefix = false,
                       .pragma = "#pragma METAL fp math_mode(safe)"},
                      in("precise::"));
  check<float, float>({.type = "float4",
                       .result = "float4",
                       .integer = "int4",
                       .width = 4,
                       .own_prefix = false,
                       .pragma = "#pragma METAL fp math_mode(safe)"},
                      in("precise::"));
  check<float, float>({.type = "float", .result = "float", .integer = "int", .own_prefix = false}, in("fast::"));
}

TEST(Elementary, Half) {
  check<std::uint16_t, std::uint16_t>({.type = "half", .result = "half", .integer = "int", .format = Format::Half},
                                      has_half_limit);
  check<std::uint16_t, std::uint16_t>(
      {.type = "half4", .result = "half4", .integer = "int4", .width = 4, .format = Format::Half},
      [](const Case& test, const Name& name) { return has_half_limit(test, name) && not_precise(test, name); });
}

TEST(Elementary, BfloatArgumentsChooseFloat) {
  check<std::uint16_t, float>(
      {.type = "bfloat", .result = "float", .integer = "int", .bfloat = true},
      [](const Case&, const Name& name) { return !name.space.empty() && !name.function.starts_with("sincos"); });
}

}  // namespace
}  // namespace msl_functions
