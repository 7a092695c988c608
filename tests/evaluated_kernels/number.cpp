#include "number.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>

#include "cases/codec.hpp"

namespace anymetal::test {
namespace {

float as_float(Component value) { return std::bit_cast<float>(static_cast<std::uint32_t>(value)); }
Component from_float(float value) { return std::bit_cast<std::uint32_t>(value); }

__int128 lowest(Scalar type) { return is_signed(type) ? -(__int128{1} << (bits(type) - 1)) : __int128{0}; }
__int128 highest(Scalar type) { return (__int128{1} << (bits(type) - (is_signed(type) ? 1 : 0))) - 1; }
__int128 saturated(Scalar type, __int128 value) { return std::clamp(value, lowest(type), highest(type)); }
std::uint64_t pattern(Scalar type, __int128 value) {
  return bits(type) == 64 ? static_cast<std::uint64_t>(value)
                          : static_cast<std::uint64_t>(value) & ((std::uint64_t{1} << bits(type)) - 1);
}

using Integers = std::span<const __int128>;
using IntegerFunction = std::function<__int128(Scalar, Integers)>;
const std::map<std::string, IntegerFunction>& integer_functions() {
  static const std::map<std::string, IntegerFunction> functions{
      {"+", [](Scalar, Integers x) { return x[0] + x[1]; }},
      {"-", [](Scalar, Integers x) { return x[0] - x[1]; }},
      {"*",
       [](Scalar t, Integers x) {
         return static_cast<__int128>(pattern(t, x[0]) * pattern(t, x[1]));  // low bits alone matter
       }},
      {"/", [](Scalar, Integers x) { return x[0] / x[1]; }},
      {"%", [](Scalar, Integers x) { return x[0] % x[1]; }},
      {"&", [](Scalar, Integers x) { return x[0] & x[1]; }},
      {"|", [](Scalar, Integers x) { return x[0] | x[1]; }},
      {"^", [](Scalar, Integers x) { return x[0] ^ x[1]; }},
      {"min", [](Scalar, Integers x) { return std::min(x[0], x[1]); }},
      {"max", [](Scalar, Integers x) { return std::max(x[0], x[1]); }},
      {"clamp", [](Scalar, Integers x) { return std::min(std::max(x[0], x[1]), x[2]); }},
      {"median3",
       [](Scalar, Integers x) { return std::max(std::min(x[0], x[1]), std::min(std::max(x[0], x[1]), x[2])); }},
      {"min3",
       [](Scalar, Integers x) {
         return std::min({x[0], x[1], x[2]});
       }},
      {"max3",
       [](Scalar, Integers x) {
         return std::max({x[0], x[1], x[2]});
       }},
      {"abs", [](Scalar, Integers x) { return x[0] < 0 ? -x[0] : x[0]; }},
      {"addsat", [](Scalar t, Integers x) { return saturated(t, x[0] + x[1]); }},
      {"subsat", [](Scalar t, Integers x) { return saturated(t, x[0] - x[1]); }},
      {"hadd", [](Scalar, Integers x) { return (x[0] + x[1]) >> 1; }},
      {"rhadd", [](Scalar, Integers x) { return (x[0] + x[1] + 1) >> 1; }},
      {"mulhi",
       [](Scalar t, Integers x) {
         if (is_signed(t)) return (x[0] * x[1]) >> bits(t);
         return static_cast<__int128>((static_cast<unsigned __int128>(x[0]) * static_cast<unsigned __int128>(x[1])) >>
                                      bits(t));
       }},
      {"clz",
       [](Scalar t, Integers x) {
         return static_cast<__int128>(std::countl_zero(pattern(t, x[0])) - (64 - static_cast<int>(bits(t))));
       }},
      {"ctz",
       [](Scalar t, Integers x) {
         return static_cast<__int128>(std::min(std::countr_zero(pattern(t, x[0])), static_cast<int>(bits(t))));
       }},
      {"popcount", [](Scalar t, Integers x) { return static_cast<__int128>(std::popcount(pattern(t, x[0]))); }},
      {"rotate",
       [](Scalar t, Integers x) {
         const auto count = static_cast<unsigned>(pattern(t, x[1]) % bits(t));
         const auto whole = pattern(t, x[0]);
         return static_cast<__int128>(count == 0 ? whole : whole << count | whole >> (bits(t) - count));
       }},
      {"reverse_bits",
       [](Scalar t, Integers x) {
         std::uint64_t result = 0;
         for (unsigned n = 0; n < bits(t); ++n) result |= (pattern(t, x[0]) >> n & 1U) << (bits(t) - 1 - n);
         return static_cast<__int128>(result);
       }},
  };
  return functions;
}

using Reals = std::span<const double>;
using RealFunction = std::function<double(Reals)>;
/// Of two numbers, one of which may be none.
template <class Choose>
double chosen(double a, double b, Choose choose) {
  if (std::isnan(a)) return b;
  return std::isnan(b) ? a : choose(a, b);
}
double smaller(double a, double b) {
  return chosen(a, b, [](double x, double y) { return y < x ? y : x; });
}
double larger(double a, double b) {
  return chosen(a, b, [](double x, double y) { return x < y ? y : x; });
}

const std::map<std::string, RealFunction>& real_functions() {
  static const std::map<std::string, RealFunction> functions{
      {"+", [](Reals x) { return x[0] + x[1]; }},
      {"-", [](Reals x) { return x[0] - x[1]; }},
      {"*", [](Reals x) { return x[0] * x[1]; }},
      {"/", [](Reals x) { return x[0] / x[1]; }},
      {"min", [](Reals x) { return smaller(x[0], x[1]); }},
      {"max", [](Reals x) { return larger(x[0], x[1]); }},
      {"clamp", [](Reals x) { return smaller(larger(x[0], x[1]), x[2]); }},
      {"min3", [](Reals x) { return smaller(smaller(x[0], x[1]), x[2]); }},
      {"max3", [](Reals x) { return larger(larger(x[0], x[1]), x[2]); }},
      {"fabs", [](Reals x) { return std::fabs(x[0]); }},
      {"floor", [](Reals x) { return std::floor(x[0]); }},
      {"ceil", [](Reals x) { return std::ceil(x[0]); }},
      {"trunc", [](Reals x) { return std::trunc(x[0]); }},
      {"rint", [](Reals x) { return std::nearbyint(x[0]); }},
      {"round", [](Reals x) { return std::round(x[0]); }},
      {"sqrt", [](Reals x) { return std::sqrt(x[0]); }},
      {"sign", [](Reals x) { return std::isnan(x[0]) ? 0.0 : static_cast<double>((x[0] > 0) - (x[0] < 0)); }},
      {"step", [](Reals x) { return x[1] < x[0] ? 0.0 : 1.0; }},
      {"fdim", [](Reals x) { return x[0] > x[1] ? x[0] - x[1] : (std::isnan(x[0]) || std::isnan(x[1]) ? NAN : 0.0); }},
      {"saturate", [](Reals x) { return smaller(larger(x[0], 0.0), 1.0); }},
  };
  return functions;
}

}  // namespace

std::string spelling(Type type) {
  static constexpr std::array kNames{"bool", "char", "uchar", "short", "ushort", "int",
                                     "uint", "long", "ulong", "half",  "bfloat", "float"};
  return kNames[static_cast<std::size_t>(type.scalar)] + (type.width > 1 ? std::to_string(type.width) : "");
}

unsigned bits(Scalar type) {
  static constexpr std::array kBits{8U, 8U, 8U, 16U, 16U, 32U, 32U, 64U, 64U, 16U, 16U, 32U};
  return kBits[static_cast<std::size_t>(type)];
}

bool is_float(Scalar type) { return type >= Scalar::Half; }

bool is_signed(Scalar type) {
  return type == Scalar::Char || type == Scalar::Short || type == Scalar::Int || type == Scalar::Long;
}

Scalar unsigned_of(Scalar type) { return is_signed(type) ? static_cast<Scalar>(static_cast<int>(type) + 1) : type; }

Scalar common(Scalar a, Scalar b) {
  if (is_float(a) || is_float(b)) {
    if (!is_float(a) || !is_float(b)) return is_float(a) ? a : b;
    return a == b ? a : Scalar::Float;
  }
  return std::max({a, b, Scalar::Int});  // ranks rise in this order, unsigned after signed
}

__int128 integer(Scalar type, Component value) {
  return is_signed(type) ? static_cast<__int128>(static_cast<std::int64_t>(value)) : static_cast<__int128>(value);
}

Component of_integer(Scalar type, __int128 value) {
  if (type == Scalar::Bool) return value != 0 ? 1 : 0;
  const auto low = pattern(type, value);
  const auto unused = 64 - bits(type);
  return is_signed(type) ? static_cast<Component>(static_cast<std::int64_t>(low << unused) >> unused) : low;
}

double real(Component value) { return as_float(value); }

Component of_real(Scalar type, double value) {
  if (type == Scalar::Half) return from_float(static_cast<float>(cases::from_half_bits(cases::to_half_bits(value))));
  if (type == Scalar::Bfloat)
    return from_float(static_cast<float>(cases::from_bfloat_bits(cases::to_bfloat_bits(value))));
  return from_float(static_cast<float>(value));
}

Component convert(Component value, Scalar from, Scalar to) {
  if (is_float(from)) {
    const double x = real(value);
    if (is_float(to)) return of_real(to, x);
    if (to == Scalar::Bool) return x != 0 ? 1 : 0;
    if (std::isnan(x)) return 0;
    const double whole = std::clamp(std::trunc(x), -0x1p100, 0x1p100);
    return of_integer(to, saturated(to, static_cast<__int128>(whole)));
  }
  if (to == Scalar::Float) {
    return from_float(is_signed(from) ? static_cast<float>(static_cast<std::int64_t>(value))
                                      : static_cast<float>(value));
  }
  if (is_float(to)) return of_real(to, static_cast<double>(integer(from, value)));
  return of_integer(to, integer(from, value));
}

Component load(Scalar type, std::span<const std::uint8_t> bytes, std::size_t offset) {
  std::uint64_t raw = 0;
  std::memcpy(&raw, bytes.subspan(offset, bits(type) / 8).data(), bits(type) / 8);
  if (type == Scalar::Half)
    return from_float(static_cast<float>(cases::from_half_bits(static_cast<std::uint16_t>(raw))));
  if (type == Scalar::Bfloat)
    return from_float(static_cast<float>(cases::from_bfloat_bits(static_cast<std::uint16_t>(raw))));
  return type == Scalar::Float ? raw : of_integer(type, static_cast<__int128>(raw));
}

void store(Scalar type, Component value, std::span<std::uint8_t> bytes, std::size_t offset) {
  std::uint64_t raw = value;
  if (type == Scalar::Half) raw = cases::to_half_bits(real(value));
  if (type == Scalar::Bfloat) raw = cases::to_bfloat_bits(real(value));
  std::memcpy(bytes.subspan(offset, bits(type) / 8).data(), &raw, bits(type) / 8);
}

Component apply(const std::string& name, Scalar type, std::span<const Component> arguments) {
  if (is_float(type)) {
    if (name == "fma" && type == Scalar::Float)
      return from_float(std::fma(as_float(arguments[0]), as_float(arguments[1]), as_float(arguments[2])));
    std::array<double, 3> x{};
    for (std::size_t n = 0; n < arguments.size(); ++n) x[n] = real(arguments[n]);
    if (name == "fma") return of_real(type, x[0] * x[1] + x[2]);
    return of_real(type, real_functions().at(name)(x));
  }
  std::array<__int128, 3> x{};
  for (std::size_t n = 0; n < arguments.size(); ++n) x[n] = integer(type, arguments[n]);
  return of_integer(type, integer_functions().at(name)(type, x));
}

}  // namespace anymetal::test
