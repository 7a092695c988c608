// What a healthy store keeps, counts and throws out.

#include "cache/fixture.hpp"

#include <thread>

namespace anymetal::testing {
namespace {

using cache::DiskStore;

class Store : public StoreTest {};

TEST_F(Store, KeepsWhatWasPut) {
  DiskStore store(settings());
  EXPECT_EQ(store.get("a"), std::nullopt);
  store.put("a", "one");
  store.put("b", std::string(100000, 'x'));
  store.put("", "");
  EXPECT_EQ(store.get("a"), "one");
  EXPECT_EQ(store.get("b"), std::string(100000, 'x'));
  EXPECT_EQ(store.get(""), "");
  store.put("a", "two");
  EXPECT_EQ(store.get("a"), "two");
  const auto counters = store.counters();
  EXPECT_EQ(counters.hits, 4u);
  EXPECT_EQ(counters.misses, 1u);
  EXPECT_EQ(counters.writes, 4u);
  EXPECT_EQ(counters.corrupt, 0u);
  EXPECT_EQ(store.usage().entries, 3u);
  EXPECT_TRUE(warnings.empty());
}

TEST_F(Store, AnotherStoreFindsIt) {
  DiskStore(settings()).put("a", "one");
  EXPECT_EQ(DiskStore(settings()).get("a"), "one");
}

TEST_F(Store, IsPrivate) {
  DiskStore store(settings());
  store.put("a", "one");
  const auto others = fs::perms::group_all | fs::perms::others_all;
  EXPECT_EQ(fs::status(root.path() / "cache").permissions() & others, fs::perms::none);
  ASSERT_EQ(files().size(), 1u);
  EXPECT_EQ(fs::status(files()[0]).permissions() & others, fs::perms::none);
}

TEST_F(Store, EvictsTheLeastRecentlyUsed) {
  auto limited = settings();
  limited.size_limit = 10 * 1100;
  DiskStore store(limited);
  const std::string kilobyte(1000, 'x');
  const auto set_back = [&](int minutes) {
    for (const auto& file : files()) fs::last_write_time(file, fs::last_write_time(file) - std::chrono::minutes(minutes));
  };
  for (int i = 0; i < 9; ++i) {
    store.put("old" + std::to_string(i), kilobyte);
    set_back(1);
  }
  ASSERT_TRUE(store.get("old0"));  // the oldest, now the latest used
  for (int i = 0; i < 4; ++i) store.put("new" + std::to_string(i), kilobyte);
  EXPECT_LE(store.usage().bytes, limited.size_limit);
  EXPECT_GT(store.counters().evictions, 0u);
  EXPECT_TRUE(store.get("old0"));
  EXPECT_FALSE(store.get("old1"));
  EXPECT_TRUE(store.get("new3"));
}

TEST_F(Store, WhatIsLargerThanTheLimitIsNotKept) {
  auto limited = settings();
  limited.size_limit = 100;
  DiskStore store(limited);
  store.put("a", std::string(200, 'x'));
  store.put("b", std::string(300, 'x'));
  EXPECT_FALSE(store.get("a"));
  EXPECT_EQ(store.counters().writes, 0u);
  EXPECT_EQ(store.counters().refused, 2u);
  EXPECT_EQ(warnings.size(), 1u) << "said once";
}

// Above nine tenths of the limit, to which the rest is removed.
TEST_F(Store, WhatFillsTheCacheAloneIsKept) {
  auto limited = settings();
  limited.size_limit = 2000;
  DiskStore store(limited);
  store.put("small", std::string(100, 'x'));
  store.put("large", std::string(1800, 'x'));
  EXPECT_TRUE(store.get("large"));
  EXPECT_FALSE(store.get("small"));
  EXPECT_EQ(store.counters().evictions, 1u);
  store.put("other", std::string(1800, 'x'));
  EXPECT_TRUE(store.get("other"));
  EXPECT_FALSE(store.get("large"));
  EXPECT_LE(store.usage().bytes, limited.size_limit);
}

TEST_F(Store, AFileFromTheFutureIsAnOrdinaryFile) {
  DiskStore store(settings());
  store.put("a", "one");
  fs::last_write_time(files()[0], fs::file_time_type::clock::now() + std::chrono::hours(1000));
  EXPECT_EQ(store.get("a"), "one");
  EXPECT_EQ(store.verify().entries, 1u);
}

TEST_F(Store, AClockSetBackKeepsNothingForEver) {
  auto limited = settings();
  limited.size_limit = 10 * 1200;
  DiskStore store(limited);
  const std::string kilobyte(1000, 'x');
  store.put("of the future", kilobyte);
  fs::last_write_time(files()[0], fs::file_time_type::clock::now() + std::chrono::hours(1000));
  for (int i = 0; i < 12; ++i) store.put("k" + std::to_string(i), kilobyte);
  EXPECT_GT(store.counters().evictions, 0u);
  EXPECT_FALSE(store.get("of the future"));
  EXPECT_TRUE(store.get("k11"));
  EXPECT_EQ(store.counters().corrupt, 0u);
}

TEST_F(Store, AReadPutsAFileOfTheFutureBackInLine) {
  DiskStore store(settings());
  store.put("a", "one");
  fs::last_write_time(files()[0], fs::file_time_type::clock::now() + std::chrono::hours(1000));
  ASSERT_TRUE(store.get("a"));
  EXPECT_LT(fs::last_write_time(files()[0]), fs::file_time_type::clock::now() + std::chrono::hours(1));
}

TEST_F(Store, VerifyRemovesTheDamagedAndClearRemovesAll) {
  DiskStore store(settings());
  for (int i = 0; i < 10; ++i) store.put("k" + std::to_string(i), "payload");
  replace(files()[3], "rubbish");
  const auto misplaced = files()[5].parent_path() / "ffffffffffffffffffffffffffffff";
  fs::rename(files()[5], misplaced);
  const auto found = store.verify();
  EXPECT_EQ(found.damaged, 2u);
  EXPECT_EQ(found.entries, 8u);
  EXPECT_EQ(store.verify().damaged, 0u);
  EXPECT_EQ(store.clear().entries, 8u);
  EXPECT_EQ(store.usage().entries, 0u);
}

TEST_F(Store, FilesOfOthersAreLeftAlone) {
  auto limited = settings();
  limited.size_limit = 5000;
  DiskStore store(limited);
  store.put("a", "one");
  const auto models = root.path() / "cache" / "models";
  fs::create_directory(models);
  replace(models / "large.gguf", std::string(100000, 'x'));
  replace(root.path() / "cache" / "README", "hello");
  fs::last_write_time(models / "large.gguf", fs::file_time_type::clock::now() - std::chrono::hours(1000));
  for (int i = 0; i < 20; ++i) store.put("k" + std::to_string(i), std::string(1000, 'y'));
  EXPECT_GT(store.counters().evictions, 0u);
  EXPECT_EQ(store.verify().damaged, 0u);
  (void)store.clear();
  EXPECT_TRUE(fs::exists(models / "large.gguf"));
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(Store, ManyThreads) {
  DiskStore store(settings());
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 60; ++i) {
        const auto key = "k" + std::to_string(i % 20);
        store.put(key, std::string(500, static_cast<char>('a' + i % 20)));
        const auto got = store.get(key);
        EXPECT_TRUE(got && *got == std::string(500, static_cast<char>('a' + i % 20)));
      }
    });
  }
  threads.clear();
  EXPECT_EQ(store.counters().corrupt, 0u);
  EXPECT_EQ(store.usage().entries, 20u);
  EXPECT_EQ(files().size(), 20u) << "temporary files are left";
}

}  // namespace
}  // namespace anymetal::testing
