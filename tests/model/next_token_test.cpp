// The likeliest token, with the next pass started at once and not, asked for in every order.

#include <gtest/gtest.h>

#include <random>

#include "model/gemma3.hpp"
#include "model/sampler.hpp"
#include "model/toy_gemma3.hpp"
#include "support/forwarding_backend.hpp"

namespace anymetal::test {
namespace {

using model::Gemma3;
using model::Gguf;
using model::Token;

/// The CPU under another name: what is decided by the kind of device is decided as for a GPU.
class RenamedCpu final : public ForwardingBackend {
 public:
  RenamedCpu() : ForwardingBackend(Device::open("cpu").value().backend()), info_(ForwardingBackend::info()) {
    info_.id = "renamed";
  }
  [[nodiscard]] const DeviceInfo& info() const override { return info_; }
  [[nodiscard]] std::string_view kernel_variants() const override { return {}; }

 private:
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
