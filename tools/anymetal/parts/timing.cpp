#include "parts/timing.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace anymetal::cli {

Timing summarise(std::vector<double> milliseconds) {
  std::ranges::sort(milliseconds);
  const auto quantile = [&](std::size_t quarter) { return milliseconds[(milliseconds.size() - 1) * quarter / 4]; };
  return {quantile(2), milliseconds.front(), milliseconds.back(), quantile(3) - quantile(1)};
}

nlohmann::ordered_json to_json(const Timing& timing) {
  return {
      {"median", timing.median}, {"minimum", timing.minimum}, {"maximum", timing.maximum}, {"spread", timing.spread}};
}

}  // namespace anymetal::cli
