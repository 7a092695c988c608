// Damaged files, directories in the way, full disks, rights that are missing: a miss, a counter, one warning.

#include "cache/fixture.hpp"
#include "support/resource_limit.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <functional>

namespace anymetal::testing {
namespace {

using cache::DiskStore;

class Trouble : public StoreTest {
 protected:
  // What `body` says in a process of another user, to whom the cache belongs: root may read and write anywhere.
  bool right_for_nobody(const std::function<bool()>& body) const {
    constexpr uid_t kNobody = 65534;
    const bool is_root = ::geteuid() == 0;
    if (is_root) {
      const auto cache = root.path() / "cache";
      bool given = ::chmod(root.path().c_str(), 0755) == 0 && ::chown(cache.c_str(), kNobody, kNobody) == 0;
      for (const auto& entry : fs::recursive_directory_iterator(cache)) {
        given = given && ::chown(entry.path().c_str(), kNobody, kNobody) == 0;
      }
      if (!given) return false;
    }
    const pid_t child = ::fork();
    if (child == 0) {
      if (is_root && ::setuid(kNobody) != 0) ::_exit(2);
      ::_exit(body() ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return status == 0;
  }
};

TEST_F(Trouble, ADamagedEntryIsAMissAndIsReplaced) {
  const std::function<std::string(std::string)> kDamages[] = {
      [](std::string) { return ""; },
      [](std::string bytes) { return bytes.substr(0, bytes.size() / 2); },
      [](std::string bytes) { bytes[bytes.size() - 1] ^= 1; return bytes; },
      [](std::string bytes) { bytes[8] = 99; return bytes; },
      [](std::string) { return "anymetal"; },
  };
  for (const auto& damage : kDamages) {
    DiskStore store(settings());
    store.put("a", "payload");
    ASSERT_EQ(files().size(), 1u);
    replace(files()[0], damage(content(files()[0])));
    warnings.clear();
    EXPECT_EQ(store.get("a"), std::nullopt);
    EXPECT_EQ(store.get("a"), std::nullopt);
    EXPECT_EQ(store.counters().corrupt, 1u);
    EXPECT_EQ(store.counters().misses, 2u);
    EXPECT_EQ(warnings.size(), 1u);
    store.put("a", "payload");
    EXPECT_EQ(store.get("a"), "payload");
  }
}

TEST_F(Trouble, AnEntryOfAnotherKeyUnderThisNameIsAMiss) {
  DiskStore store(settings());
  store.put("a", "payload of a");
  const auto a = files()[0];
  const auto bytes = content(a);
  ASSERT_EQ(store.clear().entries, 1u);
  store.put("b", "payload of b");
  replace(files()[0], bytes);
  EXPECT_EQ(store.get("b"), std::nullopt);
}

TEST_F(Trouble, AFolderInPlaceOfAFile) {
  DiskStore store(settings());
  store.put("a", "payload");
  const auto file = files()[0];
  fs::remove(file);
  fs::create_directory(file);
  EXPECT_EQ(store.get("a"), std::nullopt);
  store.put("a", "payload");
  EXPECT_EQ(store.get("a"), "payload");
}

TEST_F(Trouble, AFileInPlaceOfAFolder) {
  DiskStore store(settings());
  store.put("a", "payload");
  const auto folder = files()[0].parent_path();
  fs::remove_all(folder);
  replace(folder, "file");
  EXPECT_EQ(store.get("a"), std::nullopt);
  store.put("a", "payload");
  EXPECT_EQ(store.get("a"), "payload");
  EXPECT_TRUE(warnings.empty());
}

TEST_F(Trouble, AFolderThatIsALinkIsNotFollowed) {
  DiskStore store(settings());
  store.put("a", "payload");
  const auto folder = files()[0].parent_path();
  const auto elsewhere = root.path() / "elsewhere";
  fs::rename(folder, elsewhere);
  fs::create_directory_symlink(elsewhere, folder);
  EXPECT_EQ(store.get("a"), std::nullopt);
  EXPECT_EQ(store.usage().entries, 0u);
  store.put("a", "other");
  EXPECT_EQ(store.get("a"), "other");
  for (const auto& entry : fs::directory_iterator(elsewhere)) {
    EXPECT_NE(content(entry.path()).find("payload"), std::string::npos) << "what the link names must stay";
  }
}

TEST_F(Trouble, ADirectoryThatMayOnlyBeRead) {
  DiskStore(settings()).put("a", "payload");
  const auto cache = root.path() / "cache";
  const auto set_mode = [&](mode_t mode) {
    for (const auto& entry : fs::recursive_directory_iterator(cache)) {
      if (entry.is_directory()) ::chmod(entry.path().c_str(), mode);
    }
    ::chmod(cache.c_str(), mode);
  };
  set_mode(0500);
  EXPECT_TRUE(right_for_nobody([&] {
    DiskStore store(settings());
    store.put("b", "payload");
    store.put("c", "payload");
    const auto cleared = store.clear();
    return store.get("a") == "payload" && !store.get("b") && store.counters().failed_writes == 2 &&
           warnings.size() == 1 && cleared.entries == 0 && cleared.left == 1 && cleared.problem.empty();
  }));
  set_mode(0700);
}

TEST_F(Trouble, ASymbolicLinkIsNotFollowed) {
  DiskStore store(settings());
  store.put("a", "payload");
  const auto file = files()[0];
  const auto elsewhere = root.path() / "elsewhere";
  fs::rename(file, elsewhere);
  fs::create_symlink(elsewhere, file);
  EXPECT_EQ(store.get("a"), std::nullopt);
  EXPECT_TRUE(fs::exists(elsewhere)) << "what the link names must stay";
  store.put("a", "payload");
  EXPECT_EQ(store.get("a"), "payload");
}

// The limit of descriptors that leaves the process `count` to open.
rlim_t descriptors_with_free(rlim_t count) {
  const int next = ::dup(STDERR_FILENO);  // the lowest that is free; none above it is in use
  ::close(next);
  return static_cast<rlim_t>(next) + count;
}

TEST_F(Trouble, AnEntryThatNoDescriptorIsLeftForIsAMissAndStays) {
  for (const rlim_t left : {0U, 1U}) {  // not even its folder can be opened; the folder can
    DiskStore store(settings());
    store.put("a", "payload");
    warnings.clear();
    {
      const test::ResourceLimit few(RLIMIT_NOFILE, descriptors_with_free(left));
      EXPECT_EQ(store.get("a"), std::nullopt);
      EXPECT_EQ(store.usage().entries, left);  // a listing has one folder open at a time
    }
    EXPECT_EQ(store.counters().corrupt, 0u);
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_EQ(warnings[0], "cannot read from the disk cache " + store.directory() + ": Too many open files");
    EXPECT_EQ(store.get("a"), "payload") << left;
  }
}

TEST_F(Trouble, AFolderThatMayNotBeReadDoesNotHideTheOthers) {
  constexpr std::size_t kEntries = 40;  // in some three dozen folders
  {
    DiskStore store(settings());
    for (std::size_t i = 0; i < kEntries; ++i) store.put("key" + std::to_string(i), "payload");
  }
  const auto folder = fs::directory_iterator(root.path() / "cache")->path();  // the one that a listing finds first
  const auto hidden = static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  ::chmod(folder.c_str(), 0);
  EXPECT_TRUE(right_for_nobody([&] {
    DiskStore store(settings());
    const auto seen = kEntries - hidden;
    return store.usage().entries == seen && store.verify().entries == seen && store.clear().entries == seen && warnings.size() == 1;
  }));
  ::chmod(folder.c_str(), 0700);
}

TEST_F(Trouble, UnusableDirectories) {
  const auto cache = root.path() / "cache";
  const struct {
    const char* name;
    std::function<void()> spoil;
  } kCases[] = {
      {"a link", [&] { fs::create_directory(root.path() / "real"); fs::create_directory_symlink(root.path() / "real", cache); }},
      {"a file", [&] { replace(cache, "file"); }},
      {"writable by others", [&] { fs::create_directory(cache); ::chmod(cache.c_str(), 0777); }},
  };
  for (const auto& c : kCases) {
    fs::remove_all(cache);
    c.spoil();
    warnings.clear();
    DiskStore store(settings());
    store.put("a", "payload");
    EXPECT_EQ(store.get("a"), std::nullopt) << c.name;
    EXPECT_EQ(store.usage().entries, 0u);
    EXPECT_EQ(store.verify().entries, 0u);
    EXPECT_EQ(store.clear().entries, 0u);
    EXPECT_EQ(warnings.size(), 1u) << c.name;
    EXPECT_NE(store.usage().problem.find(cache.string()), std::string::npos) << c.name;
    EXPECT_EQ(store.verify().problem, store.usage().problem) << c.name;
    EXPECT_EQ(store.clear().problem, store.usage().problem) << c.name;
  }
  auto nowhere = settings();
  nowhere.directory = "/proc/no/such/place";
  warnings.clear();
  DiskStore store(nowhere);
  store.put("a", "payload");
  EXPECT_EQ(store.get("a"), std::nullopt);
  EXPECT_EQ(warnings.size(), 1u);
}

TEST_F(Trouble, TheWarningSaysWhyTheFolderAboveCannotBeMade) {
  fs::create_directory_symlink(root.path() / "missing", root.path() / "link");
  auto below = settings();
  below.directory = (root.path() / "link" / "cache").string();
  warnings.clear();
  DiskStore store(below);
  store.put("a", "payload");
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].find("No such file"), std::string::npos) << warnings[0];
}

TEST_F(Trouble, AForeignDirectoryIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  const auto cache = root.path() / "cache";
  fs::create_directory(cache);
  ::chmod(cache.c_str(), 0700);
  ASSERT_EQ(::chown(cache.c_str(), 12345, 12345), 0);
  DiskStore store(settings());
  store.put("a", "payload");
  EXPECT_EQ(store.get("a"), std::nullopt);
  EXPECT_EQ(warnings.size(), 1u);
}

TEST_F(Trouble, ADirectoryThatVanishes) {
  DiskStore store(settings());
  store.put("a", "payload");
  fs::remove_all(root.path() / "cache");
  EXPECT_EQ(store.get("a"), std::nullopt);
  store.put("a", "payload");  // may or may not be kept, but must not fail
  EXPECT_EQ(store.counters().corrupt, 0u);
}

TEST_F(Trouble, AFullDisk) {
  DiskStore store(settings());
  store.put("small", "payload");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  store.put("large", std::string(100000, 'x'));
  store.put("large", std::string(100000, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(store.counters().failed_writes, 2u);
  EXPECT_EQ(warnings.size(), 1u);
  EXPECT_EQ(store.get("large"), std::nullopt);
  EXPECT_EQ(store.get("small"), "payload");
  EXPECT_EQ(files().size(), 1u) << "half a file is left";
  store.put("large", std::string(100000, 'x'));
  EXPECT_TRUE(store.get("large"));
}

}  // namespace
}  // namespace anymetal::testing
