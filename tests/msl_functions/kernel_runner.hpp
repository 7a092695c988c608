#pragma once
/// \file
/// Runs kernels of one MSL source over arrays on the CPU device.

#include <anymetal/device.hpp>
#include <anymetal/registry.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace msl_functions {

/// Thread contract: one thread at a time.
class KernelRunner {
 public:
  /// `text` holds any number of kernels; each compiles when it is first run.
  KernelRunner(std::string text, anymetal::MathMode mode);

  /// Runs `threads` threads of `kernel` with `inputs` at buffers 0, 1, ... and `output` at the next. The output starts
  /// poisoned; a write behind its end is an error.
  anymetal::Result<void> run(const std::string& kernel, std::span<const std::span<const std::byte>> inputs,
                             std::span<std::byte> output, std::size_t threads);

 private:
  std::string text_;
  anymetal::SourceOptions options_;
  anymetal::KernelRegistry registry_;
};

/// The same with arrays of values.
template <class Output, class... Inputs>
anymetal::Result<std::vector<Output>> run_kernel(KernelRunner& runner, const std::string& kernel, std::size_t outputs,
                                                 std::size_t threads, const std::vector<Inputs>&... inputs) {
  const std::span<const std::byte> bytes[] = {std::as_bytes(std::span(inputs))...};
  std::vector<Output> result(outputs);
  if (auto done = runner.run(kernel, bytes, std::as_writable_bytes(std::span(result)), threads); !done) {
    return std::unexpected(done.error());
  }
  return result;
}

}  // namespace msl_functions
