#include "cases.hpp"

#include <algorithm>
#include <climits>
#include <cmath>
#include <limits>
#include <numbers>

namespace msl_math {
namespace {

using Real = long double;
constexpr Real kPi = std::numbers::pi_v<Real>;
constexpr Real kNaN = std::numeric_limits<Real>::quiet_NaN();
constexpr Real kInfinity = std::numeric_limits<Real>::infinity();

// Double precision is ample for limits of a few ULP of float, and several times faster than long double.
template <double (*Function)(double)>
Real in_double(Real x, Real) {
  return Function(static_cast<double>(x));
}
Real rsqrt(Real x, Real) { return 1 / std::sqrt(x); }
Real square_root(Real x, Real) { return std::sqrt(x); }
Real exp10(Real x, Real) { return std::exp2(x * std::log2(Real{10})); }
Real divide(Real x, Real y) { return x / y; }

// x is split exactly into quarter turns and a remainder before it meets pi.
struct Turn {
  int quadrant;
  Real angle;
};
Turn reduce(Real x) {
  const Real turn = std::fmod(x, Real{2});
  const Real quarters = std::nearbyint(2 * turn);
  return {static_cast<int>(quarters) & 3, (turn - quarters / 2) * kPi};
}
Real sine(const Turn& t) {
  const Real s = t.quadrant & 1 ? std::cos(t.angle) : std::sin(t.angle);
  return t.quadrant & 2 ? -s : s;
}
Real sinpi(Real x, Real) { return std::isfinite(x) ? sine(reduce(x)) : kNaN; }
Real cospi(Real x, Real) {
  if (!std::isfinite(x)) return kNaN;
  const Turn t = reduce(x);
  return sine({(t.quadrant + 1) & 3, t.angle});
}
Real tanpi(Real x, Real) {
  if (!std::isfinite(x)) return kNaN;
  const Turn t = reduce(x);
  if ((t.quadrant & 1) == 0) return std::tan(t.angle);
  if (t.angle == 0) return t.quadrant == 1 ? kInfinity : -kInfinity;
  return -1 / std::tan(t.angle);
}

Real power(Real x, Real y) { return std::pow(x, y); }
Real powr(Real x, Real y) { return x < 0 ? kNaN : std::pow(std::fabs(x), y); }
Real atan2(Real y, Real x) { return std::atan2(static_cast<double>(y), static_cast<double>(x)); }
Real fmod(Real x, Real y) { return std::fmod(static_cast<float>(x), static_cast<float>(y)); }
Real fract(Real x, Real) {
  const Real part = x - std::floor(x);
  return part > 0x1.fffffep-1L ? 0x1.fffffep-1L : part;
}
Real fdim(Real x, Real y) { return std::fdim(x, y); }
Real modf_part(Real x, Real) {
  Real whole;
  return std::modf(x, &whole);
}
Real modf_whole(Real x, Real) { return std::trunc(x); }
Real frexp_fraction(Real x, Real) {
  int exponent;
  return std::frexp(x, &exponent);
}
Real frexp_exponent(Real x, Real) {
  int exponent = 0;
  if (std::isfinite(x)) (void)std::frexp(x, &exponent);
  return exponent;
}
Real exponent(Real x, Real) { return x == 0 ? INT_MIN : !std::isfinite(x) ? Real{0x1p31} : std::ilogb(x); }
Real ldexp(Real x, Real y) {
  const int k = std::isnan(y) ? INT_MIN : static_cast<int>(std::fmin(std::fmax(y, Real{-1000}), Real{1000}));
  return k == INT_MIN ? x : std::ldexp(x, k);
}
Real nextafter(Real x, Real y) { return std::nextafter(static_cast<float>(x), static_cast<float>(y)); }

constexpr double kRounded = 0.5000001;
constexpr double kExact = 0;

// Beyond these a fast function may say what it likes.
constexpr float kReduced = 131072;

const Case kCases[] = {
    {.name = "precise::exp", .reference = in_double<std::exp>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::exp2", .reference = in_double<std::exp2>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::exp10", .reference = exp10, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::log", .reference = in_double<std::log>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::log2", .reference = in_double<std::log2>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::log10", .reference = in_double<std::log10>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::sqrt", .reference = square_root, .limit = {.ulp = kRounded}, .half_ulp = kRounded},
    {.name = "precise::rsqrt", .reference = rsqrt, .limit = {.ulp = kRounded}, .half_ulp = kRounded},
    {.name = "precise::divide", .reference = divide, .limit = {.ulp = kRounded}, .binary = true},
    {.name = "precise::pow", .reference = power, .limit = {.ulp = 16}, .binary = true},
    {.name = "precise::powr", .reference = powr, .limit = {.ulp = 16}, .binary = true},
    {.name = "precise::sin", .reference = in_double<std::sin>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::cos", .reference = in_double<std::cos>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::sincos sine", .reference = in_double<std::sin>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::sincos cosine", .reference = in_double<std::cos>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::tan", .reference = in_double<std::tan>, .limit = {.ulp = 6}, .half_ulp = 1},
    {.name = "precise::sinpi", .reference = sinpi, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::cospi", .reference = cospi, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::tanpi", .reference = tanpi, .limit = {.ulp = 6}, .half_ulp = 1},
    {.name = "precise::asin", .reference = in_double<std::asin>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::acos", .reference = in_double<std::acos>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::atan", .reference = in_double<std::atan>, .limit = {.ulp = 5}, .half_ulp = 1},
    {.name = "precise::atan2", .reference = atan2, .limit = {.ulp = 6}, .binary = true},
    {.name = "precise::sinh", .reference = in_double<std::sinh>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::cosh", .reference = in_double<std::cosh>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::tanh", .reference = in_double<std::tanh>, .limit = {.ulp = 5}, .half_ulp = 1},
    {.name = "precise::asinh", .reference = in_double<std::asinh>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::acosh", .reference = in_double<std::acosh>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "precise::atanh", .reference = in_double<std::atanh>, .limit = {.ulp = 5}, .half_ulp = 1},

    {.name = "fast::exp", .reference = in_double<std::exp>, .limit = {.ulp = 3, .ulp_growth = 2}, .half_ulp = 1},
    {.name = "fast::exp2", .reference = in_double<std::exp2>, .limit = {.ulp = 3, .ulp_growth = 2}, .half_ulp = 1},
    {.name = "fast::exp10", .reference = exp10, .limit = {.ulp = 3, .ulp_growth = 7}, .half_ulp = 1},
    {.name = "fast::log",
     .reference = in_double<std::log>,
     .limit = {.ulp = 3, .absolute = 0x1p-21, .absolute_from = 0.5, .absolute_to = 2},
     .half_ulp = 1,
     .subnormals = false},
    {.name = "fast::log2",
     .reference = in_double<std::log2>,
     .limit = {.ulp = 2, .absolute = 0x1p-22, .absolute_from = 0.5, .absolute_to = 2},
     .half_ulp = 1,
     .subnormals = false},
    {.name = "fast::log10",
     .reference = in_double<std::log10>,
     .limit = {.ulp = 4, .absolute = 0x1p-22, .absolute_from = 0.5, .absolute_to = 2},
     .half_ulp = 1,
     .subnormals = false},
    {.name = "fast::sqrt", .reference = square_root, .limit = {.ulp = 2}, .half_ulp = 1},
    {.name = "fast::rsqrt", .reference = rsqrt, .limit = {.ulp = 2}, .half_ulp = 1},
    {.name = "fast::divide", .reference = divide, .limit = {.ulp = 2.5}, .binary = true},
    {.name = "fast::pow", .reference = power, .limit = {.ulp = 16}, .binary = true},
    {.name = "fast::powr", .reference = powr, .limit = {.ulp = 16}, .binary = true},
    {.name = "fast::sin",
     .reference = in_double<std::sin>,
     .limit = {.absolute = 0x1p-21, .absolute_from = -kReduced, .absolute_to = kReduced},
     .from = -kReduced,
     .to = kReduced,
     .half_ulp = 1},
    {.name = "fast::cos",
     .reference = in_double<std::cos>,
     .limit = {.absolute = 0x1p-21, .absolute_from = -kReduced, .absolute_to = kReduced},
     .from = -kReduced,
     .to = kReduced,
     .half_ulp = 1},
    {.name = "fast::sincos sine",
     .reference = in_double<std::sin>,
     .limit = {.absolute = 0x1p-21, .absolute_from = -kReduced, .absolute_to = kReduced},
     .from = -kReduced,
     .to = kReduced,
     .half_ulp = 1},
    {.name = "fast::sincos cosine",
     .reference = in_double<std::cos>,
     .limit = {.absolute = 0x1p-21, .absolute_from = -kReduced, .absolute_to = kReduced},
     .from = -kReduced,
     .to = kReduced,
     .half_ulp = 1},
    {.name = "fast::tan",
     .reference = in_double<std::tan>,
     .limit = {.ulp = 8},
     .from = -kReduced,
     .to = kReduced,
     .half_ulp = 1},
    {.name = "fast::sinpi", .reference = sinpi, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "fast::cospi", .reference = cospi, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "fast::tanpi", .reference = tanpi, .limit = {.ulp = 6}, .half_ulp = 1},
    {.name = "fast::asin", .reference = in_double<std::asin>, .limit = {.ulp = 5}, .half_ulp = 1},
    {.name = "fast::acos", .reference = in_double<std::acos>, .limit = {.ulp = 5}, .half_ulp = 1},
    {.name = "fast::atan", .reference = in_double<std::atan>, .limit = {.ulp = 5}, .half_ulp = 1},
    {.name = "fast::atan2", .reference = atan2, .limit = {.ulp = 6}, .binary = true},
    {.name = "fast::sinh", .reference = in_double<std::sinh>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "fast::cosh", .reference = in_double<std::cosh>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "fast::tanh", .reference = in_double<std::tanh>, .limit = {.ulp = 5}, .half_ulp = 1},
    {.name = "fast::asinh", .reference = in_double<std::asinh>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "fast::acosh", .reference = in_double<std::acosh>, .limit = {.ulp = 4}, .half_ulp = 1},
    {.name = "fast::atanh", .reference = in_double<std::atanh>, .limit = {.ulp = 5}, .half_ulp = 1},

    {.name = "fmod", .reference = fmod, .limit = {.ulp = kExact}, .binary = true},
    {.name = "fract", .reference = fract, .limit = {.ulp = kRounded}, .half_ulp = 1},
    {.name = "fdim", .reference = fdim, .limit = {.ulp = kRounded}, .binary = true},
    {.name = "modf part", .reference = modf_part, .limit = {.ulp = kExact}, .half_ulp = kRounded},
    {.name = "modf whole", .reference = modf_whole, .limit = {.ulp = kExact}, .half_ulp = kRounded},
    {.name = "frexp fraction", .reference = frexp_fraction, .limit = {.ulp = kExact}, .half_ulp = kRounded},
    {.name = "frexp exponent", .reference = frexp_exponent, .limit = {.ulp = kExact}},
    {.name = "ilogb", .reference = exponent, .limit = {.ulp = kExact}},
    {.name = "ldexp", .reference = ldexp, .limit = {.ulp = kRounded}, .binary = true},
    {.name = "nextafter", .reference = nextafter, .limit = {.ulp = kExact}, .binary = true},
};

}  // namespace

std::span<const Case> cases() { return kCases; }

std::string identifier(const Case& test) {
  std::string name = test.name;
  std::replace_if(name.begin(), name.end(), [](char c) { return c == ':' || c == ' '; }, '_');
  return name;
}

}  // namespace msl_math
