#pragma once
/// \file
/// A problem's buffers in host memory, and its kernel's plain loop run on them.

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "cases/plain/loop.hpp"
#include "cases/problem.hpp"

namespace anymetal::cases {

/// Buffers filled as the driver fills a device's: inputs with their content, outputs with NaN.
class HostArguments {
 public:
  explicit HostArguments(const Problem& problem);
  HostArguments(const HostArguments&) = delete;
  HostArguments& operator=(const HostArguments&) = delete;

  [[nodiscard]] plain::Arguments view() const;
  /// What `loop` leaves behind against the references, with kLoopSlack times their tolerances: its sums may run in any
  /// order. Empty: as it must be.
  [[nodiscard]] std::vector<std::string> failures_of(plain::Loop loop);

 private:
  const Problem* problem_;
  std::vector<std::vector<std::byte>> contents_;  ///< operands, then the problem's bytes
  std::vector<std::array<unsigned char, kMaxConstantSize>> constant_values_;
  std::vector<plain::Binding> buffers_, constants_;
};

inline constexpr double kLoopSlack = 16;

}  // namespace anymetal::cases
