#include "parts/printable.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace anymetal::cli {
namespace {

using namespace std::string_view_literals;

TEST(Printable, LeavesTextAsItIs) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("a\tb\nc ~"), "a\tb\nc ~");
  EXPECT_EQ(printable("ä€𝄞\xf4\x8f\xbf\xbf"), "ä€𝄞\xf4\x8f\xbf\xbf");
}

TEST(Printable, ShowsWhatATerminalWouldObeyOrCannotRead) {
  EXPECT_EQ(printable("\x1b[2J\r\a\x7f"), "<1B>[2J<0D><07><7F>");
  EXPECT_EQ(printable("a\0b"sv), "a<00>b");
  EXPECT_EQ(printable("\xc2\x9b"), "<C2><9B>");  // C1: begins a command as Escape [ does
  EXPECT_EQ(printable("\xff\x80"), "<FF><80>");
  EXPECT_EQ(printable("\xe2\x82"), "<E2><82>");  // ends within a character
  EXPECT_EQ(printable("\xe2\x82z"), "<E2><82>z");
  EXPECT_EQ(printable("\xc0\xaf\xe0\x80\xaf"), "<C0><AF><E0><80><AF>");  // longer than needed
  EXPECT_EQ(printable("\xed\xa0\x80\xf4\x90\x80\x80"), "<ED><A0><80><F4><90><80><80>");
}

TEST(SourceExcerpt, StandsAboveItsCaret) {
  const auto check = [](std::string_view line, unsigned column, std::string_view shown, std::string_view indent) {
    const auto excerpt = source_excerpt(line, column);
    EXPECT_EQ(excerpt.line, shown);
    EXPECT_EQ(excerpt.indent, indent);
  };
  check("\tint x;", 6, "\tint x;", "\t    ");
  check("ä = 1", 4, "ä = 1", "  ");
  check("a\x1b = 1", 4, "a<1B> = 1", "      ");
  check("x", 900, "x", " ");
  check("x", 0, "x", "");
}

TEST(SourceExcerpt, CutsLongLinesAroundThePosition) {
  std::string line(100'000, 'a');
  line[50'000] = 'X';
  const auto excerpt = source_excerpt(line, 50'001);
  EXPECT_EQ(excerpt.line.size(), 206U);
  EXPECT_EQ(excerpt.line[excerpt.indent.size()], 'X');
  EXPECT_TRUE(excerpt.line.starts_with("...a") && excerpt.line.ends_with("a..."));
  const auto last = source_excerpt(line, 100'001);
  EXPECT_EQ(last.indent.size(), last.line.size());
  std::string wide;
  for (int i = 0; i < 1000; ++i) wide += "€";
  EXPECT_EQ(source_excerpt(wide, 1501).line.find('<'), std::string::npos) << "a character was cut";
}

}  // namespace
}  // namespace anymetal::cli
