#include <anymetal/warm_up.hpp>

#include "registry/label_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <mutex>
#include <thread>
#include <utility>

namespace anymetal {

namespace {

Result<PipelinePtr> get(KernelRegistry& registry, const Device& device, const std::string& key) {
  auto label = registry::parse_label(key);
  if (!label) return std::unexpected(label.error().with_key(key));
  auto pipeline = registry.get_pipeline_with_constants(label->name, device, label->constants);
  if (!pipeline) return std::unexpected(pipeline.error().with_key(key));
  return pipeline;
}

}  // namespace

WarmUpResult warm_up(KernelRegistry& registry, const Device& device, std::span<const std::string> keys,
                     WarmUpProgress* progress, unsigned threads) {
  WarmUpResult result;
  std::mutex mutex;  // guards result, done and progress
  std::size_t done = 0;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stopped{false};
  const auto work = [&] {
    while (!stopped) {
      const std::size_t at = next++;
      if (at >= keys.size()) return;
      const auto pipeline = get(registry, device, keys[at]);
      const std::lock_guard lock(mutex);
      ++done;
      if (pipeline) {
        ++result.ready;
      } else {
        result.errors.push_back(pipeline.error());
      }
      const Error* error = pipeline ? nullptr : &pipeline.error();
      if (progress != nullptr && !progress->on_pipeline(done, keys.size(), keys[at], error)) stopped = true;
    }
  };
  const std::size_t wanted = threads != 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(wanted, keys.size()); ++i) helpers.emplace_back(work);
  work();
  helpers.clear();
  return result;
}

Result<std::vector<std::string>> read_manifest(const std::string& path) {
  std::ifstream in(path);
  if (!in) return fail(ErrorCode::IoError, fmt::format("cannot read the manifest '{}'", path));
  std::vector<std::string> keys;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty() && line[0] != '#') keys.push_back(std::move(line));
  }
  if (in.bad()) return fail(ErrorCode::IoError, fmt::format("'{}' cannot be read to its end", path));
  return keys;
}

}  // namespace anymetal
