// Warnings reach whoever asked for them, or standard error.

#include "observe/log.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <anymetal/disk_cache.hpp>
#include <anymetal/log.hpp>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <thread>

#include "cache/temporary_directory.hpp"
#include "registry/fixture.hpp"
#include "registry/manifest_recorder.hpp"

namespace anymetal::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Log : public ::testing::Test {
 protected:
  Log() {
    set_log_callback([this](Severity severity, std::string_view text) {
      EXPECT_EQ(severity, Severity::Warning);
      const std::lock_guard lock(mutex);
      told.emplace_back(text);
    });
  }
  ~Log() override { set_log_callback({}); }

  std::mutex mutex;  // guards told
  std::vector<std::string> told;
};

TEST_F(Log, ADirectoryThatCannotBeUsedIsToldOnce) {
  EXPECT_EQ(disk_cache_usage({.directory = "/proc/no/such/place"}).entries, 0u);
  EXPECT_THAT(told, ElementsAre(HasSubstr("/proc/no/such/place")));
}

TEST_F(Log, NowhereToPutTheCacheIsTold) {
  const pid_t child = ::fork();  // the environment is the process's
  if (child == 0) {
    for (const char* variable : {"ANYMETAL_CACHE", "ANYMETAL_CACHE_DIR", "XDG_CACHE_HOME", "HOME"}) ::unsetenv(variable);
    const bool off = !disk_cache_usage().enabled && told.size() == 1;
    ::setenv("ANYMETAL_CACHE", "0", 1);
    (void)disk_cache_usage();
    ::_exit(off && told.size() == 1 ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(Log, ADamagedEntryIsTold) {
  const TemporaryDirectory root;
  const DiskCacheOptions options{.directory = (root.path() / "cache").string()};
  std::filesystem::create_directories(root.path() / "cache" / "ab");
  std::filesystem::permissions(root.path() / "cache", std::filesystem::perms::owner_all);
  std::ofstream(root.path() / "cache" / "ab" / std::string(30, '0')) << "rubbish";
  EXPECT_EQ(verify_disk_cache(options).damaged, 1u);
  EXPECT_THAT(told, ElementsAre(HasSubstr("damaged entry")));
}

TEST_F(Log, AManifestThatCannotBeWrittenIsToldOnce) {
  ASSERT_EQ(::setenv("ANYMETAL_MANIFEST", "/proc/no/such/place", 1), 0);
  registry::ManifestRecorder recorder;
  ASSERT_EQ(::unsetenv("ANYMETAL_MANIFEST"), 0);
  recorder.record("a");
  recorder.record("b");
  EXPECT_THAT(told, ElementsAre(HasSubstr("cannot write the manifest /proc/no/such/place")));
}

TEST_F(Log, WithoutACallbackItIsStandardError) {
  set_log_callback({});
  ::testing::internal::CaptureStderr();
  log::warning("something odd");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "anymetal: warning: something odd\n");
  EXPECT_TRUE(told.empty());
}

TEST_F(Log, ACallbackMayBeChangedWhileThreadsLogAndMayLogItself) {
  std::atomic<int> count{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 200; ++i) log::warning("hello");
      });
    }
    for (int i = 0; i < 200; ++i) {
      set_log_callback([&](Severity, std::string_view text) {
        if (++count % 2 == 1 && text == "hello") log::warning("again");
      });
    }
  }
  set_log_callback({});
  SUCCEED() << count;
}

}  // namespace
}  // namespace anymetal::testing
