#pragma once
/// \file
/// PTX to cubin by the driver, and a kernel loaded from either.

#include "device/backend.hpp"
#include "device/cuda/context.hpp"
#include "device/cuda/launched_threadgroups.hpp"
#include "device/cuda/parameter_layout.hpp"
#include "device/made_once.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::device::cuda {

/// Machine code for the context's GPU. ShaderCompilationError carries the driver's own log.
Result<std::string> link_cubin(Context& context, const std::string& ptx, std::string_view label);

/// A kernel loaded on one GPU. Thread contract: safe from any thread.
class Kernel final : public Executable, public std::enable_shared_from_this<Kernel> {
 public:
  static Result<std::shared_ptr<const Kernel>> load(std::shared_ptr<Context> context, const Artifact& artifact,
                                                    std::string_view label, std::shared_ptr<FormStore> forms = nullptr,
                                                    ConstantPassing passing = ConstantPassing::ByValue);
  ~Kernel() override;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  [[nodiscard]] std::size_t max_total_threads_per_threadgroup() const override { return max_threads_; }
  [[nodiscard]] CUfunction function() const { return function_; }
  [[nodiscard]] const ParameterLayout& layout() const { return layout_; }
  [[nodiscard]] Access access(std::size_t argument) const override { return accesses_[argument]; }
  /// The same kernel with every constant taken by address. The first time it is asked for it comes from the forms, else it is
  /// compiled from the artifact's metadata and kept there.
  [[nodiscard]] Result<const Kernel*> by_address() const;
  [[nodiscard]] const LaunchedThreadgroups& threadgroups() const { return threadgroups_; }
  /// Threads that a merged threadgroup can have.
  [[nodiscard]] std::size_t block_limit() const { return block_limit_; }
  [[nodiscard]] int registers() const { return registers_; }
  /// No two kernels of the process have the same.
  [[nodiscard]] std::uint64_t number() const { return number_; }

 private:
  Kernel(std::shared_ptr<Context> context, std::string_view label);
  Result<void> initialise(const Artifact& artifact, ConstantPassing passing);
  [[nodiscard]] Result<std::shared_ptr<const Kernel>> make_by_address() const;
  [[nodiscard]] Result<std::shared_ptr<const Kernel>> load_by_address(std::string_view symbol, std::string_view cubin) const;

  std::shared_ptr<Context> context_;
  CUmodule module_ = nullptr;
  CUfunction function_ = nullptr;
  std::uint64_t number_;
  std::size_t max_threads_ = 0;
  std::size_t block_limit_ = 0;
  LaunchedThreadgroups threadgroups_;
  int registers_ = 0;
  ParameterLayout layout_;
  std::vector<Access> accesses_;
  Artifact source_;  ///< what the other form is made from: all but the code
  std::shared_ptr<FormStore> forms_;
  std::string label_;
  mutable MadeOnce<std::shared_ptr<const Kernel>> by_address_;
};

}  // namespace anymetal::device::cuda
