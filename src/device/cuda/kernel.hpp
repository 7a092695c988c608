#pragma once
/// \file
/// PTX to cubin by the driver, and a kernel loaded from either.

#include "device/backend.hpp"
#include "device/cuda/context.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::device::cuda {

/// Machine code for the context's GPU. ShaderCompilationError carries the driver's own log.
Result<std::string> link_cubin(Context& context, const std::string& ptx, std::string_view label);

/// A kernel loaded on one GPU. Thread contract: immutable.
class Kernel final : public Executable {
 public:
  static Result<std::shared_ptr<const Kernel>> load(std::shared_ptr<Context> context, const Artifact& artifact,
                                                    std::string_view label);
  ~Kernel() override;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  [[nodiscard]] std::size_t max_total_threads_per_threadgroup() const override { return max_threads_; }
  [[nodiscard]] CUfunction function() const { return function_; }
  [[nodiscard]] const std::vector<ArgumentKind>& parameters() const { return parameters_; }
  [[nodiscard]] int registers() const { return registers_; }

 private:
  explicit Kernel(std::shared_ptr<Context> context) : context_(std::move(context)) {}
  Result<void> initialise(const Artifact& artifact, std::string_view label);

  std::shared_ptr<Context> context_;
  CUmodule module_ = nullptr;
  CUfunction function_ = nullptr;
  std::size_t max_threads_ = 0;
  int registers_ = 0;
  std::vector<ArgumentKind> parameters_;
};

}  // namespace anymetal::device::cuda
