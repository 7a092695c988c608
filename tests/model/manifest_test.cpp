// The shipped manifests against what a run asks for: recorded with a compiler that makes nothing, on a device that runs
// nothing.

#include <gmock/gmock.h>

#include <algorithm>
#include <anymetal/warm_up.hpp>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "cache/temporary_directory.hpp"
#include "model/gemma3.hpp"
#include "model/shipped_manifest.hpp"
#include "model/toy_gemma3.hpp"
#include "registry/label_parser.hpp"
#include "support/anything_compiler.hpp"
#include "support/fake_device.hpp"

namespace anymetal::test {
namespace {

using model::Gemma3;
using model::Gguf;
using model::Token;
using testing::FakeBackend;

/// Gemma 3 270M's block formats and window; small all the same.
std::shared_ptr<const Bytes> model_file() {
  static const auto bytes = std::make_shared<const Bytes>(toy_gemma3({.window = 512, .context = 1024}));
  return bytes;
}

class Manifest : public ::testing::TestWithParam<const char*> {
 protected:
  static Device open() {
    auto backend = std::make_shared<FakeBackend>(GetParam());
    backend->info_.compute_units = 4;
    backend->info_.has_tensor = backend->info_.id == "cuda:0";
    return Device(backend);
  }
  Manifest() {
    auto naming = std::make_shared<testing::AnythingCompiler>();
    ::setenv("ANYMETAL_MANIFEST", path.c_str(), 1);
    registry.emplace(naming);
    ::unsetenv("ANYMETAL_MANIFEST");
  }
  Gemma3 load() {
    const auto bytes = model_file();
    return Gemma3::load(Gguf::parse(*bytes, bytes).value(), *registry, device, {.batch = 40}).value();
  }
  std::vector<std::string> recorded() const {
    auto keys = read_manifest(path).value();
    std::ranges::sort(keys);
    return keys;
  }

  const testing::TemporaryDirectory root;
  const std::string path = (root.path() / "manifest").string();
  Device device = open();
  std::optional<KernelRegistry> registry;
};

std::string as_file(const std::vector<std::string>& keys) {
  std::string text;
  for (const auto& key : keys) text += key + "\n";
  return text;
}

TEST_P(Manifest, KernelsAskedForAheadAreAllThatAPromptNeeds) {
  auto network = load();
  ASSERT_TRUE(network.reserve(9));
  network.prepare_ahead(8, true);
  // The compile threads end once nothing is left to do; the answers are kept whoever asks next.
  const std::vector<Token> text(8, Token{5});
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::size_t asked = 0;
  while (std::chrono::steady_clock::now() < end && (asked == 0 || registry->cached_count() != asked)) {
    asked = registry->cached_count();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ASSERT_TRUE(network.next_token(text));
  ASSERT_TRUE(network.next_token(std::span(text).first(1)));
  EXPECT_EQ(registry->cached_count(), asked);
  network.prepare_ahead(0, true);  // of an empty prompt nothing is known, and nothing fails
}

TEST_P(Manifest, IsWhatARunAsksFor) {
  auto network = load();
  const std::vector<Token> text(40, Token{5});
  for (const std::size_t count : {40UZ, 40UZ, 40UZ, 40UZ, 40UZ, 40UZ, 40UZ, 5UZ, 1UZ, 1UZ})
    ASSERT_TRUE(network.next_token(std::span(text).first(count)));
  auto shipped = model::gemma3_manifest(device);
  std::ranges::sort(shipped);
  EXPECT_EQ(shipped, recorded()) << "the manifest in src/model/manifests should hold:\n" << as_file(recorded());
}

TEST_P(Manifest, PreparingAsksForTheSame) {
  auto network = load();
  ASSERT_TRUE(network.prepare());
  const auto prepared = recorded();
  const std::vector<Token> text(40, Token{5});
  for (const std::size_t count : {40UZ, 8UZ, 7UZ, 3UZ, 1UZ, 1UZ})
    ASSERT_TRUE(network.next_token(std::span(text).first(count)));
  EXPECT_EQ(recorded(), prepared);
  EXPECT_EQ(prepared, [&] {
    auto keys = model::gemma3_manifest(device);
    std::ranges::sort(keys);
    return keys;
  }());
}

TEST_P(Manifest, AfterWarmUpARunCompilesNothing) {
  const auto keys = model::gemma3_manifest(device);
  const auto warm = warm_up(*registry, device, keys);
  EXPECT_EQ(warm.ready, keys.size());
  const auto before = registry->statistics().compiles;
  auto network = load();
  const std::vector<Token> text(40, Token{5});
  for (const std::size_t count : {40UZ, 1UZ}) ASSERT_TRUE(network.next_token(std::span(text).first(count)));
  EXPECT_EQ(registry->statistics().compiles, before);
}

TEST_P(Manifest, NamesBuiltInKernels) {
  const auto names = registry->names();
  for (const auto& key : model::gemma3_manifest(device)) {
    const auto label = registry::parse_label(key);
    ASSERT_TRUE(label) << key;
    EXPECT_TRUE(std::ranges::binary_search(names, label->name)) << label->name;
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Manifest, ::testing::Values("cpu", "cuda:0", "cuda:without_tensor"));

}  // namespace
}  // namespace anymetal::test
