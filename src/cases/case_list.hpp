#pragma once
/// \file
/// The table of cases: what tests, `anymetal bench kernel` and the support matrix read.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cases/problem.hpp"

namespace anymetal::cases {

/// Test: every test run. Full: only runs that ask for the exhaustive part. Benchmark: a size worth timing; checked
/// before it is timed, and not part of test runs. LargeBenchmark: the same for a GPU, whose last-level cache holds a
/// Benchmark that moves few bytes: of the same proportions, with 100 MB or more to move.
enum class Purpose : std::uint8_t { Test, Full, Benchmark, LargeBenchmark };

[[nodiscard]] constexpr bool is_timed(Purpose purpose) { return purpose >= Purpose::Benchmark; }

/// One line of the table. Nothing is generated before `build` runs.
struct Case {
  std::string kernel;
  std::string label;  ///< what tells it from the kernel's other cases: "3x640 eps=0"
  Purpose purpose = Purpose::Test;
  std::function<void(Problem&)> build;

  /// The problem, with data that depend on the kernel, the label and `seed` only.
  [[nodiscard]] Problem make(std::uint64_t seed = 0) const;
};

class CaseList {
 public:
  void add(std::string_view kernel, std::string label, std::function<void(Problem&)> build,
           Purpose purpose = Purpose::Test) {
    cases_.push_back({std::string(kernel), std::move(label), purpose, std::move(build)});
  }
  [[nodiscard]] const std::vector<Case>& cases() const { return cases_; }

 private:
  std::vector<Case> cases_;
};

/// Every case of every family. Cheap: no data.
[[nodiscard]] CaseList all_cases();

}  // namespace anymetal::cases
