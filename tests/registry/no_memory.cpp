// One allocation fails, each in turn: what was asked for may fail, what is asked for next must not, and nothing that
// is used is let go. The allocator fills what is freed, so that a reader of it sees.

#include <anymetal/warm_up.hpp>
#include <functional>
#include <new>
#include <optional>

#include "cache/disk_store.hpp"
#include "cache/temporary_directory.hpp"
#include "registry/fixture.hpp"
#include "support/allocation_count.hpp"

namespace anymetal::testing {
namespace {

/// What one round works with; made before an allocation fails.
struct Round {
  Round() {
    cache::StoreSettings settings;
    settings.directory = (root.path() / "cache").string();
    settings.warn = [](std::string_view) {};
    store = std::make_shared<cache::DiskStore>(std::move(settings));
    registry.emplace(compiler, store);
    registry->register_source("k", "kernel k\nconstant N 1\nversion 1");
  }

  TemporaryDirectory root;
  std::shared_ptr<FakeCompiler> compiler = std::make_shared<FakeCompiler>();
  std::shared_ptr<FakeBackend> backend = std::make_shared<FakeBackend>();
  Device device{backend};
  std::shared_ptr<cache::DiskStore> store;
  std::optional<KernelRegistry> registry;
};

/// Runs `step` in a new round with the first, second, third... of its allocations failing, until it has none left to
/// fail; then `check` without failures. Returns how many failed.
template <class Prepare, class Step, class Check>
std::size_t with_each_failing(Prepare prepare, Step step, Check check) {
  for (std::size_t before = 0;; ++before) {
    SCOPED_TRACE(before);
    Round round;
    prepare(round);
    bool has_failed = false;
    {
      const FailingAllocations failing(before, 1);
      try {
        step(round);
      } catch (const std::bad_alloc&) {  // its caller's to see
      }
      has_failed = failing.happened();
    }
    check(round);
    if (!has_failed || ::testing::Test::HasFailure()) return before;
  }
}

void nothing(Round&) {}

TEST(NoMemory, ARequestCanBeMadeAgain) {
  const auto failed = with_each_failing(
      nothing, [](Round& round) { (void)round.registry->get_pipeline("k", round.device); },
      [](Round& round) {
        const auto pipeline = round.registry->get_pipeline("k", round.device);
        ASSERT_TRUE(pipeline) << pipeline.error().message();
        EXPECT_EQ((*pipeline)->label(), "k");
        EXPECT_EQ(round.registry->cached_count(), 1U);
        EXPECT_EQ(round.store->verify().damaged, 0U);
      });
  EXPECT_GT(failed, 100U);
}

TEST(NoMemory, ARequestThatFailedCanBeMadeAgain) {
  with_each_failing(
      [](Round& round) {
        round.compiler->on_generate = [](std::string_view, auto) -> Result<void> {
          return fail(ErrorCode::DeviceLost, "gone");
        };
      },
      [](Round& round) { (void)round.registry->get_pipeline("k", round.device); },
      [](Round& round) {
        round.compiler->on_generate = nullptr;
        EXPECT_TRUE(round.registry->get_pipeline("k", round.device));
      });
}

TEST(NoMemory, ASourceIsReplacedOrNot) {
  with_each_failing(
      [](Round& round) {
        round.registry->register_source("other", "kernel other");
        ASSERT_TRUE(round.registry->get_pipeline("k", round.device));
        ASSERT_TRUE(round.registry->get_pipeline("other", round.device));
        ASSERT_TRUE(round.registry->get_pipeline_with_constants("k", round.device, {FunctionConstant{1U, 3}}));
      },
      [](Round& round) { round.registry->register_source("k", "kernel k\nconstant N 1\nversion 2"); },
      [](Round& round) {
        const auto now = round.registry->get_pipeline("k", round.device);
        const auto variant = round.registry->get_pipeline_with_constants("k", round.device, {FunctionConstant{1U, 3}});
        ASSERT_TRUE(now && variant && round.registry->get_pipeline("other", round.device));
        EXPECT_EQ((*now)->execution_path(), (*variant)->execution_path());
        round.registry->register_source("k", "kernel k\nconstant N 1\nversion 3");
        EXPECT_EQ(round.registry->get_pipeline("k", round.device).value()->execution_path(), "3");
      });
}

TEST(NoMemory, AnEntryThatCannotBeLoadedForNowStays) {
  Round round;
  ASSERT_TRUE(round.registry->get_pipeline("k", round.device));
  const auto in_a_later_process = [&] {
    KernelRegistry later(round.compiler, round.store);
    later.register_source("k", "kernel k\nconstant N 1\nversion 1");
    return later.get_pipeline("k", round.device);
  };
  round.backend->on_load = [](const device::Artifact&) -> Result<void> {
    return fail(ErrorCode::OutOfMemory, "none left");
  };
  EXPECT_EQ(in_a_later_process().error().code(), ErrorCode::OutOfMemory);
  round.backend->on_load = nullptr;
  const int generated = round.compiler->generates;
  EXPECT_TRUE(in_a_later_process());
  EXPECT_EQ(round.compiler->generates, generated);
  EXPECT_EQ(round.store->counters().corrupt, 0U);
}

TEST(NoMemory, TheDiskCacheOnlyMisses) {
  with_each_failing(
      nothing,
      [](Round& round) {
        round.store->put("key", std::string_view("payload"));
        const auto found = round.store->get("key");
        EXPECT_TRUE(!found || *found == "payload");
      },
      [](Round& round) {
        EXPECT_EQ(round.store->verify().damaged, 0U);
        round.store->put("key", std::string_view("payload"));
        EXPECT_EQ(round.store->get("key"), "payload");
      });
}

}  // namespace
}  // namespace anymetal::testing
