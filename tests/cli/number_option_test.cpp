#include "parts/number_option.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace anymetal::cli {
namespace {

/// The message for `--n text`; empty where it is taken.
template <class T>
std::string refusal(T& value, const char* text, T smallest, T largest = std::numeric_limits<T>::max()) {
  CLI::App app;
  add_number_option(app, "--n", value, "", smallest, largest);
  const char* arguments[] = {"program", "--n", text};
  try {
    app.parse(3, arguments);
  } catch (const CLI::ParseError& e) {
    return e.what();
  }
  return {};
}

TEST(NumberOption, TakesNumbersWithinItsBounds) {
  std::size_t size = 7;
  EXPECT_EQ(refusal<std::size_t>(size, "0", 0), "");
  EXPECT_EQ(size, 0U);
  EXPECT_EQ(refusal<std::size_t>(size, "18446744073709551615", 0), "");
  EXPECT_EQ(size, SIZE_MAX);
  EXPECT_EQ(refusal<std::size_t>(size, "0x10", 0), "");
  EXPECT_EQ(size, 16U);
  EXPECT_EQ(refusal<std::size_t>(size, "010", 0), "");
  EXPECT_EQ(size, 10U);
  float number = 0;
  EXPECT_EQ(refusal(number, "-2.5", -3.0F), "");
  EXPECT_EQ(number, -2.5F);
}

TEST(NumberOption, RefusesWhatIsNone) {
  std::uint64_t size = 7;
  for (const char* text : {"-1", "18446744073709551616", "", " 1", "1 ", "1.0", "1e3", "x", "0x", "+1"}) {
    EXPECT_EQ(refusal<std::uint64_t>(size, text, 0),
              std::string("--n: '") + text + "' is not a whole number from 0 on");
  }
  EXPECT_EQ(refusal<std::uint64_t>(size, "0", 1, 9), "--n: '0' is not a whole number from 1 to 9");
  EXPECT_EQ(refusal<std::uint64_t>(size, "10", 1, 9), "--n: '10' is not a whole number from 1 to 9");
  EXPECT_EQ(size, 7U);
  float number = 7;
  for (const char* text : {"nan", "inf", "-inf", "1e39", "-0.1", "", "1,0"})
    EXPECT_NE(refusal(number, text, 0.0F), "") << text;
  EXPECT_EQ(number, 7.0F);
}

}  // namespace
}  // namespace anymetal::cli
