// The trace file of a process, as a viewer reads it. An executable of its own: whether there is a trace is read once.

#include "runtime/trace.hpp"

#include "cache/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace anymetal {
namespace {

TEST(Trace, EventsOfAProcessThatJustEnds) {
  const testing::TemporaryDirectory root;
  const auto path = (root.path() / "trace.json").string();
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("ANYMETAL_TRACE", path.c_str(), 1);
    {
      const trace::Span outer("parse", "a \"quoted\"\\\n name");
      const trace::Span inner("generate", "k|1:b1");
    }
    ::_exit(trace::enabled() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);

  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  auto closed = text.str();
  closed.erase(closed.rfind(','));
  const auto events = nlohmann::json::parse(closed + "]");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["name"], "generate");
  EXPECT_EQ(events[0]["args"]["detail"], "k|1:b1");
  EXPECT_EQ(events[1]["name"], "parse");
  EXPECT_EQ(events[1]["ph"], "X");
  EXPECT_LE(events[1]["ts"].get<double>(), events[0]["ts"].get<double>());
  EXPECT_GE(events[1]["dur"].get<double>(), events[0]["dur"].get<double>());
}

TEST(Trace, NoneIsAskedFor) {
  if (std::getenv("ANYMETAL_TRACE") != nullptr) GTEST_SKIP() << "ANYMETAL_TRACE is set";
  EXPECT_FALSE(trace::enabled());
}

}  // namespace
}  // namespace anymetal
