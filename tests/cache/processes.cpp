// Many processes in one directory, and processes that die while they write.

#include "cache/fixture.hpp"

#include <sys/wait.h>

#include <csignal>

namespace anymetal::testing {
namespace {

using cache::DiskStore;
using cache::PublishStep;

class Processes : public StoreTest {};

// Runs `body` in a child; its status as waitpid gives it.
template <class Body>
int wait_for(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

std::string payload_of(int key) { return std::string(3000, static_cast<char>('A' + key % 50)) + std::to_string(key); }

TEST_F(Processes, EightWithSixtyFourKeysOnAColdDirectory) {
  constexpr int kProcesses = 8;
  constexpr int kKeys = 64;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    if (child == 0) {
      DiskStore store(settings());
      bool right = true;
      for (int i = 0; i < kKeys; ++i) {
        const int key = (i * 7 + p * 11) % kKeys;
        const auto name = "k" + std::to_string(key);
        if (!store.get(name)) store.put(name, payload_of(key));
        right = right && store.get(name) == payload_of(key);
      }
      ::_exit(right && store.counters().corrupt == 0 && store.counters().failed_writes == 0 ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  DiskStore store(settings());
  EXPECT_EQ(store.verify().entries, static_cast<std::size_t>(kKeys));
  EXPECT_EQ(files().size(), static_cast<std::size_t>(kKeys)) << "temporary files are left";
}

TEST_F(Processes, AWriterKilledAtEachStep) {
  for (const auto when : {PublishStep::MakeFolder, PublishStep::CreateFile, PublishStep::WriteSecondHalf, PublishStep::Sync,
                          PublishStep::Rename, PublishStep::MakeRoom}) {
    DiskStore(settings()).put("kept", "before");
    const int status = wait_for([&] {
      auto deadly = settings();
      deadly.on_step = [&](PublishStep now) {
        if (now == when) (void)::raise(SIGKILL);
      };
      DiskStore store(deadly);
      store.put("kept", "after");
    });
    ASSERT_TRUE(WIFSIGNALED(status));
    DiskStore store(settings());
    EXPECT_EQ(files().size(), when == PublishStep::WriteSecondHalf || when == PublishStep::Sync || when == PublishStep::Rename ? 2u : 1u)
        << "the writer died elsewhere than it should have";
    EXPECT_EQ(store.get("kept"), when == PublishStep::MakeRoom ? "after" : "before");
    EXPECT_EQ(store.counters().corrupt, 0u);
    store.put("kept", "again");
    EXPECT_EQ(store.get("kept"), "again");

    for (const auto& file : files()) fs::last_write_time(file, fs::last_write_time(file) - std::chrono::hours(1));
    EXPECT_EQ(store.usage().entries, 1u);
    EXPECT_EQ(files().size(), 1u) << "what the dead writer left must be swept away";
  }
}

TEST_F(Processes, ATemporaryFileInUseIsLeftAlone) {
  DiskStore store(settings());
  store.put("a", "one");
  replace(root.path() / "cache" / ".writing-1-2-3", "half");
  EXPECT_EQ(store.usage().entries, 1u);
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(Processes, ATemporaryFileOfAClockSetBackIsSweptAway) {
  DiskStore store(settings());
  store.put("a", "one");
  const auto left = root.path() / "cache" / ".writing-1-2-3";
  replace(left, "half");
  fs::last_write_time(left, fs::file_time_type::clock::now() + std::chrono::hours(24));
  EXPECT_EQ(store.usage().entries, 1u);
  EXPECT_FALSE(fs::exists(left));
}

TEST_F(Processes, EvictionUnderLoadBreaksNoReader) {
  constexpr int kProcesses = 4;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto limited = settings();
      limited.size_limit = 20 * 3200;
      DiskStore store(limited);
      bool right = true;
      for (int i = 0; i < 300; ++i) {
        const int key = (i * 13 + p * 5) % 40;
        const auto name = "k" + std::to_string(key);
        const auto got = store.get(name);
        right = right && (!got || *got == payload_of(key));
        if (!got) store.put(name, payload_of(key));
      }
      ::_exit(right && store.counters().corrupt == 0 ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_GT(DiskStore(settings()).verify().entries, 0u);
}

}  // namespace
}  // namespace anymetal::testing
