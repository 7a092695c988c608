// Standard streams that are full, closed or a terminal's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "process.hpp"

namespace anymetal::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kAdd = "kernel void add(device float* a [[buffer(0)]]) { a[0] += 1; }";

/// A path as one word of the shell's.
std::string quoted(const std::string& path) { return '\'' + path + '\''; }

/// Exit code of `anymetal arguments redirections`, by a shell.
int run_redirected(const std::string& arguments, const std::string& redirections) {
  const int status = std::system((quoted(ANYMETAL_PROGRAM) + ' ' + arguments + ' ' + redirections).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(CliStreams, OutputThatCannotBeWrittenIsAnError) {
  const ScratchDirectory scratch;
  const std::string file = quoted(scratch.write("add.metal", kAdd));
  for (const std::string& arguments :
       {std::string("--version"), std::string("kernels"), std::string("kernels --json"), std::string("devices"),
        "compile " + file, "compile --emit ir " + file, "compile --json " + file}) {
    const std::string err = scratch.file("err");
    EXPECT_EQ(run_redirected(arguments, ">/dev/full 2>" + quoted(err)), 1) << arguments;
    EXPECT_THAT(read_text(err), HasSubstr("anymetal: cannot write to standard output: No space left on device"))
        << arguments;
    EXPECT_EQ(run_redirected(arguments, ">&- 2>" + quoted(err)), 1) << arguments;
    EXPECT_THAT(read_text(err), HasSubstr("anymetal: cannot write to standard output: Bad file descriptor"))
        << arguments;
  }
}

TEST(CliStreams, MessagesThatNobodyReadsChangeNothing) {
  const ScratchDirectory scratch;
  const std::string file = quoted(scratch.write("add.metal", kAdd));
  for (const char* nowhere : {">/dev/null 2>/dev/full", ">/dev/null 2>&-", ">/dev/null 2>&- <&-"}) {
    EXPECT_EQ(run_redirected("kernels", nowhere), 0) << nowhere;
    EXPECT_EQ(run_redirected("compile " + file, nowhere), 0) << nowhere;
    EXPECT_EQ(run_redirected("compile nowhere.metal", nowhere), 1) << nowhere;
    EXPECT_EQ(run_redirected("nonsense", nowhere), 2) << nowhere;
  }
}

TEST(CliStreams, MessagesNeverGoIntoAFileThatHasTheirNumber) {
  const ScratchDirectory scratch;
  const std::string file = quoted(scratch.write("add.metal", kAdd));
  const std::string dump = scratch.file("y.npy");
  const std::string run = "run " + file + " --entry add --buffer 0=zeros:f32:1 --threads 1 --dump " + quoted("0=" + dump);
  ASSERT_EQ(run_redirected(run, ">&- 2>&- <&-"), 0);
  EXPECT_EQ(read_text(dump).size(), 128U + sizeof(float));
  EXPECT_THAT(read_text(dump), Not(HasSubstr("compiled in")));
}

TEST(CliStreams, AFileCannotGiveATerminalCommands) {
  const ScratchDirectory scratch;
  const auto result = run_program({"compile", scratch.write("bad.metal", "\x1b]0;title\a kernel \xff void f(")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("<1B>]0;title<07> kernel <FF> void f("));
  EXPECT_EQ(result.err.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace anymetal::test
