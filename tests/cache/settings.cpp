#include "cache/settings.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace anymetal::cache {
namespace {

TEST(Settings, Sizes) {
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("123"), 123u);
  EXPECT_EQ(parse_size("2K"), 2048u);
  EXPECT_EQ(parse_size("512M"), std::uint64_t{512} << 20);
  EXPECT_EQ(parse_size("1g"), std::uint64_t{1} << 30);
  for (const char* bad : {"", "M", "-1", "1T", "1MB", "99999999999999999999", "99999999999G", "1.5G"}) {
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
  }
}

TEST(Settings, TheEnvironmentDecides) {
  const struct {
    const char *off, *directory, *xdg, *home;
    std::optional<std::string> expected;
  } kCases[] = {
      {"0", "/d", "/x", "/h", std::nullopt},        {nullptr, "/d", "/x", "/h", "/d"},
      {"1", nullptr, "/x", "/h", "/x/anymetal/kernels"},    {nullptr, "", "", "/h", "/h/.cache/anymetal/kernels"},
      {nullptr, nullptr, "relative", "/h", "/h/.cache/anymetal/kernels"}, {nullptr, nullptr, nullptr, nullptr, std::nullopt},
  };
  const auto set = [](const char* name, const char* value) {
    if (value != nullptr) {
      ::setenv(name, value, 1);
    } else {
      ::unsetenv(name);
    }
  };
  for (const auto& c : kCases) {
    set("ANYMETAL_CACHE", c.off);
    set("ANYMETAL_CACHE_DIR", c.directory);
    set("XDG_CACHE_HOME", c.xdg);
    set("HOME", c.home);
    const auto settings = settings_from_environment();
    EXPECT_EQ(settings ? std::optional(settings->directory) : std::nullopt, c.expected);
  }
  set("HOME", "/h");
  set("ANYMETAL_CACHE_SIZE", "7K");
  EXPECT_EQ(settings_from_environment()->size_limit, 7168u);
  EXPECT_EQ(settings_from_environment()->key_file, "");
  set("ANYMETAL_CACHE_KEY_FILE", "/k");
  EXPECT_EQ(settings_from_environment()->key_file, "/k");
  set("ANYMETAL_CACHE_SIZE", "lots");
  EXPECT_EQ(settings_from_environment()->size_limit, std::uint64_t{512} << 20);
}

}  // namespace
}  // namespace anymetal::cache
