// Everything at once: asking in all ways, registering, invalidating, evicting, damaging, dispatching. Short by default;
// ANYMETAL_STRESS_SECONDS=600 runs it that long, ANYMETAL_STRESS_SEED=N from another start.

#include <anymetal/command_encoder.hpp>
#include <anymetal/warm_up.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>

#include "cache/disk_store.hpp"
#include "cache/temporary_directory.hpp"
#include "device/cpu/worker_pool.hpp"
#include "registry/fixture.hpp"

namespace anymetal::testing {
namespace {

using Clock = std::chrono::steady_clock;

unsigned long number_from(const char* variable, unsigned long otherwise) {
  const char* value = std::getenv(variable);
  return value != nullptr ? std::strtoul(value, nullptr, 10) : otherwise;
}

constexpr int kKernels = 5;
constexpr int kVariants = 8;

class Stress {
 public:
  Stress() {
    compiler->arguments.resize(1);
    backend->on_execute = [this](const device::CommandList& list) -> Result<void> {
      const std::lock_guard lock(pool_mutex);  // one run at a time
      pieces_done = 0;
      pieces_left = 64;
      parking.wake();
      const auto seat = pool.take_seat();
      pool.work_until(seat, [this] { return pieces_done == 64; });
      pool.leave_seat(seat);
      dispatched += list.dispatches.size();
      return {};
    };
    for (int i = 0; i < kKernels; ++i) register_one(i, 0);
  }

  void run(unsigned threads, Clock::time_point end, std::size_t most_steps, unsigned long seed) {
    std::vector<std::jthread> all;
    for (unsigned t = 0; t < threads; ++t) {
      all.emplace_back([=, this] {
        std::mt19937_64 random(seed * 1000 + t);
        std::vector<PipelineFuture> held;
        CommandEncoder encoder = *device.make_command_encoder();
        for (std::size_t step = 0; step < most_steps && Clock::now() < end; ++step) this->step(random, held, encoder);
      });
    }
  }

  std::shared_ptr<FakeCompiler> compiler = std::make_shared<FakeCompiler>();
  std::shared_ptr<FakeBackend> backend = std::make_shared<FakeBackend>();
  Device device{backend};
  std::atomic<std::size_t> dispatched{0};
  std::atomic<std::size_t> callbacks{0};

 private:
  static std::string name_of(int kernel) { return "k" + std::to_string(kernel); }

  void register_one(int kernel, int version) {
    const auto name = name_of(kernel);
    registry.register_source(name, "kernel " + name + "\nconstant N 1\nversion " + std::to_string(version));
  }

  static void expect_right(const Result<PipelinePtr>& pipeline, const std::string& label) {
    if (pipeline) {
      EXPECT_EQ((*pipeline)->label(), label);
    } else {
      EXPECT_EQ(pipeline.error().code(), ErrorCode::Cancelled) << pipeline.error().message();
    }
  }

  void dispatch(const PipelinePtr& pipeline, CommandEncoder& encoder) {
    auto buffer = device.make_buffer(256).value();
    encoder.set_pipeline(pipeline);
    encoder.set_buffer(0, buffer);
    encoder.dispatch_threads({64}, {32});
    const auto done = encoder.commit_and_wait();
    EXPECT_TRUE(done) << done.error().message();
  }

  void damage(std::mt19937_64& random) {
    std::vector<std::filesystem::path> files;
    std::error_code gone;
    for (std::filesystem::recursive_directory_iterator at(root.path() / "cache", gone), end; !gone && at != end;
         at.increment(gone)) {
      std::error_code ignored;
      if (at->is_regular_file(ignored)) files.push_back(at->path());
    }
    if (files.empty()) return;
    const auto& file = files[random() % files.size()];
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(static_cast<std::streamoff>(random() % 200));
    out.put(static_cast<char>(random()));
  }

  void step(std::mt19937_64& random, std::vector<PipelineFuture>& held, CommandEncoder& encoder) {
    const int kernel = static_cast<int>(random() % kKernels);
    const int variant = static_cast<int>(random() % kVariants);
    const auto name = name_of(kernel);
    const auto label = name + "|1:i" + std::to_string(variant);
    const std::vector<FunctionConstant> constants{{1u, variant}};
    const auto priority = static_cast<CompilePriority>(random() % 3);
    switch (random() % 20) {
      case 0:
        register_one(kernel, static_cast<int>(random() % 3));
        break;
      case 1:
        held.clear();
        break;
      case 2:
        (void)store->clear();
        break;
      case 3:
        (void)store->verify();
        break;
      case 4:
        damage(random);
        break;
      case 5:
        registry.get_pipeline_async(
            name, device, constants,
            [this, label](const Result<PipelinePtr>& pipeline) {
              expect_right(pipeline, label);
              ++callbacks;
            },
            priority);
        break;
      case 6:
        held.push_back(registry.get_pipeline_async(name, device, constants, priority));
        break;
      case 7:
        held.push_back(
            registry.get_pipeline_async(name, device, std::vector{FunctionConstant{"N", variant}}, priority));
        break;
      case 8:
        if (!held.empty()) {
          EXPECT_TRUE(held[random() % held.size()].wait());
        }
        break;
      case 9:
        if (!held.empty()) (void)held[random() % held.size()].wait_for(std::chrono::microseconds(random() % 100));
        break;
      case 10:
        (void)registry.statistics();
        break;
      case 11:
        EXPECT_LE(registry.cached_count(), static_cast<std::size_t>(kKernels * kVariants));
        break;
      case 12:
        (void)registry.is_cached(label);
        break;
      case 13: {
        const std::vector<std::string> keys{label, name_of(0) + "|1:i0"};
        for (const auto& error : warm_up(registry, device, keys, nullptr, 2).errors)
          EXPECT_EQ(error.code(), ErrorCode::Cancelled);
        break;
      }
      default: {
        const auto pipeline = registry.get_pipeline_with_constants(name, device, constants);
        ASSERT_TRUE(pipeline) << pipeline.error().message();
        expect_right(pipeline, label);
        dispatch(*pipeline, encoder);
      }
    }
    if (held.size() > 50) held.clear();
  }

  std::shared_ptr<cache::DiskStore> open_store() {
    cache::StoreSettings settings;
    settings.directory = (root.path() / "cache").string();
    settings.size_limit = 20 * 400;  // fewer than there are pipelines: something is evicted all the time
    settings.warn = [](std::string_view) {};
    return std::make_shared<cache::DiskStore>(std::move(settings));
  }

  TemporaryDirectory root;
  bool do_piece() {
    auto seen = pieces_left.load();
    while (seen > 0 && !pieces_left.compare_exchange_weak(seen, seen - 1)) {
    }
    // Whoever waits for the last piece may sleep by now.
    if (seen > 0 && ++pieces_done == 64) parking.hosts.wake();
    return seen > 0;
  }
  bool has_piece() const { return pieces_left > 0; }

  std::atomic<int> pieces_left{0};
  std::atomic<int> pieces_done{0};
  device::cpu::Parkings parking;
  device::cpu::WorkerPool pool{
      3, parking, {[this](unsigned) { return do_piece(); }, [this] { return has_piece(); }, [this] { return has_piece(); }}};
  std::mutex pool_mutex;
  std::shared_ptr<cache::DiskStore> store = open_store();

 public:
  KernelRegistry registry{compiler, store};  // last: its threads use the others
};

TEST(RegistryStress, EverythingAtOnce) {
  const auto seconds = number_from("ANYMETAL_STRESS_SECONDS", 0);
  const auto seed = number_from("ANYMETAL_STRESS_SEED", 1);
  const auto end = Clock::now() + std::chrono::seconds(seconds != 0 ? seconds : 60);
  const std::size_t steps = seconds != 0 ? SIZE_MAX : 400;
  Stress stress;
  stress.run(8, end, steps, seed);
  const auto statistics = stress.registry.statistics();
  EXPECT_EQ(statistics.failures, 0u);
  EXPECT_EQ(static_cast<int>(statistics.source_parses), stress.compiler->parses);
  EXPECT_EQ(static_cast<int>(statistics.compiles), stress.compiler->generates);
  EXPECT_GT(stress.dispatched, 0u);
  EXPECT_GT(statistics.memory_hits, 0u);
  EXPECT_GT(statistics.disk_hits, 0u);
  RecordProperty("compiles", static_cast<int>(statistics.compiles));
  std::printf(
      "compiles %zu, disk hits %zu, corrupt %zu, evictions %zu, waits %zu, cancelled %zu, dispatches %zu, callbacks "
      "%zu\n",
      statistics.compiles, statistics.disk_hits, statistics.disk_corrupt, statistics.disk_evictions, statistics.waits,
      statistics.cancelled, stress.dispatched.load(), stress.callbacks.load());
}

}  // namespace
}  // namespace anymetal::testing
