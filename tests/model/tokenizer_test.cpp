// The tokenizer on a vocabulary small enough to follow by hand.
#include "model/tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "model/gguf_writer.hpp"

namespace anymetal::test {
namespace {

using model::Gguf;
using model::GgufType;
using model::TextStream;
using model::Token;
using model::Tokenizer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Entry {
  std::string text;
  float score;
  std::int32_t kind;
};

constexpr std::int32_t kNormal = 1, kUnknown = 2, kControl = 3, kUser = 4, kByte = 6;
constexpr Token kFirstByte = 16;

/// 0-15 are the entries below, then 256 byte tokens unless left out.
std::vector<Entry> toy_entries(bool bytes = true) {
  std::vector<Entry> entries{
      {"<pad>", 0, kControl}, {"<eos>", 0, kControl}, {"<bos>", 0, kControl},   {"<unk>", 0, kUnknown},
      {"\n\n", 0, kUser},     {"\n", 0, kUser},       {"   ", 0, kUser},        {"a", -10, kNormal},
      {"b", -11, kNormal},    {"c", -12, kNormal},    {"\u2581", -13, kNormal}, {"ab", -3, kNormal},
      {"bc", -2, kNormal},    {"aa", -4, kNormal},    {"\u2581a", -1, kNormal}, {"abc", -5, kNormal},
  };
  for (int byte = 0; bytes && byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", static_cast<unsigned>(byte));
    entries.push_back({text, 0, kByte});
  }
  return entries;
}

GgufWriter toy_file(const std::vector<Entry>& entries) {
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<std::int32_t> kinds;
  for (const auto& entry : entries) {
    texts.push_back(entry.text);
    scores.push_back(entry.score);
    kinds.push_back(entry.kind);
  }
  GgufWriter writer;
  writer.text("tokenizer.ggml.model", "llama").texts("tokenizer.ggml.tokens", texts);
  writer.array("tokenizer.ggml.scores", GgufType::Float32, scores);
  writer.array("tokenizer.ggml.token_type", GgufType::Int32, kinds);
  writer.u32("tokenizer.ggml.bos_token_id", 2).u32("tokenizer.ggml.eos_token_id", 1);
  return writer;
}

/// A tokenizer together with the bytes its vocabulary views.
Result<Tokenizer> load(const GgufWriter& writer) {
  const auto bytes = std::make_shared<const Bytes>(writer.bytes());
  const auto file = Gguf::parse(*bytes, bytes);
  if (!file) return std::unexpected(file.error());
  return Tokenizer::read(*file);
}

Tokenizer toy() { return *load(toy_file(toy_entries()).flag("tokenizer.ggml.add_space_prefix", false)); }

std::vector<Token> encode(const Tokenizer& tokenizer, std::string_view text, bool begin = false) {
  const auto tokens = tokenizer.encode(text, {.add_begin = begin});
  EXPECT_TRUE(tokens) << tokens.error().message();
  return tokens.value_or(std::vector<Token>{});
}

TEST(Tokenizer, MergesTheBestScoreFirst) {
  const auto t = toy();
  EXPECT_THAT(encode(t, "abc"), ElementsAre(15)) << "bc, then a+bc";
  EXPECT_THAT(encode(t, "aabc"), ElementsAre(13, 12)) << "bc (-2), then aa (-4) before a+bc (-5)";
  EXPECT_THAT(encode(t, "ab"), ElementsAre(11));
  EXPECT_THAT(encode(t, "aaa"), ElementsAre(13, 7)) << "the leftmost of equals";
  EXPECT_THAT(encode(t, "aaaa"), ElementsAre(13, 13));
  EXPECT_THAT(encode(t, ""), ElementsAre());
  EXPECT_THAT(encode(t, "c"), ElementsAre(9));
}

TEST(Tokenizer, SpacesAreMarkedAndNeverPrefixed) {
  const auto t = toy();
  EXPECT_THAT(encode(t, " a"), ElementsAre(14));
  EXPECT_THAT(encode(t, "a a"), ElementsAre(7, 14));
  EXPECT_THAT(encode(t, "  "), ElementsAre(10, 10));
}

TEST(Tokenizer, SpacePrefixWhereTheFileAsksForIt) {
  const auto t = *load(toy_file(toy_entries()).flag("tokenizer.ggml.add_space_prefix", true));
  EXPECT_THAT(encode(t, "a"), ElementsAre(14));
  EXPECT_EQ(*t.decode(std::vector<Token>{2, 14, 14}), "a a");
}

TEST(Tokenizer, UserDefinedTokensStandWholeAndLongestFirst) {
  const auto t = toy();
  EXPECT_THAT(encode(t, "\n\n\n"), ElementsAre(4, 5));
  EXPECT_THAT(encode(t, "a   a"), ElementsAre(7, 6, 7)) << "three spaces are one token, so none is left for the a";
  EXPECT_THAT(encode(t, "a\nb"), ElementsAre(7, 5, 8));
}

TEST(Tokenizer, ControlTokensOnlyOnRequest) {
  const auto t = toy();
  EXPECT_THAT(encode(t, "a<eos>b"), ElementsAre(7, 1, 8));
  const auto plain = *t.encode("<eos>", {.add_begin = false, .control_tokens = false});
  EXPECT_THAT(plain,
              ElementsAre(kFirstByte + '<', kFirstByte + 'e', kFirstByte + 'o', kFirstByte + 's', kFirstByte + '>'));
}

TEST(Tokenizer, BeginToken) {
  const auto t = toy();
  EXPECT_THAT(*t.encode("a"), ElementsAre(2, 7)) << "the default where the file does not say";
  EXPECT_THAT(*t.encode("", {.add_begin = true}), ElementsAre(2));
  const auto off = *load(toy_file(toy_entries())
                             .flag("tokenizer.ggml.add_space_prefix", false)
                             .flag("tokenizer.ggml.add_bos_token", false));
  EXPECT_THAT(*off.encode("a"), ElementsAre(7));
}

TEST(Tokenizer, UnknownCharactersFallBackToBytes) {
  EXPECT_THAT(encode(toy(), "a\u00e9"), ElementsAre(7, kFirstByte + 0xC3, kFirstByte + 0xA9));
  const auto without = *load(toy_file(toy_entries(false)).flag("tokenizer.ggml.add_space_prefix", false));
  EXPECT_THAT(encode(without, "a\u00e9"), ElementsAre(7, 3));
}

TEST(Tokenizer, InvalidUtf8IsAnError) {
  const auto t = toy();
  for (const std::string text : {"a\x80", "a\xE2\x96", "a\xC3(", "a\xFF"}) {
    const auto tokens = t.encode(text);
    ASSERT_FALSE(tokens);
    EXPECT_EQ(tokens.error().code(), ErrorCode::InvalidArgument);
    EXPECT_THAT(tokens.error().message(), HasSubstr("byte 1 "));
  }
}

TEST(Tokenizer, DecodesWhatItEncodes) {
  const auto t = toy();
  std::mt19937 random(7);
  const std::vector<std::string> pieces{"a", "b", "c", " ", "\n", "\u00e9", "\U0001F600", "x", "   "};
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (auto left = random() % 40; left > 0; --left) text += pieces[random() % pieces.size()];
    EXPECT_EQ(*t.decode(*t.encode(text)), text);
  }
  EXPECT_FALSE(t.decode(std::vector<Token>{7, 100000}));
}

TEST(Tokenizer, LongTextsTakeNoQuadraticTime) {
  const auto t = toy();
  EXPECT_EQ(encode(t, std::string(400000, 'a')).size(), 200000U);
  EXPECT_EQ(encode(t, std::string(400000, '<')).size(), 400000U);
}

TEST(TextStream, HoldsUnfinishedCharactersBack) {
  TextStream stream(toy().vocabulary());
  EXPECT_EQ(stream.push(7), "a");
  EXPECT_EQ(stream.push(kFirstByte + 0xF0), "");
  EXPECT_EQ(stream.push(kFirstByte + 0x9F), "");
  EXPECT_EQ(stream.push(kFirstByte + 0x98), "");
  EXPECT_EQ(stream.push(kFirstByte + 0x80), "\U0001F600");
  EXPECT_EQ(stream.push(14), " a");
  EXPECT_EQ(stream.finish(), "");
}

TEST(TextStream, ReplacesWhatCannotBecomeACharacter) {
  TextStream stream(toy().vocabulary());
  EXPECT_EQ(stream.push(kFirstByte + 0xC3), "");
  EXPECT_EQ(stream.push(7), "\uFFFDa");
  EXPECT_EQ(stream.push(kFirstByte + 0x80), "\uFFFD");
  EXPECT_EQ(stream.push(kFirstByte + 0xE2), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
  EXPECT_EQ(stream.push(1), "") << "control tokens have no text";
  EXPECT_EQ(stream.push(3), "\uFFFD");
  EXPECT_EQ(stream.push(100000), "");
}

TEST(Vocabulary, RefusesWhatItCannotTrust) {
  struct Case {
    const char* name;
    GgufWriter writer;
    const char* message;
  };
  const auto three = std::vector<std::string>{"a", "b", "c"};
  const auto base = [&](const char* kind) { return GgufWriter().text("tokenizer.ggml.model", kind); };
  const auto filled = [&](std::vector<float> scores, std::vector<std::int32_t> kinds) {
    return base("llama")
        .texts("tokenizer.ggml.tokens", three)
        .array("tokenizer.ggml.scores", GgufType::Float32, scores)
        .array("tokenizer.ggml.token_type", GgufType::Int32, kinds);
  };
  auto bad_byte = toy_entries(false);
  bad_byte.push_back({"<0xZZ>", 0, kByte});
  const std::vector<Case> cases{
      {"no tokenizer", GgufWriter(), "tokenizer.ggml.model"},
      {"another kind", base("gpt2"), "'gpt2'"},
      {"no tokens", base("llama"), "tokenizer.ggml.tokens"},
      {"too few scores", filled({0, 0}, {1, 1, 1}), "2 scores"},
      {"too many kinds", filled({0, 0, 0}, {1, 1, 1, 1}), "4 token types"},
      {"unknown kind", filled({0, 0, 0}, {1, 9, 1}), "unknown type 9"},
      {"bos outside", filled({0, 0, 0}, {1, 1, 1}).u32("tokenizer.ggml.bos_token_id", 3), "names token 3"},
      {"eos outside", filled({0, 0, 0}, {1, 1, 1}).u32("tokenizer.ggml.eos_token_id", 0xFFFFFFFF), "names token"},
      {"bos a text", filled({0, 0, 0}, {1, 1, 1}).text("tokenizer.ggml.bos_token_id", "2"), "bos_token_id"},
      {"flag a number", filled({0, 0, 0}, {1, 1, 1}).u32("tokenizer.ggml.add_bos_token", 1), "add_bos_token"},
      {"strange byte token", toy_file(bad_byte), "<0xZZ>"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto tokenizer = load(c.writer);
    ASSERT_FALSE(tokenizer);
    EXPECT_EQ(tokenizer.error().code(), ErrorCode::InvalidFile);
    EXPECT_THAT(tokenizer.error().message(), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace anymetal::test
