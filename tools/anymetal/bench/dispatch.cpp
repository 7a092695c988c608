// What it costs to give a device work: per dispatch, per submission, per copy.

#include <fmt/format.h>

#include <anymetal/anymetal.hpp>
#include <array>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/bench.hpp"
#include "commands/device_option.hpp"
#include "parts/number_option.hpp"
#include "parts/timing.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::size_t count = 1000;
  unsigned repeat = 20;
  DeviceArguments device;
  bool json = false;
};

constexpr const char* kSource = R"(#include <metal_stdlib>
kernel void bench_dispatch(device uint* x [[buffer(0)]], constant uint& step [[buffer(1)]],
                           uint i [[thread_position_in_grid]]) { x[i] += step; })";
constexpr std::size_t kThreads = 32;
constexpr std::size_t kIndependent = 4;
constexpr std::size_t kLargeCopy = std::size_t{256} << 20;

/// One line of the result: times of one action, divided by what it did.
struct Row {
  std::string what;
  Timing microseconds;
};

class Bench {
 public:
  Bench(Device device, const Options& options) : device_(std::move(device)), options_(options) {}

  Result<std::vector<Row>> run() {
    registry_.register_source("bench_dispatch", kSource);
    auto pipeline = registry_.get_pipeline("bench_dispatch", device_);
    if (!pipeline) return std::unexpected(pipeline.error());
    pipeline_ = *std::move(pipeline);
    for (auto& buffer : buffers_) {
      auto made = device_.make_buffer(kThreads * sizeof(std::uint32_t));
      if (!made) return std::unexpected(made.error());
      buffer = *std::move(made);
    }
    auto done = dispatches();
    if (done) done = recorded();
    if (done) done = copies();
    if (!done) return std::unexpected(done.error());
    return rows_;
  }

 private:
  /// Runs `action` once to warm up, then takes its times; each is divided by `parts` and given in microseconds.
  Result<void> time(std::string what, double parts, const std::function<Result<void>()>& action) {
    std::vector<double> times;
    Result<void> done = action();
    for (unsigned i = 0; i < options_.repeat && done; ++i) {
      const double milliseconds = measure([&] { done = action(); });
      times.push_back(milliseconds * 1000 / parts);
    }
    if (done) rows_.push_back({std::move(what), summarise(std::move(times))});
    return done;
  }

  /// Each dispatch after the one `buffers` before it.
  Result<CommandEncoder> encode(std::size_t count, std::size_t buffers) {
    auto encoder = device_.make_command_encoder();
    if (!encoder) return encoder;
    encoder->set_pipeline(pipeline_);
    for (std::size_t i = 0; i < count; ++i) {
      encoder->set_buffer(0, buffers_[i % buffers]);
      encoder->set_value(1, static_cast<std::uint32_t>(i));
      encoder->dispatch_threads({kThreads}, {kThreads});
    }
    return encoder;
  }
  Result<void> encode_and_run(std::size_t count, std::size_t buffers) {
    auto encoder = encode(count, buffers);
    return encoder ? encoder->commit_and_wait() : std::unexpected(encoder.error());
  }

  Result<void> dispatches() {
    const auto count = static_cast<double>(options_.count);
    auto done = time("encoding, per dispatch", count, [&]() -> Result<void> {
      auto encoder = encode(options_.count, 1);
      return encoder ? Result<void>() : std::unexpected(encoder.error());
    });
    if (done) done = time("one dispatch, commit and wait", 1, [&] { return encode_and_run(1, 1); });
    if (done) done = time("chain, per dispatch", count, [&] { return encode_and_run(options_.count, 1); });
    // No list like one before: each a dispatch longer.
    for (const std::size_t chains : {std::size_t{1}, kIndependent}) {
      std::size_t length = options_.count;
      const std::string what = chains == 1 ? "a new chain each time" : "four new chains each time";
      if (done) done = time(what + ", per dispatch", count, [&] { return encode_and_run(++length, chains); });
    }
    if (done) done = time("four chains, per dispatch", count, [&] { return encode_and_run(options_.count, kIndependent); });
    return done;
  }

  Result<void> recorded() {
    const auto count = static_cast<double>(options_.count);
    for (const std::size_t buffers : {std::size_t{1}, kIndependent}) {
      auto encoder = encode(options_.count, buffers);
      if (!encoder) return std::unexpected(encoder.error());
      auto commands = encoder->record();
      if (!commands) return std::unexpected(commands.error());
      const std::string kind = buffers == 1 ? "recorded chain" : "four recorded chains";
      if (auto done = time(kind + ", per dispatch", count, [&] { return commands->commit_and_wait(); }); !done) return done;
      if (buffers != 1) return {};
      std::optional<Submission> running;
      auto done = time(kind + ", commit alone, per dispatch", count, [&]() -> Result<void> {
        auto started = commands->commit();
        if (!started) return std::unexpected(started.error());
        running = *std::move(started);
        return {};
      });
      if (done) done = running->wait();
      if (!done) return done;
      done = time(kind + " with all arguments changed, per dispatch", count, [&]() -> Result<void> {
        for (std::size_t i = 0; i < options_.count; ++i) {
          if (auto set = commands->set_value(i, 1, ++step_); !set) return set;
        }
        return commands->commit_and_wait();
      });
      if (!done) return done;
    }
    return {};
  }

  Result<void> copies() {
    std::vector<std::byte> small(4);
    auto done = time("write of 4 bytes", 1, [&] { return buffers_[0].write(small); });
    if (done) done = time("read of 4 bytes", 1, [&] { return buffers_[0].read(small); });
    if (!done) return done;
    auto large = device_.make_buffer(kLargeCopy);
    if (!large) return std::unexpected(large.error());
    std::vector<std::byte> bytes(kLargeCopy);
    done = time("write of 256 MiB", 1, [&]() -> Result<void> {
      if (auto written = large->write(bytes); !written) return written;
      return large->read(std::span(small), kLargeCopy - small.size());  // when the copy has ended
    });
    if (done) done = time("read of 256 MiB", 1, [&] { return large->read(bytes); });
    return done;
  }

  Device device_;
  const Options& options_;
  KernelRegistry registry_;
  PipelinePtr pipeline_;
  std::array<Buffer, kIndependent> buffers_;
  std::uint32_t step_ = 0;
  std::vector<Row> rows_;
};

Exit bench_dispatch(const Options& options) {
  auto device = open_device(options.device);
  if (!device) return report(device.error(), options.json);
  const auto rows = Bench(*device, options).run();
  if (!rows) return report(rows.error(), options.json);
  if (options.json) {
    auto array = nlohmann::ordered_json::array();
    for (const Row& row : *rows) array.push_back({{"what", row.what}, {"microseconds", to_json(row.microseconds)}});
    print_json({{"device", device->info().id}, {"dispatches", options.count}, {"rows", array}});
    return Exit::Done;
  }
  fmt::print("{}, {} dispatches, median of {} runs\n", device->name(), options.count, options.repeat);
  for (const Row& row : *rows) {
    fmt::print("{:<54} {:12.3f} us (spread {:.3f})\n", row.what, row.microseconds.median, row.microseconds.spread);
  }
  return Exit::Done;
}

void declare(CLI::App& command, Options& options) {
  add_number_option<std::size_t>(command, "--count", options.count, "Dispatches of a command list", 1, 100'000);
  add_repeat_option(command, options.repeat);
  add_run_options(command, options.device, options.json);
}

}  // namespace

void add_bench_dispatch(CLI::App& bench, Action& action) {
  add_command<Options>(bench, action, "dispatch", "What it costs to give a device work: per dispatch, run and copy", declare,
                       bench_dispatch);
}

}  // namespace anymetal::cli
