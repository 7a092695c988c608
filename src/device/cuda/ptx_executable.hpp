#pragma once
/// \file
/// What the compile-only NVIDIA device "loads": PTX to look at, nothing to run.

#include "device/backend.hpp"

#include <string>
#include <utility>

namespace anymetal::device::cuda {

/// Thread contract: immutable.
class PtxExecutable final : public Executable {
 public:
  PtxExecutable(std::string ptx, std::size_t max_threads) : ptx_(std::move(ptx)), max_threads_(max_threads) {}
  [[nodiscard]] std::size_t max_total_threads_per_threadgroup() const override { return max_threads_; }
  [[nodiscard]] const std::string& ptx() const { return ptx_; }

 private:
  std::string ptx_;
  std::size_t max_threads_;
};

}  // namespace anymetal::device::cuda
