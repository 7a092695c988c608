#pragma once
/// \file
/// Runs one-kernel sources on the CPU device, for tests of what library functions compute.

#include <gtest/gtest.h>

#include <anymetal/anymetal.hpp>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "support/test_device.hpp"

namespace anymetal::tests {

/// Sources run as kernel `k`: inputs are buffers 0, 1, ..., the output is the last one. The output is poisoned before
/// the run and followed by guard bytes that have to survive it.
class LibraryRun : public testing::Test {
 protected:
  static constexpr std::size_t kGuard = 64;
  static constexpr unsigned char kPoison = 0xa5;

  template <class T>
  static std::span<const std::byte> bytes(const std::vector<T>& values) {
    return std::as_bytes(std::span(values));
  }

  /// `body` follows the two lines every source starts with. Empty after a failure, which is reported.
  template <class R>
  std::vector<R> run(const std::string& body, const std::vector<std::span<const std::byte>>& inputs,
                     std::size_t results, Size threads, Size group, SourceOptions options = {}) {
    std::vector<R> output(results);
    auto device = test::test_device();
    if (!device) return report(device.error()), std::vector<R>();
    KernelRegistry registry;
    registry.register_source("k", "#include <metal_stdlib>\nusing namespace metal;\n" + body, std::move(options));
    const auto pipeline = registry.get_pipeline("k", *device);
    if (!pipeline) return report(pipeline.error()), std::vector<R>();
    auto encoder = device->make_command_encoder();
    if (!encoder) return report(encoder.error()), std::vector<R>();
    encoder->set_pipeline(*pipeline);
    unsigned index = 0;
    for (const auto input : inputs) {
      auto buffer = device->make_buffer(input.size());
      if (!buffer || !buffer->write(input)) return ADD_FAILURE() << "no input buffer", std::vector<R>();
      encoder->set_buffer(index++, *buffer);
    }
    const std::vector<std::byte> poison(results * sizeof(R) + kGuard, std::byte{kPoison});
    auto buffer = device->make_buffer(poison.size());
    if (!buffer || !buffer->write(poison)) return ADD_FAILURE() << "no output buffer", std::vector<R>();
    encoder->set_buffer(index, *buffer);
    encoder->dispatch_threads(threads, group);
    if (const auto done = encoder->commit_and_wait(); !done) return report(done.error()), std::vector<R>();
    std::vector<std::byte> all(poison.size());
    if (!buffer->read(all)) return ADD_FAILURE() << "no result", std::vector<R>();
    std::memcpy(output.data(), all.data(), results * sizeof(R));
    EXPECT_EQ(std::memcmp(all.data() + results * sizeof(R), poison.data(), kGuard), 0) << "written past the output";
    return output;
  }

 private:
  static void report(const Error& error) { ADD_FAILURE() << error.message() << '\n' << render(error.diagnostics()); }
};

}  // namespace anymetal::tests
