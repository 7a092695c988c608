#include "cases/compare.hpp"

#include <fmt/format.h>

#include <cmath>

namespace anymetal::cases {
namespace {

double allowed_error(const Tolerance& tolerance, const Expected& expected, std::size_t i) {
  const double magnitude = expected.magnitude.empty() ? 0.0 : expected.magnitude[i];
  return tolerance.absolute + tolerance.relative * std::fabs(expected.values[i]) + tolerance.magnitude * magnitude;
}

/// Error of one element; infinite where one side is NaN or an infinity and the other is not the same.
double error_of(double actual, double expected) {
  if (std::isnan(expected)) return std::isnan(actual) ? 0.0 : std::numeric_limits<double>::infinity();
  if (std::isnan(actual)) return std::numeric_limits<double>::infinity();
  if (actual == expected) return 0.0;
  return std::fabs(actual - expected);
}

}  // namespace

Accuracy compare(const Operand& operand, std::span<const std::byte> bytes, std::vector<std::string>& failures,
                 double slack) {
  const std::vector<double> actual = decode(operand.dtype, bytes);
  const Expected expected = operand.reference();
  Accuracy worst{.index = operand.index};
  if (expected.values.size() != actual.size()) {
    failures.push_back(fmt::format("buffer {}: the reference has {} elements, the output {}", operand.index,
                                   expected.values.size(), actual.size()));
    return worst;
  }
  std::size_t wrong = 0;
  std::string first;
  double worst_ratio = -1;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double error = error_of(actual[i], expected.values[i]);
    const double allowed = slack * allowed_error(operand.tolerance, expected, i);
    const double ratio = error == 0 ? 0 : error / allowed;
    if (ratio > worst_ratio) {
      worst_ratio = ratio;
      worst.error = error;
      worst.allowed = allowed;
    }
    if (error > allowed || std::isinf(error)) {  // an infinity that is expected allows infinite errors
      if (wrong++ == 0) {
        first = fmt::format("element {} is {}, must be {} (error {:.3g}, allowed {:.3g})", i, actual[i],
                            expected.values[i], error, allowed);
      }
    }
  }
  if (wrong > 0) {
    failures.push_back(
        fmt::format("buffer {}: {} of {} elements wrong; first: {}", operand.index, wrong, actual.size(), first));
  }
  return worst;
}

}  // namespace anymetal::cases
