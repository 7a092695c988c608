// Values that the library's environment variables do not take.

#include "observe/environment.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace anymetal::environment {
namespace {

constexpr const char* kNames[] = {"ANYMETAL_CACHE",       "ANYMETAL_CACHE_SIZE",   "ANYMETAL_COMPILE_THREADS",
                                  "ANYMETAL_CPU_LANES",   "ANYMETAL_CPU_VARIANTS", "ANYMETAL_CPU_VERIFY",
                                  "ANYMETAL_CRASH_GUARD", "ANYMETAL_CUDA_MERGE",   "ANYMETAL_CUDA_SYNC",
                                  "ANYMETAL_PERF",        "ANYMETAL_THREADS"};

class Environment : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kNames) ::unsetenv(name);
  }
  void TearDown() override { SetUp(); }

  static std::vector<std::string> complaints_about(const char* name, const std::string& value) {
    ::setenv(name, value.c_str(), 1);
    auto found = complaints();
    ::unsetenv(name);
    return found;
  }
};

TEST_F(Environment, SwitchesAreOneOrZeroOrAsIfNotSet) {
  constexpr const char* kName = "ANYMETAL_CPU_LANES";
  for (const bool otherwise : {false, true}) {
    EXPECT_EQ(is_on(kName, otherwise), otherwise);
    for (const char* value : {"", "banana", "10"}) {
      ::setenv(kName, value, 1);
      EXPECT_EQ(is_on(kName, otherwise), otherwise) << value;
    }
    ::setenv(kName, "1", 1);
    EXPECT_TRUE(is_on(kName, otherwise));
    ::setenv(kName, "0", 1);
    EXPECT_FALSE(is_on(kName, otherwise));
    ::unsetenv(kName);
  }
}

TEST_F(Environment, WithoutVariablesThereIsNothingToSay) { EXPECT_TRUE(complaints().empty()); }

TEST_F(Environment, NonsenseIsNamedWithWhatTheVariableTakes) {
  for (const char* name : kNames) {
    const auto found = complaints_about(name, "banana");
    ASSERT_EQ(found.size(), 1u) << name;
    EXPECT_TRUE(found[0].starts_with(std::string(name) + "=banana is left out: it takes ")) << found[0];
  }
  EXPECT_EQ(complaints_about("ANYMETAL_CACHE_SIZE", "banana").front(),
            "ANYMETAL_CACHE_SIZE=banana is left out: it takes a number of bytes, such as 512M: K, M or G may follow");
}

TEST_F(Environment, WhatAVariableTakesIsNoNonsense) {
  const struct {
    const char* name;
    const char* value;
    bool is_taken;
  } kCases[] = {{"ANYMETAL_CACHE", "0", true},          {"ANYMETAL_CACHE", "off", false},
                {"ANYMETAL_CACHE_SIZE", "7k", true},    {"ANYMETAL_CACHE_SIZE", "512M", true},
                {"ANYMETAL_CACHE_SIZE", "1.5G", false}, {"ANYMETAL_CACHE_SIZE", "M", false},
                {"ANYMETAL_CACHE_SIZE", "-1", false},   {"ANYMETAL_THREADS", "3", true},
                {"ANYMETAL_THREADS", "0", false},       {"ANYMETAL_THREADS", "2x", false},
                {"ANYMETAL_PERF", "jitdump", true},     {"ANYMETAL_PERF", "yes", false},
                {"ANYMETAL_CPU_VERIFY", "1", true},     {"ANYMETAL_CPU_VERIFY", "2", false},
                {"ANYMETAL_CUDA_SYNC", "true", false},  {"ANYMETAL_COMPILE_THREADS", "8", true},
                {"ANYMETAL_CRASH_GUARD", "", true}};
  for (const auto& c : kCases)
    EXPECT_EQ(complaints_about(c.name, c.value).empty(), c.is_taken) << c.name << '=' << c.value;
}

TEST_F(Environment, LongAndUnprintableValuesStayOneShortLine) {
  const std::string found = complaints_about("ANYMETAL_CACHE", "a\nb" + std::string(1000, 'x')).front();
  EXPECT_EQ(found.find('\n'), std::string::npos);
  EXPECT_LT(found.size(), 200u);
}

}  // namespace
}  // namespace anymetal::environment
