#pragma once
/// \file
/// Softmax in float64.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace anymetal::cases {

/// exp(x - max x) / sum exp(x - max x) of each row of `columns` elements.
inline std::vector<double> softmax_rows(const std::vector<double>& x, std::size_t columns) {
  std::vector<double> y(x.size());
  for (std::size_t base = 0; base < x.size(); base += columns) {
    const auto row = x.begin() + static_cast<std::ptrdiff_t>(base);
    const double top = *std::max_element(row, row + static_cast<std::ptrdiff_t>(columns));
    double sum = 0;
    for (std::size_t i = 0; i < columns; ++i) sum += y[base + i] = std::exp(x[base + i] - top);
    for (std::size_t i = 0; i < columns; ++i) y[base + i] /= sum;
  }
  return y;
}

}  // namespace anymetal::cases
