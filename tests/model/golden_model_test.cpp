// The real Gemma 3 270M on the CPU device: ten golden prompts, and a context past the sliding window.
#include <gtest/gtest.h>

#include "model/golden_check.hpp"
#include "model/language_model.hpp"
#include "model/reference_gemma3.hpp"

namespace anymetal::test {
namespace {

using model::LanguageModel;
using model::Token;

class GoldenModel : public ::testing::Test {
 protected:
  void SetUp() override {
    ANYMETAL_NEED_MODEL();
    auto device = Device::open("cpu");
    ASSERT_TRUE(device) << device.error().message();
    // 24 divides neither the golden prompts nor the long one.
    auto model = LanguageModel::open(model_path(), registry_, *device, {.batch = 24, .context = 4096});
    ASSERT_TRUE(model) << model.error().message();
    model_.emplace(std::move(*model));
  }
  KernelRegistry registry_;
  std::optional<LanguageModel> model_;
};

TEST_F(GoldenModel, GeneratesTheReferenceTokens) {
  for (const auto& golden : load_golden()) {
    const auto prompt = model_->tokenizer.encode(golden.prompt);
    ASSERT_TRUE(prompt);
    const auto result =
        generate(model_->network, model_->tokenizer, *prompt, {.max_tokens = golden.reference_tokens.size()});
    ASSERT_TRUE(result) << result.error().message();
    for (std::size_t step = 0; step < golden.reference_tokens.size() && golden.margin[step] >= kUndecided; ++step) {
      ASSERT_LT(step, result->tokens.size()) << golden.prompt;
      ASSERT_EQ(result->tokens[step], golden.reference_tokens[step]) << golden.prompt << ", step " << step;
    }
  }
}

TEST_F(GoldenModel, LogitsOfEveryPosition) {
  float worst = 0.0F;
  for (const auto& golden : load_golden()) {
    const auto text = decided_text(golden);
    std::vector<float> rows;
    model_->network.rewind();
    const auto last = model_->network.forward(text, [&](std::size_t, std::span<const float> part) -> Result<void> {
      rows.insert(rows.end(), part.begin(), part.end());
      return {};
    });
    ASSERT_TRUE(last) << last.error().message();
    worst = std::max(worst, check_logits(golden, text.size(), rows));
  }
  std::printf("largest logit error: %.6f (allowed %.3f)\n", static_cast<double>(worst),
              static_cast<double>(kLogitTolerance));
}

TEST_F(GoldenModel, HalfPrecisionCacheGivesTheReferenceTokensWhereTheyAreClear) {
  constexpr float kClear = 0.05F;  // margins that keys and values of eleven bits do not change
  auto device = Device::open("cpu");
  ASSERT_TRUE(device);
  auto model = LanguageModel::open(model_path(), registry_, *device, {.context = 256, .cache = ops::DType::F16});
  ASSERT_TRUE(model) << model.error().message();
  const auto golden = load_golden().front();
  const auto logits = model->network.forward(golden.tokens);
  ASSERT_TRUE(logits) << logits.error().message();
  for (const auto& [token, logit] : golden.prefill_last_top) EXPECT_NEAR((*logits)[token], logit, kLogitTolerance);
  const auto result =
      generate(model->network, model->tokenizer, golden.tokens, {.max_tokens = golden.reference_tokens.size()});
  ASSERT_TRUE(result) << result.error().message();
  for (std::size_t step = 0; step < result->tokens.size() && golden.margin[step] >= kClear; ++step)
    ASSERT_EQ(result->tokens[step], golden.reference_tokens[step]) << "step " << step;
}

TEST_F(GoldenModel, ContextPastTheSlidingWindow) {
  std::vector<Token> text;
  while (text.size() < 800) {
    for (const auto& golden : load_golden()) {
      text.insert(text.end(), golden.tokens.begin(), golden.tokens.end());
      text.insert(text.end(), golden.reference_tokens.begin(), golden.reference_tokens.end());
    }
  }
  text.resize(800);
  constexpr std::size_t kRows = 3;
  const auto file = model::Gguf::open(model_path());
  ASSERT_TRUE(file);
  const auto wanted = ReferenceGemma3(*file, model_->network.config()).forward(text, kRows);
  const auto vocabulary = wanted.size() / kRows;
  auto logits = model_->network.forward(std::span(text).first(text.size() - kRows + 1));
  float worst = 0.0F;
  for (std::size_t row = 0; row < kRows; ++row) {
    ASSERT_TRUE(logits) << logits.error().message();
    for (std::size_t i = 0; i < vocabulary; ++i) {
      worst = std::max(worst, std::abs((*logits)[i] - wanted[row * vocabulary + i]));
    }
    if (row + 1 < kRows) logits = model_->network.forward(std::span(text).subspan(text.size() - kRows + 1 + row, 1));
  }
  EXPECT_LT(worst, kLogitTolerance);
  std::printf("largest logit error after 800 tokens: %.6f\n", static_cast<double>(worst));
}

}  // namespace
}  // namespace anymetal::test
