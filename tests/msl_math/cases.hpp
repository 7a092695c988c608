#pragma once
/// \file
/// The table of functions under test: reference, error limits and where to look.

#include <limits>
#include <ostream>
#include <span>
#include <string>

namespace msl_math {

/// Largest error allowed at x. `ulp + ulp_growth * |x|` units in the last place of the true result; where
/// `absolute` is set it applies instead for x within [absolute_from, absolute_to].
struct Limit {
  double ulp = 0;
  double ulp_growth = 0;
  double absolute = 0;
  double absolute_from = 0;
  double absolute_to = 0;
};

/// One function. Limits are those of the language (MSL accuracy table); a narrower domain only where the language
/// promises nothing outside.
struct Case {
  const char* name;  ///< as in Evaluator
  long double (*reference)(long double x, long double y);
  Limit limit;
  float from = std::numeric_limits<float>::lowest(),
        to = std::numeric_limits<float>::max();  ///< |result| is checked for x in between, and special values
  bool binary = false;
  double half_ulp = -1;    ///< limit as a half function; negative: not one
  bool subnormals = true;  ///< subnormal arguments count
};

std::span<const Case> cases();

/// The name as an identifier, for test names.
std::string identifier(const Case& test);

/// How GoogleTest shows a parameter.
inline void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

}  // namespace msl_math
