// Kernels as users write them, on one thread of the CPU device, against plain loops compiled for this processor:
//   bench_user_kernels [--check] [--seconds S] [NAME...]
// Each kernel runs once and is compared with its loop; then kernel and loop take turns. Medians, spreads (distance of
// the quartiles) and how many times as long as its loop the kernel takes. --check only compares, and says which differ.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <span>
#include <string_view>

#include "user_kernel.hpp"

namespace anymetal::bench {
namespace {

struct Options {
  bool check = false;
  double seconds = 0.1;  ///< of each, kernel and loop
  std::vector<std::string_view> names;
};

/// A kernel's buffers on the device, and the loop's in host memory.
class Trial {
 public:
  Trial(const UserKernel& kernel, const Device& device, PipelinePtr pipeline)
      : kernel_(kernel), device_(device), pipeline_(std::move(pipeline)) {
    for (const auto& array : kernel.arrays) {
      buffers_.push_back(*device_.make_buffer(array.bytes.size()));
      (void)buffers_.back().write(array.bytes);
      host_.push_back(array.bytes);
    }
  }

  void run_loop() {
    std::vector<std::byte*> pointers;
    for (auto& bytes : host_) pointers.push_back(bytes.data());
    kernel_.loop(Buffers(pointers));
  }

  Result<void> run_kernel(int times) {
    auto encoder = *device_.make_command_encoder();
    encoder.set_pipeline(pipeline_);
    for (unsigned i = 0; i < buffers_.size(); ++i) encoder.set_buffer(i, buffers_[i]);
    for (int n = 0; n < times; ++n) encoder.dispatch_threads(kernel_.threads, kernel_.group);
    return encoder.commit_and_wait();
  }

  /// The first difference after both ran once, or empty.
  std::string difference() {
    for (std::size_t i = 0; i < host_.size(); ++i) {
      std::vector<std::byte> got(host_[i].size());
      (void)buffers_[i].read(got);
      const auto at = first_difference(got, host_[i], kernel_.arrays[i].compare);
      if (!at.empty()) return fmt::format("buffer {}{}", i, at);
    }
    return {};
  }

 private:
  [[nodiscard]] std::string first_difference(std::span<const std::byte> got, std::span<const std::byte> wanted,
                                             Compare compare) const {
    if (compare == Compare::Bytes) {
      std::size_t differ = 0;
      for (std::size_t n = 0; n < got.size(); ++n) {
        if (got[n] != wanted[n] && ++differ > kernel_.strays) return fmt::format(" differs at byte {}", n);
      }
      return {};
    }
    for (std::size_t n = 0; n < got.size() / sizeof(float); ++n) {
      float a = 0, b = 0;
      std::memcpy(&a, got.data() + n * sizeof a, sizeof a);
      std::memcpy(&b, wanted.data() + n * sizeof b, sizeof b);
      const double allowed = kernel_.tolerance * std::max(1.0, std::abs(double(b)));
      if (!(std::abs(double(a) - double(b)) <= allowed)) return fmt::format("[{}] is {}, not {}", n, a, b);
    }
    return {};
  }

  const UserKernel& kernel_;
  Device device_;
  PipelinePtr pipeline_;
  std::vector<Buffer> buffers_;
  std::vector<std::vector<std::byte>> host_;
};

double microseconds(const auto& action) {
  const auto begin = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}

struct Times {
  double median = 0, spread = 0;
};

Times times_of(std::vector<double> values) {
  std::ranges::sort(values);
  return {values[values.size() / 2], values[values.size() * 3 / 4] - values[values.size() / 4]};
}

/// Microseconds of kernel and loop, which take turns.
std::pair<Times, Times> measure(Trial& trial, double seconds) {
  constexpr int kTurns = 9;
  const double turn = seconds * 1e6 / kTurns;
  const auto rounds = [&](double once) { return std::max(1, static_cast<int>(turn / std::max(once, 0.1))); };
  (void)trial.run_kernel(1);
  const int kernels = rounds(microseconds([&] { (void)trial.run_kernel(1); }));
  const int loops = rounds(microseconds([&] { trial.run_loop(); }));
  std::vector<double> kernel, loop;
  for (int n = 0; n < kTurns; ++n) {
    kernel.push_back(microseconds([&] { (void)trial.run_kernel(kernels); }) / kernels);
    loop.push_back(microseconds([&] {
                     for (int k = 0; k < loops; ++k) trial.run_loop();
                   }) /
                   loops);
  }
  return {times_of(kernel), times_of(loop)};
}

/// Whether the kernel did what its loop does.
bool run(const UserKernel& kernel, KernelRegistry& registry, const Device& device, const Options& options) {
  registry.register_source(kernel.name, "#include <metal_stdlib>\nusing namespace metal;\n" + kernel.source);
  const auto pipeline = registry.get_pipeline(kernel.name, device);
  if (!pipeline) {
    fmt::print("{}: {}\n", kernel.name, pipeline.error().message());
    return false;
  }
  Trial trial(kernel, device, *pipeline);
  if (const auto done = trial.run_kernel(1); !done) {
    fmt::print("{}: {}\n", kernel.name, done.error().message());
    return false;
  }
  trial.run_loop();
  if (const auto difference = trial.difference(); !difference.empty()) {
    fmt::print("{}: {}\n", kernel.name, difference);
    return false;
  }
  if (options.check) return true;
  const auto [own, loop] = measure(trial, options.seconds);
  fmt::print("{:<26} {:<10} {:9.1f} us ({:.1f})  loop {:9.1f} us ({:.1f})  {:5.2f}\n", kernel.name,
             (*pipeline)->execution_path(), own.median, own.spread, loop.median, loop.spread, own.median / loop.median);
  std::fflush(stdout);
  return true;
}

}  // namespace

std::vector<UserKernel> all_user_kernels() {
  std::vector<UserKernel> all;
  for (auto* family : {search_kernels, sort_kernels, iteration_kernels, stencil_kernels, reduction_kernels,
                       threadgroup_kernels, product_kernels, sparse_kernels, hash_kernels, image_kernels}) {
    for (auto& kernel : family()) all.push_back(std::move(kernel));
  }
  return all;
}

}  // namespace anymetal::bench

int main(int argc, char** argv) {
  using namespace anymetal;  // NOLINT(google-build-using-namespace): a program, not a header
  bench::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--check") {
      options.check = true;
    } else if (argument == "--seconds" && i + 1 < argc) {
      options.seconds = std::atof(argv[++i]);
    } else {
      options.names.push_back(argument);
    }
  }
  ::setenv("ANYMETAL_THREADS", "1", 0);
  const auto device = Device::open("cpu");
  if (!device) {
    fmt::print("{}\n", device.error().message());
    return 3;
  }
  KernelRegistry registry;
  int failed = 0, ran = 0;
  for (const auto& kernel : bench::all_user_kernels()) {
    if (!options.names.empty() && std::ranges::none_of(options.names, [&](auto name) { return kernel.name == name; }))
      continue;
    ++ran;
    failed += bench::run(kernel, registry, *device, options) ? 0 : 1;
  }
  fmt::print("{} kernels, {} failed\n", ran, failed);
  return failed == 0 && ran > 0 ? 0 : 1;
}
