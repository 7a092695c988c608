// The likeliest token, found on the host and on the device, asked for in every order.

#include <gtest/gtest.h>

#include <random>

#include "device/backend.hpp"
#include "model/gemma3.hpp"
#include "model/sampler.hpp"
#include "model/toy_gemma3.hpp"

namespace anymetal::test {
namespace {

using model::Gemma3;
using model::Gguf;
using model::Token;

/// The CPU under another name: what is decided by the kind of device is decided as for a GPU.
class RenamedCpu final : public device::Backend {
 public:
  RenamedCpu() : cpu_(Device::open("cpu").value().backend()), info_(cpu_->info()) { info_.id = "renamed"; }

  [[nodiscard]] const DeviceInfo& info() const override { return info_; }
  [[nodiscard]] msl::Target front_end_target() const override { return cpu_->front_end_target(); }
  [[nodiscard]] std::string artifact_identity() const override { return cpu_->artifact_identity(); }
  [[nodiscard]] Result<device::Artifact> compile(msl::SpecialisedKernel kernel, std::string_view label) const override {
    return cpu_->compile(std::move(kernel), label);
  }
  [[nodiscard]] Result<std::shared_ptr<const device::Executable>> load(const device::Artifact& artifact,
                                                                       std::string_view label) override {
    return cpu_->load(artifact, label);
  }
  [[nodiscard]] Result<std::shared_ptr<device::Memory>> allocate(std::size_t bytes) override { return cpu_->allocate(bytes); }
  [[nodiscard]] Result<std::shared_ptr<device::Memory>> wrap(std::span<const std::byte> bytes,
                                                             std::shared_ptr<const void> owner) override {
    return cpu_->wrap(bytes, std::move(owner));
  }
  Result<void> execute(const device::CommandList& list) override { return cpu_->execute(list); }
  [[nodiscard]] std::size_t threadgroup_memory_limit() const override { return cpu_->threadgroup_memory_limit(); }

 private:
  std::shared_ptr<device::Backend> cpu_;
  DeviceInfo info_;
};

class NextToken : public ::testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() {
    const auto bytes = std::make_shared<const Bytes>(toy_gemma3());
    file_ = std::make_unique<Gguf>(Gguf::parse(*bytes, bytes).value());
    registry_ = std::make_unique<KernelRegistry>();
    renamed_ = std::make_shared<RenamedCpu>();
  }
  static void TearDownTestSuite() {
    renamed_.reset();
    registry_.reset();
    file_.reset();
  }
  static Gemma3 load(const Device& device, std::size_t context = 0) {
    return Gemma3::load(*file_, *registry_, device, {.batch = 7, .context = context}).value();
  }
  static Device device() {
    return std::string(GetParam()) == "cpu" ? Device::open("cpu").value() : Device(renamed_);
  }
  /// By the logits of a model of its own.
  static Token expected(std::span<const Token> text) {
    auto model = load(Device::open("cpu").value());
    return model::likeliest(model.forward(text).value());
  }
  static std::vector<Token> prompt(std::size_t count) {
    std::mt19937 random(11);
    std::vector<Token> text(count);
    for (auto& token : text) token = static_cast<Token>(random() % 259);
    return text;
  }

  inline static std::unique_ptr<Gguf> file_;
  inline static std::unique_ptr<KernelRegistry> registry_;
  inline static std::shared_ptr<RenamedCpu> renamed_;
};

TEST_P(NextToken, ContinuesATextWithItsOwnChoices) {
  auto model = load(device());
  auto text = prompt(16);
  auto token = model.next_token(text, Gemma3::Next::Likely);
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(token) << token.error().message();
    EXPECT_EQ(*token, expected(text));
    EXPECT_EQ(model.position(), text.size());
    text.push_back(*token);
    token = model.next_token(std::span(text).last(1), Gemma3::Next::Likely);
  }
}

TEST_P(NextToken, TakesOtherTokensThanItsOwn) {
  auto model = load(device());
  auto text = prompt(5);
  ASSERT_TRUE(model.next_token(text, Gemma3::Next::Likely));
  text.push_back(expected(text) == 3 ? 4 : 3);
  EXPECT_EQ(*model.next_token(std::span(text).last(1), Gemma3::Next::Likely), expected(text));
  text.insert(text.end(), {9, 10});
  EXPECT_EQ(*model.next_token(std::span(text).last(2), Gemma3::Next::Likely), expected(text));
  text.push_back(200);
  EXPECT_EQ(model::likeliest(model.forward(std::span(text).last(1)).value()), expected(text));
  text.push_back(201);
  EXPECT_EQ(*model.next_token(std::span(text).last(1)), expected(text));
}

TEST_P(NextToken, RewindsToAnyPlace) {
  auto model = load(device());
  auto text = prompt(9);
  const auto first = model.next_token(text, Gemma3::Next::Likely);
  model.rewind(8);
  EXPECT_EQ(*model.next_token(std::span(text).last(1), Gemma3::Next::Likely), *first);
  model.rewind();
  text.resize(3);
  EXPECT_EQ(*model.next_token(text, Gemma3::Next::Likely), expected(text));
}

TEST_P(NextToken, EndsAtTheContextsLimit) {
  auto model = load(device(), 10);
  auto text = prompt(9);
  text.push_back(*model.next_token(text, Gemma3::Next::Likely));
  const auto last = model.next_token(std::span(text).last(1), Gemma3::Next::Likely);
  ASSERT_TRUE(last) << last.error().message();
  EXPECT_EQ(*last, expected(text));
  const auto refused = model.next_token(std::span(&*last, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(model.position(), 10U);
}

INSTANTIATE_TEST_SUITE_P(Devices, NextToken, ::testing::Values("cpu", "renamed"),
                         [](const auto& row) { return std::string(row.param); });

}  // namespace
}  // namespace anymetal::test
