#include "code/parsed_once.hpp"

#include <gtest/gtest.h>

#include "support/fake_compiler.hpp"

namespace anymetal::cli {
namespace {

TEST(ParsedOnce, GivesTheSameSourceWithoutAnotherParse) {
  const auto compiler = std::make_shared<testing::FakeCompiler>();
  const ParsedOnce once(compiler);
  const auto first = once.parse({"a.metal", "kernel a", {}});
  ASSERT_TRUE(first);
  EXPECT_EQ(*once.parse({"a.metal", "kernel a", {}}), *first);
  EXPECT_EQ(compiler->parses, 1u);
}

TEST(ParsedOnce, ParsesAnotherTextAndForAnotherTarget) {
  const auto compiler = std::make_shared<testing::FakeCompiler>();
  const ParsedOnce once(compiler);
  ASSERT_TRUE(once.parse({"a.metal", "kernel a", {}}));
  ASSERT_TRUE(once.parse({"a.metal", "kernel a", {}, msl::Target::Nvptx}));
  EXPECT_EQ(compiler->parses, 2u);
  const auto other = once.parse({"a.metal", "kernel b", {}, msl::Target::Nvptx});
  ASSERT_TRUE(other);
  EXPECT_EQ((*other)->entry_names().front(), "b");
  EXPECT_EQ(compiler->parses, 3u);
}

TEST(ParsedOnce, DoesNotKeepWhatDidNotParse) {
  const auto compiler = std::make_shared<testing::FakeCompiler>();
  const ParsedOnce once(compiler);
  EXPECT_FALSE(once.parse({"a.metal", "error no", {}}));
  EXPECT_FALSE(once.parse({"a.metal", "error no", {}}));
  EXPECT_EQ(compiler->parses, 2u);
}

}  // namespace
}  // namespace anymetal::cli
