// The real vocabulary: token ids that a reference tokenizer gave, and round trips.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/golden.hpp"
#include "model/tokenizer.hpp"

namespace anymetal::test {
namespace {

using model::Gguf;
using model::Tokenizer;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

class GoldenText : public ::testing::Test {
 protected:
  void SetUp() override {
    ANYMETAL_NEED_MODEL();
    const auto file = Gguf::open(model_path());
    ASSERT_TRUE(file) << file.error().message();
    auto tokenizer = Tokenizer::read(*file);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message();
    tokenizer_.emplace(std::move(*tokenizer));
  }
  std::optional<Tokenizer> tokenizer_;
};

TEST_F(GoldenText, EncodesEveryPromptAsTheReferenceDid) {
  const auto all = load_golden();
  ASSERT_EQ(all.size(), 10U);
  for (const auto& golden : all) {
    const auto tokens = tokenizer_->encode(golden.prompt);
    ASSERT_TRUE(tokens) << tokens.error().message();
    EXPECT_THAT(*tokens, ElementsAreArray(golden.tokens)) << golden.prompt;
    EXPECT_EQ(*tokenizer_->decode(*tokens), golden.prompt);
  }
}

TEST_F(GoldenText, RoundTripsTextOfManyScripts) {
  for (const std::string text :
       {"", " ", "  leading", "trailing  ", "tabs\t\t\tand\n\n\nlines", "na\u00efve \u2014 caf\u00e9",
        "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8", "\u0440\u0443\u0441\u0441\u043a\u0438\u0439",
        "\u0627\u0644\u0639\u0631\u0628\u064a\u0629", "\U0001F468\u200D\U0001F469\u200D\U0001F467 \U000E0041",
        "<html><b>x</b></html>", "a\u0000b"}) {
    const auto tokens = tokenizer_->encode(text);
    ASSERT_TRUE(tokens);
    EXPECT_EQ(*tokenizer_->decode(*tokens), text);
  }
}

TEST_F(GoldenText, KnowsConversationTokens) {
  EXPECT_THAT(*tokenizer_->encode("<start_of_turn>user\nHi<end_of_turn>"), ElementsAre(2, 105, 2364, 107, 10979, 106));
  EXPECT_TRUE(tokenizer_->vocabulary()->is_end(1));
  EXPECT_TRUE(tokenizer_->vocabulary()->is_end(106));
  EXPECT_FALSE(tokenizer_->vocabulary()->is_end(2));
}

}  // namespace
}  // namespace anymetal::test
