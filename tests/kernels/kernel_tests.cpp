// One test per kernel name over the table in src/cases. `--verbose` prints the largest error of every case beside what
// is allowed; `--full` adds the exhaustive cases and the benchmark sizes; `--seeds N` runs each case with N different
// data sets; `--without-variants` runs the kernels that have a form for processors in their general form on the CPU device.
// ANYMETAL_TEST_RUNNER: as emulated_backend.hpp says.
#include <anymetal/log.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cases/runner.hpp"
#include "emulated/emulated_backend.hpp"
#include "registry/builtin_catalogue.hpp"

namespace {

using namespace anymetal;

struct Options {
  bool verbose = false;
  bool full = false;
  bool without_variants = false;
  std::uint64_t seeds = 1;
};

Result<Device> open_device(const Options& options) {
  if (std::getenv("ANYMETAL_TEST_RUNNER") != nullptr) {
    auto backend = test::cpu_or_emulated();
    if (!backend) return std::unexpected(backend.error());
    return Device(*std::move(backend));
  }
  return options.without_variants ? Device::open("cpu") : Device::system_default();
}

/// What all tests share: one registry, so that a source is parsed once.
struct Bench {
  explicit Bench(const Options& o)
      : options(o),
        device(open_device(o)) {
    set_log_callback([this](Severity, std::string_view text) {
      fmt::print(stderr, "{}\n", text);
      const std::scoped_lock lock(mutex);
      warnings.emplace_back(text);
    });
  }
  ~Bench() { set_log_callback({}); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  /// Warnings since the last time: of a kernel that the compiler would have broken, among others.
  std::vector<std::string> take_warnings() {
    const std::scoped_lock lock(mutex);
    return std::exchange(warnings, {});
  }

  Options options;
  KernelRegistry registry;
  Result<Device> device;
  std::mutex mutex;
  std::vector<std::string> warnings;
};

class KernelTest : public testing::Test {
 public:
  KernelTest(std::shared_ptr<Bench> bench, std::vector<cases::Case> cases)
      : bench_(std::move(bench)), cases_(std::move(cases)) {}

  void TestBody() override {
    ASSERT_TRUE(bench_->device) << bench_->device.error().message();
    const bool has_pages = bench_->device->info().id == "cpu" && std::getenv("ANYMETAL_TEST_RUNNER") == nullptr;
    const cases::Placements placements = has_pages ? cases::Placements(cases::kEverywhere) : cases::kAlignments;
    std::size_t ran = 0;
    for (const cases::Case& test : cases_) {
      for (std::uint64_t seed = 0; seed < bench_->options.seeds; ++seed) {
        const cases::Outcome outcome = cases::run(test, bench_->registry, *bench_->device, seed, placements);
        if (outcome.unsupported) GTEST_SKIP() << test.kernel << " needs more than " << bench_->device->name() << " has";
        ++ran;
        for (const std::string& failure : outcome.failures) {
          ADD_FAILURE() << test.kernel << " [" << test.label << "] " << failure;
        }
        if (bench_->options.verbose) print(test, outcome);
      }
    }
    EXPECT_GT(ran, 0u) << "no case ran";
    for (const std::string& warning : bench_->take_warnings()) ADD_FAILURE() << warning;
  }

 private:
  static void print(const cases::Case& test, const cases::Outcome& outcome) {
    for (const cases::Accuracy& accuracy : outcome.accuracy) {
      fmt::print("  {} [{}] buffer {}: error {:.3g}, allowed {:.3g}\n", test.kernel, test.label, accuracy.index,
                 accuracy.error, accuracy.allowed);
    }
  }

  std::shared_ptr<Bench> bench_;
  std::vector<cases::Case> cases_;
};

/// Whether the CPU device runs the kernel in another way where variants are allowed.
bool has_variant(std::string_view kernel) {
  const auto same = [&](const auto& builtin) { return builtin.name == kernel; };
  const auto found = std::ranges::find_if(registry::builtin_kernels(), same);
  const std::string_view text = registry::builtin_files()[found->file].text;
  return text.find("[[any_threadgroup_size]]") != std::string_view::npos ||
         std::ranges::any_of(registry::builtin_variants(),
                             [&](const auto& variant) { return variant.device == "cpu" && same(variant); });
}

void register_tests(const Options& options) {
  const auto bench = std::make_shared<Bench>(options);
  std::map<std::string, std::vector<cases::Case>> by_kernel;
  const cases::CaseList list = cases::all_cases();
  for (const cases::Case& test : list.cases()) {
    if (options.without_variants && !has_variant(test.kernel)) continue;
    if (test.purpose == cases::Purpose::Test || (options.full && test.purpose != cases::Purpose::LargeBenchmark)) by_kernel[test.kernel].push_back(test);
  }
  for (const auto& [kernel, tests] : by_kernel) {
    testing::RegisterTest("Kernels", kernel.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [bench, found = tests]() -> testing::Test* { return new KernelTest(bench, found); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--verbose") {
      options.verbose = true;
    } else if (argument == "--full") {
      options.full = true;
    } else if (argument == "--without-variants") {
      options.without_variants = true;
      setenv("ANYMETAL_CPU_VARIANTS", "0", 1);
    } else if (argument == "--seeds" && i + 1 < argc) {
      const std::string_view count = argv[++i];
      std::from_chars(count.data(), count.data() + count.size(), options.seeds);
    } else {
      fmt::print(stderr, "unknown argument {}\n", argument);
      return 2;
    }
  }
  register_tests(options);
  return RUN_ALL_TESTS();
}
