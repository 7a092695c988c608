#include "model/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace anymetal::test {
namespace {

using model::first_character;
using model::Utf8State;
using model::well_formed_length;
using namespace std::string_view_literals;

TEST(Utf8, WellFormedTextIsWhole) {
  for (const auto text : {""sv, "plain"sv, "\u00e9\u00df"sv, "\u2581\uFFFD"sv, "\U0001F600 \U0010FFFF"sv, "a\0b"sv}) {
    EXPECT_EQ(well_formed_length(text), text.size()) << text;
  }
}

TEST(Utf8, MalformedTextStopsAtTheFirstBadByte) {
  struct Case {
    std::string_view text;
    std::size_t good;
  };
  for (const auto& c :
       {Case{"ab\x80", 2}, Case{"\xC0\x80", 0}, Case{"\xC1\xBF", 0}, Case{"a\xE0\x80\x80", 1},
        Case{"\xED\xA0\x80", 0} /* a surrogate */, Case{"\xF0\x8F\xBF\xBF", 0}, Case{"\xF4\x90\x80\x80", 0},
        Case{"\xF5\x80\x80\x80", 0}, Case{"\xFF", 0}, Case{"ok \xE2\x96", 3}, Case{"\xC3", 0}}) {
    EXPECT_EQ(well_formed_length(c.text), c.good);
  }
}

TEST(Utf8, TellsUnfinishedFromMalformed) {
  EXPECT_EQ(first_character("\xF0\x9F\x98").state, Utf8State::Incomplete);
  EXPECT_EQ(first_character("\xF0\x9F\x98").length, 3U);
  EXPECT_EQ(first_character("\xF0\x9F!").state, Utf8State::Malformed);
  EXPECT_EQ(first_character("\xF0\x9F!").length, 2U);
  EXPECT_EQ(first_character("\x80").state, Utf8State::Malformed);
  EXPECT_EQ(first_character("").state, Utf8State::Incomplete);
}

TEST(Utf8, EveryCodePointIsWhole) {
  for (std::uint32_t point = 0x80; point <= 0x10FFFF; ++point) {
    std::string text;
    const auto tail = [&](unsigned shift) { text += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
    if (point < 0x800) {
      text += static_cast<char>(0xC0 | (point >> 6));
    } else if (point < 0x10000) {
      text += static_cast<char>(0xE0 | (point >> 12));
      tail(6);
    } else {
      text += static_cast<char>(0xF0 | (point >> 18));
      tail(12);
      tail(6);
    }
    tail(0);
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    ASSERT_EQ(first_character(text).state == Utf8State::Whole, !surrogate) << std::hex << point;
  }
}

}  // namespace
}  // namespace anymetal::test
