#include "kernel_runner.hpp"

#include <algorithm>
#include <anymetal/command_encoder.hpp>
#include <utility>

#include "support/test_device.hpp"

namespace msl_functions {
namespace {

constexpr std::byte kPoison{0xa5};
constexpr std::size_t kGuard = 64;

}  // namespace

KernelRunner::KernelRunner(std::string text, anymetal::MathMode mode)
    : text_("#include <metal_stdlib>\nusing namespace metal;\n" + std::move(text)) {
  options_.math_mode = mode;
}

anymetal::Result<void> KernelRunner::run(const std::string& kernel, std::span<const std::span<const std::byte>> inputs,
                                         std::span<std::byte> output, std::size_t threads) {
  auto device = anymetal::test::test_device();
  if (!device) return std::unexpected(device.error());
  registry_.register_source(kernel, text_, options_);
  auto pipeline = registry_.get_pipeline(kernel, *device);
  if (!pipeline) return std::unexpected(pipeline.error());
  auto encoder = device->make_command_encoder();
  if (!encoder) return std::unexpected(encoder.error());
  encoder->set_pipeline(*pipeline);
  unsigned index = 0;
  for (const std::span<const std::byte> input : inputs) {
    auto buffer = device->make_buffer(input.size());
    if (!buffer) return std::unexpected(buffer.error());
    if (auto written = buffer->write(input); !written) return written;
    encoder->set_buffer(index++, *buffer);
  }
  std::vector<std::byte> bytes(output.size() + kGuard, kPoison);
  auto result = device->make_buffer(bytes.size());
  if (!result) return std::unexpected(result.error());
  if (auto written = result->write(bytes); !written) return written;
  encoder->set_buffer(index, *result);
  encoder->dispatch_threads({threads, 1, 1}, {256, 1, 1});
  if (auto done = encoder->commit_and_wait(); !done) return done;
  if (auto read = result->read(bytes); !read) return read;
  const auto guard = std::span(bytes).subspan(output.size());
  if (!std::ranges::all_of(guard, [](std::byte b) { return b == kPoison; })) {
    return std::unexpected(anymetal::Error(anymetal::ErrorCode::InternalError, "the kernel wrote behind its output"));
  }
  std::ranges::copy(std::span(bytes).first(output.size()), output.begin());
  return {};
}

}  // namespace msl_functions
