#include <anymetal/error.hpp>

#include <gtest/gtest.h>

#include <set>

namespace anymetal {
namespace {

TEST(ErrorValues, DetailsAreAddedOnTheWayUp) {
  const Error plain(ErrorCode::InvalidBinding, "what");
  const Error rich = plain.with_context("where").with_kernel("k").with_device("d").with_key("k|1:b0").with_suggestions({"s"});
  EXPECT_EQ(rich.code(), ErrorCode::InvalidBinding);
  EXPECT_EQ(rich.message(), "where: what");
  EXPECT_EQ(rich.kernel(), "k");
  EXPECT_EQ(rich.device(), "d");
  EXPECT_EQ(rich.key(), "k|1:b0");
  EXPECT_EQ(rich.suggestions().size(), 1u);
  EXPECT_EQ(plain.message(), "what") << "the original is unchanged";
}

TEST(ErrorValues, EveryCodeHasAName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::InternalError); ++code) {
    const auto name = to_string(static_cast<ErrorCode>(code));
    EXPECT_NE(name, "unknown");
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

TEST(ErrorValues, DiagnosticsAreRenderedWithACaret) {
  EXPECT_EQ(render({{Severity::Warning, "a.metal", 3, 2, "odd", "\tx y"}}), "a.metal:3:2: warning: odd\n\tx y\n\t^\n");
  EXPECT_EQ(render({{Severity::Error, "a.metal", 3, 900, "odd", "x"}}), "a.metal:3:900: error: odd\nx\n ^\n");
}

}  // namespace
}  // namespace anymetal
