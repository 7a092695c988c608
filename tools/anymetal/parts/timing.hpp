#pragma once
/// \file
/// Times of repeated runs, summed up as the median and how far it can be trusted.

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace anymetal::cli {

/// All in milliseconds.
struct Timing {
  double median = 0;
  double minimum = 0;
  double maximum = 0;
  double spread = 0;  ///< distance between the quartiles
};

/// Of at least one measurement.
Timing summarise(std::vector<double> milliseconds);
/// {median, minimum, maximum, spread}
nlohmann::ordered_json to_json(const Timing& timing);

/// Milliseconds that `action` takes.
template <class Action>
double measure(Action&& action) {
  const auto begin = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace anymetal::cli
