#include "cases/values.hpp"

#include <cmath>
#include <numbers>
#include <utility>

namespace anymetal::cases {

Fill normal(double mean, double deviation) {
  return [=](Random& random, std::size_t) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - random.unit()));
    return mean + deviation * radius * std::cos(2.0 * std::numbers::pi * random.unit());
  };
}

Fill uniform(double low, double high) {
  return [=](Random& random, std::size_t) { return low + (high - low) * random.unit(); };
}

Fill integers(std::int64_t low, std::int64_t high) {
  return [=](Random& random, std::size_t) {
    return static_cast<double>(low +
                               static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low) + 1)));
  };
}

Fill constant(double value) {
  return [=](Random&, std::size_t) { return value; };
}

Fill counting(double first) {
  return [=](Random&, std::size_t i) { return first + static_cast<double>(i); };
}

Fill listed(std::vector<double> values) {
  return [values = std::move(values)](Random&, std::size_t i) { return values[i % values.size()]; };
}

}  // namespace anymetal::cases
