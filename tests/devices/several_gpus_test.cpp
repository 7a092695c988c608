// Two NVIDIA GPUs at once: real ones where the program is given two, else two of the stand-in driver, which runs no
// kernels.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <anymetal/anymetal.hpp>
#include <array>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

namespace anymetal::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* kSource = R"(#include <metal_stdlib>
kernel void next(device uint* x [[buffer(0)]], constant uint& step [[buffer(1)]],
                 uint i [[thread_position_in_grid]]) { x[i] = 3 * x[i] + step + i; })";
constexpr std::size_t kCount = 4096;

/// Whether ANYMETAL_TEST_GPUS=real asks for the GPUs of this machine.
bool real_gpus() {
  const char* wanted = std::getenv("ANYMETAL_TEST_GPUS");
  return wanted != nullptr && std::string_view(wanted) == "real";
}

class SeveralGpus : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (real_gpus()) return;
    setenv("ANYMETAL_CUDA_DRIVER", ANYMETAL_STANDIN_DRIVER, 1);
    setenv("STANDIN_GPUS", "2", 1);
  }
  void SetUp() override {
    registry.register_source("next", kSource);
    for (std::size_t i = 0; i < 2; ++i) {
      auto opened = Device::open("cuda:" + std::to_string(i));
      ASSERT_TRUE(opened) << opened.error().message();
      devices.push_back(*opened);
      auto found = registry.get_pipeline("next", *opened);
      ASSERT_TRUE(found) << found.error().message();
      pipelines.push_back(*found);
    }
  }
  Buffer buffer_on(std::size_t gpu, const std::vector<std::uint32_t>& numbers) {
    auto made = devices[gpu].make_buffer(numbers.size() * sizeof(std::uint32_t));
    EXPECT_TRUE(made && made->write(std::as_bytes(std::span(numbers))));
    return *made;
  }
  static std::vector<std::uint32_t> numbers_of(const Buffer& buffer) {
    std::vector<std::uint32_t> numbers(buffer.size() / sizeof(std::uint32_t));
    const auto done = buffer.read(std::as_writable_bytes(std::span(numbers)));
    EXPECT_TRUE(done) << done.error().message();
    return numbers;
  }
  void encode(CommandEncoder& encoder, std::size_t gpu, const Buffer& buffer, std::uint32_t step) {
    encoder.set_pipeline(pipelines[gpu]);
    encoder.set_buffer(0, buffer);
    encoder.set_value(1, step);
    encoder.dispatch_threads({kCount}, {128});
  }
  static void apply(std::vector<std::uint32_t>& numbers, std::uint32_t step) {
    if (!real_gpus()) return;  // the stand-in leaves memory as it is
    for (std::uint32_t i = 0; i < numbers.size(); ++i) numbers[i] = 3 * numbers[i] + step + i;
  }

  KernelRegistry registry{DiskCacheOptions{.enabled = false}};
  std::vector<Device> devices;
  std::vector<PipelinePtr> pipelines;
};

TEST_F(SeveralGpus, AreListed) {
  std::vector<std::string> ids;
  for (const auto& info : Device::list()) {
    if (info.id.starts_with("cuda:") && info.usable) ids.push_back(info.id);
  }
  EXPECT_THAT(ids, ::testing::IsSupersetOf({"cuda:0", "cuda:1"}));
  const auto missing = Device::open("cuda:99");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("cuda:0 to cuda:"));
}

TEST_F(SeveralGpus, TakeNeitherBuffersNorPipelinesOfEachOther) {
  const std::vector<std::uint32_t> numbers(kCount, 1);
  const Buffer here = buffer_on(0, numbers);
  const Buffer there = buffer_on(1, numbers);
  auto encoder = *devices[0].make_command_encoder();
  const auto refused_with = [&](const char* message) {
    const auto done = encoder.commit_and_wait();
    ASSERT_FALSE(done) << message;
    EXPECT_EQ(done.error().code(), ErrorCode::InvalidBinding);
    EXPECT_THAT(done.error().message(), HasSubstr(message));
  };
  encode(encoder, 0, there, 1);
  refused_with("the buffer belongs to another device (cuda:1)");
  encode(encoder, 1, here, 1);
  refused_with("compiled for cuda:1, this encoder belongs to cuda:0");
  encoder.copy_buffer(there, 0, here, 0, 16);
  refused_with("the source belongs to cuda:1, this encoder to cuda:0; read it there and write it here");
  encoder.copy_buffer(here, 0, there, 0, 16);
  refused_with("the destination belongs to cuda:1");
  encoder.fill_buffer(there, 0, 16, std::byte{1});
  refused_with("the destination belongs to cuda:1");
  EXPECT_EQ(numbers_of(here), numbers);
  EXPECT_EQ(numbers_of(there), numbers);
}

TEST_F(SeveralGpus, WorkAtOnceEachUnderAThreadOfItsOwn) {
  const auto use = [this](std::size_t gpu) {
    std::vector<std::uint32_t> expected(kCount, static_cast<std::uint32_t>(gpu));
    const Buffer buffer = buffer_on(gpu, expected);
    const Buffer copy = buffer_on(gpu, expected);
    for (std::uint32_t round = 0; round < 30; ++round) {
      auto encoder = *devices[gpu].make_command_encoder();
      for (std::uint32_t step = 0; step < 40; ++step) {
        encode(encoder, gpu, buffer, step + round);
        apply(expected, step + round);
      }
      encoder.copy_buffer(buffer, 0, copy, 0, kCount * sizeof(std::uint32_t));
      auto running = encoder.commit();
      ASSERT_TRUE(running) << running.error().message();
      if (round % 3 == 0) {
        ASSERT_EQ(numbers_of(copy), expected) << "cuda:" << gpu << " round " << round;
      }
      ASSERT_TRUE(running->wait());
    }
    EXPECT_EQ(numbers_of(buffer), expected);
  };
  std::vector<std::jthread> threads;
  for (const std::size_t gpu : {0U, 1U, 0U, 1U}) threads.emplace_back(use, gpu);
}

TEST_F(SeveralGpus, OneThreadWorksOnBothAndCarriesDataThroughTheHost) {
  std::vector<std::uint32_t> expected(kCount, 5);
  std::array<Buffer, 2> buffers{buffer_on(0, expected), buffer_on(1, std::vector<std::uint32_t>(kCount, 0))};
  std::vector<std::byte> bytes(kCount * sizeof(std::uint32_t));
  for (std::uint32_t round = 0; round < 6; ++round) {
    const std::size_t from = round % 2;
    auto encoder = *devices[from].make_command_encoder();
    encode(encoder, from, buffers[from], round);
    apply(expected, round);
    auto running = encoder.commit();
    ASSERT_TRUE(running);
    auto reading = buffers[from].read_async(bytes);
    ASSERT_TRUE(reading);
    ASSERT_TRUE(reading->wait());
    ASSERT_TRUE(buffers[1 - from].write(bytes));
    ASSERT_EQ(numbers_of(buffers[1 - from]), expected) << round;
  }
}

}  // namespace
}  // namespace anymetal::testing
