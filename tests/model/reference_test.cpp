// The plain-loop reference against the golden file: what the kernels are later held against must itself be right.
#include <gtest/gtest.h>

#include "model/golden_check.hpp"
#include "model/reference_gemma3.hpp"

namespace anymetal::test {
namespace {

TEST(ReferenceGemma3, AgreesWithTheGoldenFile) {
  ANYMETAL_NEED_MODEL();
  const auto file = model::Gguf::open(model_path());
  ASSERT_TRUE(file) << file.error().message();
  const auto config = model::Gemma3Config::read(*file);
  ASSERT_TRUE(config) << config.error().message();
  ReferenceGemma3 reference(*file, *config);
  float worst = 0.0F;
  const auto all = load_golden();
  // Two prompts keep it short; the kernels are held against all ten.
  for (const std::size_t index : {std::size_t{0}, std::size_t{8}}) {
    const auto text = decided_text(all.at(index));
    worst = std::max(worst, check_logits(all[index], text.size(), reference.forward(text)));
  }
  RecordProperty("worst_logit_error", std::to_string(worst));
  std::printf("largest logit error: %.6f (allowed %.3f)\n", static_cast<double>(worst),
              static_cast<double>(kLogitTolerance));
}

}  // namespace
}  // namespace anymetal::test
