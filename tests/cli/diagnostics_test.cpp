// Compiler messages as the program shows them: text, colour, JSON, SARIF.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "parts/sarif.hpp"
#include "process.hpp"

namespace anymetal::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kWarns = R"(#include <metal_stdlib>
using namespace metal;
kernel void warns(device int* o [[buffer(0)]]) {
  int unused_result = 1;
  if (o[0] = 2) o[1] = 3;
}
)";
constexpr std::string_view kFails = R"(#include <metal_stdlib>
using namespace metal;
template <typename T> kernel void f(device T* o [[buffer(0)]]) { o[0].x = 1; /* é */ o[1] = undeclared; }
template [[host_name("f_int")]] kernel void f<int>(device int*);
kernel void fine(device int* o [[buffer(0)]]) { o[0] = 1; }
)";

class CliDiagnostics : public ::testing::Test {
 protected:
  ScratchDirectory scratch;
};

TEST_F(CliDiagnostics, WarningsAreShownAndDoNotFail) {
  const auto file = scratch.write("warns.metal", kWarns);
  const auto result = run_program({"compile", file});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr(file + ":5:12: warning: "));
  const auto object = json::parse(run_program({"compile", file, "--json"}).out);
  EXPECT_EQ(object.at("diagnostics").at(0).at("severity"), "warning");
  EXPECT_EQ(object.at("diagnostics").at(0).at("source_line"), "  if (o[0] = 2) o[1] = 3;");
}

TEST_F(CliDiagnostics, EachMessageIsShownOnce) {
  const auto file = scratch.write("fails.metal", kFails);
  const auto result = run_program({"compile", file});
  EXPECT_EQ(result.exit_code, 1);
  const std::string wanted = ": error: use of undeclared identifier 'undeclared'";
  const auto first = result.err.find(wanted);
  ASSERT_NE(first, std::string::npos) << result.err;
  EXPECT_EQ(result.err.find(wanted, first + 1), std::string::npos) << result.err;
}

TEST_F(CliDiagnostics, ColourWhereItIsWanted) {
  const auto file = scratch.write("fails.metal", kFails);
  EXPECT_THAT(run_program({"compile", file}).err, Not(HasSubstr("\x1b[")));
  ::setenv("CLICOLOR_FORCE", "1", 1);
  const auto coloured = run_program({"compile", file});
  ::unsetenv("CLICOLOR_FORCE");
  EXPECT_THAT(coloured.err, HasSubstr("\x1b["));
}

TEST_F(CliDiagnostics, LimitsByOption) {
  const auto file = scratch.write("many.metal", std::string(kWarns) + "void g() { (void)1; (void)2; (void)3; }\n");
  const auto result = run_program({"compile", file, "--limit", "tokens=20"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("--limit tokens=N"));
  EXPECT_EQ(run_program({"compile", file, "--limit", "tokens=many"}).exit_code, 2);
  EXPECT_EQ(run_program({"compile", file, "--limit", "patience=1"}).exit_code, 2);
}

/// What SARIF 2.1.0 requires of a log, as its schema states it.
void expect_sarif(const json& log) {
  EXPECT_EQ(log.at("version"), "2.1.0");
  EXPECT_THAT(std::string(log.at("$schema")), HasSubstr("sarif-2.1.0"));
  ASSERT_TRUE(log.at("runs").is_array());
  for (const auto& run : log.at("runs")) {
    EXPECT_FALSE(std::string(run.at("tool").at("driver").at("name")).empty());
    std::set<std::string> rules;
    for (const auto& rule : run.at("tool").at("driver").at("rules")) rules.insert(rule.at("id"));
    EXPECT_TRUE(run.at("columnKind") == "unicodeCodePoints" || run.at("columnKind") == "utf16CodeUnits");
    for (const auto& result : run.at("results")) {
      EXPECT_FALSE(std::string(result.at("message").at("text")).empty());
      EXPECT_TRUE(rules.contains(result.at("ruleId")));
      EXPECT_TRUE((std::set<std::string>{"none", "note", "warning", "error"}.contains(result.at("level"))));
      for (const char* list : {"locations", "relatedLocations"}) {
        if (!result.contains(list)) continue;
        for (const auto& location : result.at(list)) {
          const auto& physical = location.at("physicalLocation");
          EXPECT_TRUE(physical.at("artifactLocation").at("uri").is_string());
          if (!physical.contains("region")) continue;
          EXPECT_GE(int(physical.at("region").at("startLine")), 1);
          EXPECT_GE(int(physical.at("region").value("startColumn", 1)), 1);
        }
      }
    }
  }
}

TEST_F(CliDiagnostics, SarifOfAFailedCompilation) {
  const auto file = scratch.write("fails.metal", kFails);
  const auto log_file = scratch.file("log.sarif");
  EXPECT_EQ(run_program({"compile", file, "--sarif", log_file}).exit_code, 1);
  std::ifstream in(log_file);
  const auto log = json::parse(in);
  expect_sarif(log);
  const auto& results = log.at("runs").at(0).at("results");
  ASSERT_FALSE(results.empty());
  const auto& region = results.at(0).at("locations").at(0).at("physicalLocation").at("region");
  EXPECT_EQ(region.at("startLine"), 3);
  EXPECT_EQ(results.at(0).at("level"), "error");
}

TEST_F(CliDiagnostics, SarifOfWarnings) {
  const auto log_file = scratch.file("log.sarif");
  EXPECT_EQ(run_program({"compile", scratch.write("warns.metal", kWarns), "--sarif", log_file}).exit_code, 0);
  std::ifstream in(log_file);
  const auto log = json::parse(in);
  expect_sarif(log);
  EXPECT_EQ(log.at("runs").at(0).at("results").at(0).at("level"), "warning");
}

TEST(Sarif, NotesColumnsAndNames) {
  const auto log = json(cli::to_sarif({{Severity::Error, "a b/é.metal", 2, 6, "wrong", "éé x"},
                                       {Severity::Note, "/x.h", 1, 1, "declared here", "int x;"},
                                       {Severity::Warning, "", 0, 0, "odd", ""}}));
  expect_sarif(log);
  const auto& results = log.at("runs").at(0).at("results");
  ASSERT_EQ(results.size(), 2U);
  const auto& place = results.at(0).at("locations").at(0).at("physicalLocation");
  EXPECT_EQ(place.at("artifactLocation").at("uri"), "a%20b/%C3%A9.metal");
  EXPECT_EQ(place.at("region").at("startColumn"), 4);
  EXPECT_EQ(results.at(0).at("relatedLocations").at(0).at("message").at("text"), "declared here");
  EXPECT_EQ(results.at(0).at("relatedLocations").at(0).at("physicalLocation").at("artifactLocation").at("uri"),
            "file:///x.h");
  EXPECT_FALSE(results.at(1).contains("locations"));
}

TEST(Sarif, NothingToSay) { expect_sarif(json(cli::to_sarif({}))); }

}  // namespace
}  // namespace anymetal::test
