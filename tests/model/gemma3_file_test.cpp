// Files that are sound GGUF but no Gemma 3 model we can run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/gemma3_config.hpp"
#include "model/toy_gemma3.hpp"

namespace anymetal::test {
namespace {

using model::Gemma3Config;
using model::Gguf;
using model::GgufType;
using ::testing::HasSubstr;

Result<Gemma3Config> read(const Bytes& bytes) {
  const auto file = Gguf::parse(bytes, nullptr);
  if (!file) return std::unexpected(file.error());
  return Gemma3Config::read(*file);
}

TEST(Gemma3Config, ReadsItsSizes) {
  const auto c = read(toy_gemma3());
  ASSERT_TRUE(c) << c.error().message();
  EXPECT_EQ(c->layers, 7U);
  EXPECT_EQ(c->width, 256U);
  EXPECT_EQ(c->feed_forward, 512U);
  EXPECT_EQ(c->heads, 4U);
  EXPECT_EQ(c->kv_heads, 1U);
  EXPECT_EQ(c->head_dim, 256U);
  EXPECT_EQ(c->vocabulary, 259U);
  EXPECT_EQ(c->window, 5U);
  EXPECT_EQ(c->context, 64U);
  EXPECT_EQ(c->global_theta, 1e6F);
  EXPECT_EQ(c->local_theta, 1e4F);
  for (const std::size_t layer : {0U, 4U, 6U, 10U}) EXPECT_FALSE(c->is_global(layer)) << layer;
  for (const std::size_t layer : {5U, 11U, 17U}) EXPECT_TRUE(c->is_global(layer)) << layer;
}

TEST(Gemma3Config, RefusesWhatItCannotRun) {
  struct Case {
    const char* name;
    Bytes bytes;
    const char* message;
  };
  const auto sized = [](auto change) {
    ToySizes sizes;
    change(sizes);
    return toy_gemma3(sizes, {.leave_out = "token_embd.weight"});
  };
  const auto adding = [](std::function<void(GgufWriter&)> add) { return toy_gemma3({}, {.add = std::move(add)}); };
  std::vector<Case> cases{
      {"another architecture", toy_gemma3({}, {.architecture = "llama"}), "'llama'"},
      {"no embedding", toy_gemma3({}, {.leave_out = "token_embd.weight"}), "token_embd.weight"},
      {"no layers", sized([](ToySizes& s) { s.layers = 0; }), "gemma3.block_count"},
      {"no window", sized([](ToySizes& s) { s.window = 0; }), "sliding_window"},
      {"absurd context", sized([](ToySizes& s) { s.context = 0xFFFFFFFF; }), "context_length"},
      {"heads that do not divide", sized([](ToySizes& s) { s.kv_heads = 3; }), "4 query heads, 3 key heads"},
      {"scaled rotary angles", adding([](GgufWriter& w) { w.text("gemma3.rope.scaling.type", "linear"); }), "'linear'"},
  };
  for (const auto* key :
       {"gemma3.block_count", "gemma3.embedding_length", "gemma3.feed_forward_length", "gemma3.attention.head_count",
        "gemma3.attention.head_count_kv", "gemma3.attention.key_length", "gemma3.attention.value_length",
        "gemma3.context_length", "gemma3.attention.sliding_window", "gemma3.attention.layer_norm_rms_epsilon",
        "gemma3.rope.freq_base"}) {
    cases.push_back({key, toy_gemma3({}, {.leave_out = key}), key});
  }
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto config = read(c.bytes);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code(), ErrorCode::InvalidFile);
    EXPECT_THAT(config.error().message(), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace anymetal::test
