#pragma once
// Runs a program in the manner of large kernel libraries (tests/msl_front_end/programs) on the CPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <anymetal/anymetal.hpp>
#include <bit>
#include <cstdint>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "support/test_device.hpp"

namespace msl_conformance {

class Styles : public testing::Test {
 protected:
  /// Runs `entry` with every vector as a buffer between guard bytes, in order, and reads all of them back.
  template <class... T>
  void run(const std::string& file, const std::string& entry, anymetal::Size groups, anymetal::Size group,
           const std::vector<anymetal::FunctionConstant>& constants, std::vector<T>&... buffers) {
    run_threads(file, entry, {groups.x * group.x, groups.y * group.y, groups.z * group.z}, group, constants,
                buffers...);
  }

  /// The same with a number of threads that threadgroups need not divide.
  template <class... T>
  void run_threads(const std::string& file, const std::string& entry, anymetal::Size threads, anymetal::Size group,
                   const std::vector<anymetal::FunctionConstant>& constants, std::vector<T>&... buffers) {
    std::stringstream text;
    text << std::ifstream(ANYMETAL_SOURCE_DIR "/tests/msl_front_end/programs/" + file + ".metal").rdbuf();
    anymetal::KernelRegistry registry;
    registry.register_source(entry, text.str());
    auto device = open_device();
    ASSERT_TRUE(device);
    const auto pipeline = registry.get_pipeline_with_constants(entry, *device, constants);
    ASSERT_TRUE(pipeline) << pipeline.error().message();
    auto encoder = device->make_command_encoder();
    ASSERT_TRUE(encoder);
    encoder->set_pipeline(*pipeline);
    for (const anymetal::Argument& argument : (*pipeline)->arguments()) {
      if (argument.kind == anymetal::ArgumentKind::Threadgroup)
        encoder->set_threadgroup_memory_length(argument.index, 4096);
    }
    std::vector<anymetal::Buffer> bound;
    unsigned index = 0;
    (bind(*device, *encoder, bound, index++, std::as_bytes(std::span(buffers))), ...);
    encoder->dispatch_threads(threads, group);
    const auto done = encoder->commit_and_wait();
    ASSERT_TRUE(done) << done.error().message();
    index = 0;
    (read_back(bound[index++], std::as_writable_bytes(std::span(buffers))), ...);
    compiled(registry, entry, constants);
  }

  virtual anymetal::Result<anymetal::Device> open_device() { return anymetal::test::test_device(); }
  /// What else to try with a source that has run.
  virtual void compiled(anymetal::KernelRegistry&, const std::string& /*entry*/,
                        const std::vector<anymetal::FunctionConstant>& /*constants*/) {}

 private:
  static constexpr std::size_t kGuard = 256;
  static constexpr std::byte kPoison{0xA5};

  static void bind(anymetal::Device& device, anymetal::CommandEncoder& encoder, std::vector<anymetal::Buffer>& bound,
                   unsigned index, std::span<const std::byte> bytes) {
    std::vector<std::byte> guarded(bytes.size() + 2 * kGuard, kPoison);
    std::ranges::copy(bytes, guarded.begin() + kGuard);
    auto buffer = device.make_buffer(guarded.size());
    ASSERT_TRUE(buffer);
    ASSERT_TRUE(buffer->write(guarded));
    encoder.set_buffer(index, *buffer, kGuard);
    bound.push_back(*buffer);
  }
  static void read_back(const anymetal::Buffer& buffer, std::span<std::byte> bytes) {
    std::vector<std::byte> guarded(buffer.size());
    ASSERT_TRUE(buffer.read(guarded));
    const auto is_poison = [](std::byte b) { return b == kPoison; };
    EXPECT_TRUE(std::ranges::all_of(std::span(guarded).first(kGuard), is_poison)) << "written before a buffer";
    EXPECT_TRUE(std::ranges::all_of(std::span(guarded).last(kGuard), is_poison)) << "written past a buffer";
    std::ranges::copy(std::span(guarded).subspan(kGuard, bytes.size()), bytes.begin());
  }
};

/// Bits of a half and of a bfloat, and back; of numbers that either represents as a normal number or zero.
inline std::uint16_t half_bits(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  return static_cast<std::uint16_t>((bits >> 16 & 0x8000U) | (magnitude == 0 ? 0 : (magnitude - 0x38000000U) >> 13));
}
inline float from_half_bits(std::uint16_t half) {
  const std::uint32_t magnitude = half & 0x7fffU, sign = (half & 0x8000U) << 16;
  return std::bit_cast<float>(sign | (magnitude == 0 ? 0 : (magnitude << 13) + 0x38000000U));
}
inline std::uint16_t bfloat_bits(float x) { return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16); }
inline float from_bfloat_bits(std::uint16_t x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }

}  // namespace msl_conformance
