#pragma once
/// \file
/// Error of a result in units in the last place, and the worst one over many arguments.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "cases.hpp"
#include "evaluators.hpp"

namespace msl_math {

/// Distance of `got` from `expected` in ULP of the latter; results that overflow count as 2^128, NaN must meet NaN
/// (else infinity).
double ulp_error(float got, long double expected);
/// The same for a half: both numbers are rounded to half first where `got` is, ULP are those of half.
double half_ulp_error(float got, long double expected);
/// Nearest half, as float.
float round_to_half(float x);
/// Between the bits of a half and its value; to_half_bits wants a value that is a half.
float from_half_bits(std::uint16_t bits);
std::uint16_t to_half_bits(float x);

/// Worst result of one function.
struct Worst {
  double error = 0;     ///< ULP, whether or not the limit is stated so
  double absolute = 0;  ///< largest absolute error where the limit is absolute
  std::size_t failures = 0;
  std::string first_failure;
  float x = 0, y = 0;  ///< where `error` is
  void merge(const Worst& other);
};

/// What the arguments and results are made of.
enum class Format { Float, Half };

/// Compares results with the case's reference, in ULP and by the limits of the format. `y` is empty for unary
/// functions.
Worst compare(const Case& test, Format format, std::span<const float> x, std::span<const float> y,
              std::span<const float> got);
/// Evaluates `function` at all (x, y) and compares with the case's reference. `y` is empty for unary functions.
Worst measure(const Case& test, const Evaluator& function, std::span<const float> x, std::span<const float> y);

/// "name: 1.234 ULP at ..." for the log of a test.
std::string summary(const Case& test, const Worst& worst);

/// nullptr where the table has no such name.
const Evaluator* find_evaluator(const Evaluator* table, const char* name);

}  // namespace msl_math
