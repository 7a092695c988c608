#pragma once
/// \file
/// Runs a case on a device and checks everything there is to check.

#include <array>
#include <span>
#include <string>
#include <vector>

#include "cases/bound_problem.hpp"
#include "cases/case_list.hpp"
#include "cases/compare.hpp"

namespace anymetal::cases {

struct Outcome {
  std::vector<std::string> failures;  ///< empty: passed
  bool unsupported = false;           ///< the device lacks what the kernel needs; nothing was checked
  std::vector<Accuracy> accuracy;
  [[nodiscard]] bool passed() const { return failures.empty() && !unsupported; }
};

/// The case's kernel with its function constants. May compile.
[[nodiscard]] Result<PipelinePtr> pipeline_for(const Case& test, const Problem& problem, KernelRegistry& registry,
                                               const Device& device);

/// How the buffers lie in each of a case's runs.
using Placements = std::span<const Placement>;
inline constexpr std::array kAlignments = {Placement::Aligned, Placement::Misaligned};
inline constexpr std::array kGuardedPages = {Placement::EndsAtPage, Placement::StartsAtPage};
inline constexpr std::array kEverywhere = {Placement::Aligned, Placement::Misaligned, Placement::EndsAtPage, Placement::StartsAtPage};

/// Runs the case once for each of `placements`. Checks outputs against their references, guard bytes and inaccessible
/// pages around every buffer, that inputs stay, and that all runs give the same bits.
[[nodiscard]] Outcome run(const Case& test, KernelRegistry& registry, const Device& device, std::uint64_t seed = 0,
                          Placements placements = kAlignments);

/// The same for the problem that `test` makes, for who has made it already.
[[nodiscard]] Outcome run(const Case& test, const Problem& problem, KernelRegistry& registry, const Device& device,
                          Placements placements = kAlignments);

}  // namespace anymetal::cases
