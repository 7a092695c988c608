// Random kernels in MSL against what they must compute, on the device that the environment names; on the processor on
// every path. ANYMETAL_RANDOM_KERNELS=FIRST:COUNT runs those of these seeds instead of a few.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <anymetal/log.hpp>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>

#include "emulated/emulated_backend.hpp"
#include "evaluated_kernel.hpp"
#include "support/random_seeds.hpp"
#include "support/test_device.hpp"

namespace anymetal::test {
namespace {

using Meetings = EvaluatedKernel::Meetings;

/// How a dispatch cuts its threads into threadgroups.
struct Geometry {
  Size threads, group;
};

struct NamedDevice {
  std::string name;
  Device device;
};

std::vector<NamedDevice> devices() {
  if (!shares_host_addresses()) return {{"the device", *test_device()}};
  return {{"vectors", Device(*cpu_or_emulated({.threads = 1, .lanes = true, .verify = true, .merged_from = 0}))},
          {"coroutines", Device(*cpu_or_emulated({.threads = 1, .lanes = false}))}};
}

Memory initial_memory() {
  std::mt19937 random(11);
  Memory memory;
  const auto fill = [&](std::vector<std::uint8_t>& bytes, std::size_t count) {
    bytes.resize(count);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  };
  memory.in.resize(EvaluatedKernel::kInBytes);
  for (std::size_t n = 0; n < EvaluatedKernel::kInBytes; n += 4)
    store(Scalar::Uint, static_cast<std::uint32_t>(random() >> random() % 32), memory.in, n);
  memory.reals.resize(std::size_t{EvaluatedKernel::kReals} * 8);
  std::size_t at = 0;
  for (const Scalar type : {Scalar::Float, Scalar::Half, Scalar::Bfloat}) {
    for (unsigned n = 0; n < EvaluatedKernel::kReals; ++n, at += bits(type) / 8) {
      const double value = static_cast<double>(static_cast<int>(random() % 4000) - 2000) / (1U << random() % 8);
      store(type, of_real(type, n % 37 == 5 ? NAN : n % 41 == 7 ? INFINITY : value), memory.reals, at);
    }
  }
  fill(memory.out, std::size_t{EvaluatedKernel::kPlaces} * EvaluatedKernel::kResults * 8);
  fill(memory.own, std::size_t{EvaluatedKernel::kPlaces} * EvaluatedKernel::kOwnBytes);
  // Rows are read as what they hold, so that none of them may be a number's odd pattern.
  memory.rows.assign(std::size_t{EvaluatedKernel::kPlaces} * EvaluatedKernel::kRows * 16, 0);
  for (unsigned n = 0; n < EvaluatedKernel::kCounts; ++n) memory.counts.push_back(static_cast<std::uint32_t>(random()));
  return memory;
}

/// A buffer with guard bytes around what it holds.
class Guarded {
 public:
  Guarded(Device& device, std::span<const std::byte> bytes)
      : size_(bytes.size()), buffer_(*device.make_buffer(size_ + 2 * kGuard)) {
    std::vector<std::byte> all(buffer_.size(), kPoison);
    std::ranges::copy(bytes, all.begin() + kGuard);
    EXPECT_TRUE(buffer_.write(all));
  }
  void bind(CommandEncoder& encoder, unsigned index) const { encoder.set_buffer(index, buffer_, kGuard); }
  [[nodiscard]] std::vector<std::byte> bytes() const {
    std::vector<std::byte> all(buffer_.size());
    EXPECT_TRUE(buffer_.read(all));
    for (std::size_t n = 0; n < kGuard; ++n) {
      EXPECT_EQ(all[n], kPoison) << "written before a buffer";
      EXPECT_EQ(all[all.size() - 1 - n], kPoison) << "written past a buffer";
    }
    return {all.begin() + kGuard, all.end() - kGuard};
  }

 private:
  static constexpr std::size_t kGuard = 256;
  static constexpr std::byte kPoison{0xA5};
  std::size_t size_;
  Buffer buffer_;
};

std::string difference(const char* name, std::size_t per_thread, std::span<const std::byte> got,
                       std::span<const std::byte> wanted) {
  const auto [at, other] = std::ranges::mismatch(got, wanted);
  if (at == got.end()) return {};
  const auto position = static_cast<std::size_t>(at - got.begin());
  const auto word = position / 8 * 8 + 8 <= got.size() ? position / 8 * 8 : got.size() - 8;
  std::uint64_t found = 0, right = 0;
  std::memcpy(&found, got.subspan(word).data(), 8);
  std::memcpy(&right, wanted.subspan(word).data(), 8);
  return fmt::format("{} of thread {}, byte {}, is {:#x}, not {:#x}", name, position / per_thread,
                     position % per_thread, found, right);
}

/// Runs the kernel, with `in` in a large buffer where there is one, and says where its memory is not what it must be.
std::string run(const EvaluatedKernel& kernel, NamedDevice& on, const PipelinePtr& pipeline, const Geometry& geometry,
                std::optional<Buffer> large) {
  Memory memory = initial_memory();
  std::vector<Guarded> buffers;
  const auto views = [](const Memory& m) {
    return std::array{std::as_bytes(std::span(m.in)),   std::as_bytes(std::span(m.reals)),
                      std::as_bytes(std::span(m.out)),  std::as_bytes(std::span(m.own)),
                      std::as_bytes(std::span(m.rows)), std::as_bytes(std::span(m.counts))};
  };
  for (const auto view : views(memory)) buffers.emplace_back(on.device, view);
  auto encoder = on.device.make_command_encoder();
  if (!encoder) return encoder.error().message();
  encoder->set_pipeline(pipeline);
  for (unsigned n = 0; n < buffers.size(); ++n) buffers[n].bind(*encoder, n);
  if (large) {
    if (const auto written = large->write(views(memory)[0]); !written) return written.error().message();
    encoder->set_buffer(0, *large);
  }
  encoder->dispatch_threads(geometry.threads, geometry.group);
  if (const auto done = encoder->commit_and_wait(); !done) return done.error().message();
  kernel.run(memory, geometry.threads, geometry.group);
  const auto wanted = views(memory);
  static constexpr std::array kNames{"in", "reals", "result", "own", "rows", "counts"};
  static constexpr std::array<std::size_t, 6> kPerThread{EvaluatedKernel::kInBytes,     8 * EvaluatedKernel::kReals,
                                                         8 * EvaluatedKernel::kResults, EvaluatedKernel::kOwnBytes,
                                                         16 * EvaluatedKernel::kPlaces, 4 * EvaluatedKernel::kCounts};
  for (std::size_t n = 0; n < buffers.size(); ++n)
    if (auto text = difference(kNames[n], kPerThread[n], buffers[n].bytes(), wanted[n]); !text.empty()) return text;
  return {};
}

void compare(Meetings meetings, const std::vector<Geometry>& geometries, unsigned few) {
  std::mutex mutex;
  std::string warnings;
  set_log_callback([&](Severity, std::string_view text) {
    const std::scoped_lock lock(mutex);
    warnings += std::string(text) + "\n";
  });
  const auto [first, count] = random_seeds(few);
  auto all = devices();
  // Kernels have other code for buffers of 4 GiB; of this one nothing else is touched. The emulated device copies
  // buffers.
  std::optional<Buffer> large;
  if (shares_host_addresses() && std::getenv("ANYMETAL_TEST_RUNNER") == nullptr)
    large = *all.front().device.make_buffer((std::size_t{1} << 32) + 4096);
  for (unsigned seed = first; seed < first + count; ++seed) {
    const EvaluatedKernel kernel(seed, meetings);
    KernelRegistry registry;
    SourceOptions options;
    options.math_mode = MathMode::Safe;
    registry.register_source("evaluated", kernel.text(), options);
    for (auto& on : all) {
      const auto where = fmt::format("seed {}, {}", seed, on.name);
      const auto pipeline = registry.get_pipeline_with_constants("evaluated", on.device, kernel.constants());
      if (!pipeline) {
        ADD_FAILURE() << where << ": " << pipeline.error().message() << '\n' << kernel.text();
        continue;
      }
      for (const auto& geometry : geometries) {
        auto found = run(kernel, on, *pipeline, geometry, std::nullopt);
        if (found.empty() && large && &on == &all.front() && &geometry == &geometries.front()) {
          found = run(kernel, on, *pipeline, geometry, large);
          if (!found.empty()) found += " in a large buffer";
        }
        EXPECT_EQ(found, "") << where << ", " << geometry.group.x << " wide, as " << (*pipeline)->execution_path()
                             << ":\n"
                             << kernel.text();
        if (!found.empty()) break;
      }
    }
  }
  set_log_callback({});
  EXPECT_EQ(warnings, "");
}

TEST(EvaluatedKernels, ComputeWhatTheyMustInAGrid) {
  compare(Meetings::Grid, {{{128}, {32}}, {{100}, {8}}, {{300}, {64}}}, 4);
}
TEST(EvaluatedKernels, ComputeWhatTheyMustAlone) {
  compare(Meetings::None, {{{128}, {64}}, {{100}, {50}}, {{26, 4}, {16, 4}}, {{20, 3, 4}, {10, 3, 2}}}, 4);
}
TEST(EvaluatedKernels, ComputeWhatTheyMustTogether) {
  compare(Meetings::Uniform, {{{128}, {64}}, {{100}, {50}}, {{26, 4}, {16, 4}}, {{32, 16}, {16, 16}}, {{512}, {256}}}, 5);
}
TEST(EvaluatedKernels, ComputeWhatTheyMustInBranches) {
  if (!shares_host_addresses()) GTEST_SKIP() << "where lanes that parted meet again is not promised there";
  compare(Meetings::Any, {{{128}, {64}}, {{100}, {64}}, {{16, 7}, {16, 4}}, {{6, 5, 4}, {6, 5, 2}}}, 5);
}

}  // namespace
}  // namespace anymetal::test
