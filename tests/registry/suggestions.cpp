#include "registry/suggestions.hpp"

#include <gmock/gmock.h>

namespace anymetal::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Suggestions, Table) {
  const std::vector<std::string> names{"rms_norm_f32", "rms_norm_f16", "rms_norm_bf16", "rms_norm_f64",
                                       "silu_f32",     "softmax_f32",  "ab"};
  EXPECT_THAT(closest_names("rms_nrom_f32", names), ElementsAre("rms_norm_f32", "rms_norm_f16", "rms_norm_f64"));
  EXPECT_THAT(closest_names("rms_norm", names), ElementsAre("rms_norm_bf16", "rms_norm_f16", "rms_norm_f32"));
  EXPECT_THAT(closest_names("slu_f32", names), ElementsAre("silu_f32"));
  EXPECT_THAT(closest_names("entirely_different", names), IsEmpty());
  EXPECT_THAT(closest_names("", names), IsEmpty());
  EXPECT_THAT(closest_names(std::string(1 << 20, 'r'), names), IsEmpty());
}

TEST(Suggestions, Sentence) {
  EXPECT_EQ(did_you_mean({}), "");
  EXPECT_EQ(did_you_mean(std::vector<std::string>{"a"}), " Did you mean 'a'?");
  EXPECT_EQ(did_you_mean(std::vector<std::string>{"a", "b"}), " Did you mean 'a' or 'b'?");
  EXPECT_EQ(did_you_mean(std::vector<std::string>{"a", "b", "c"}), " Did you mean 'a', 'b' or 'c'?");
}

}  // namespace
}  // namespace anymetal::registry
