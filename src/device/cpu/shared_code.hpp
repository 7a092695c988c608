#pragma once
/// \file
/// Code of kernels that differ in nothing but runtime constants: compiled once.

#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "device/backend.hpp"
#include "device/cpu/kernel_compiler.hpp"

namespace anymetal::device::cpu {

/// Compiles kernels as compile_kernel, and keeps the code of those with runtime constants (runtime_constants.hpp) for
/// the next set of their values. Thread contract: safe from any thread; two that compile the same kernel at once both
/// do so.
class SharedCode {
 public:
  /// Of objects of more than `most_bytes` together the first ones go.
  explicit SharedCode(std::size_t most_bytes = std::size_t{4} << 20) : most_bytes_(most_bytes) {}
  Result<Artifact> compile(msl::SpecialisedKernel kernel, std::string_view label, const Paths& paths);
  /// How many kernels took code that was there.
  [[nodiscard]] std::size_t shared() const;

 private:
  std::optional<Artifact> find(const std::string& key);
  void keep(const std::string& key, const Artifact& artifact);

  std::size_t most_bytes_;
  mutable std::mutex mutex_;
  std::map<std::string, Artifact, std::less<>> artifacts_;
  std::deque<std::string> order_;  ///< of the keys, the first one kept in front
  std::size_t bytes_ = 0;
  std::size_t shared_ = 0;
};

}  // namespace anymetal::device::cpu
