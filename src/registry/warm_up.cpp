#include <anymetal/warm_up.hpp>

#include "registry/label_parser.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace anymetal {

namespace {

// What the compile threads report to while one warm-up runs.
class Tally {
 public:
  Tally(std::size_t total, std::size_t most, WarmUpProgress* progress) : total_(total), most_(most), progress_(progress) {}

  // Waits for room for one more; false where the caller wants no more.
  bool begin() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return running_ < most_ || stopped_; });
    if (stopped_) return false;
    ++running_;
    return true;
  }

  void end(const std::string& key, const Result<PipelinePtr>& pipeline) {
    const std::lock_guard lock(mutex_);
    --running_;
    ++done_;
    const std::optional<Error> error = pipeline ? std::nullopt : std::optional(pipeline.error().with_key(key));
    if (error) {
      result_.errors.push_back(*error);
    } else {
      ++result_.ready;
    }
    if (progress_ != nullptr && !progress_->on_pipeline(done_, total_, key, error ? &*error : nullptr)) stopped_ = true;
    changed_.notify_all();
  }

  WarmUpResult finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return running_ == 0; });
    return std::move(result_);
  }

 private:
  const std::size_t total_;
  const std::size_t most_;
  WarmUpProgress* const progress_;
  std::mutex mutex_;  // guards what follows, and progress_
  std::condition_variable changed_;
  std::size_t running_ = 0;
  std::size_t done_ = 0;
  bool stopped_ = false;
  WarmUpResult result_;
};

}  // namespace

WarmUpResult warm_up(KernelRegistry& registry, const Device& device, std::span<const std::string> keys,
                     WarmUpProgress* progress, unsigned threads) {
  // Shared: the last callback may still be leaving when this returns.
  const auto tally = std::make_shared<Tally>(keys.size(), threads != 0 ? threads : registry.compile_threads(), progress);
  for (const auto& key : keys) {
    if (!tally->begin()) break;
    const auto label = registry::parse_label(key);
    if (!label) {
      tally->end(key, std::unexpected(label.error()));
      continue;
    }
    registry.get_pipeline_async(label->name, device, label->constants,
                                [tally, key](const Result<PipelinePtr>& pipeline) { tally->end(key, pipeline); },
                                CompilePriority::Ahead);
  }
  return tally->finish();
}

Result<std::vector<std::string>> read_manifest(const std::string& path) {
  errno = 0;
  std::ifstream in(path);
  if (!in) return fail(ErrorCode::IoError, fmt::format("cannot read the manifest '{}': {}", path, std::strerror(errno)));
  std::vector<std::string> keys;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty() && line[0] != '#') keys.push_back(std::move(line));
  }
  if (in.bad()) return fail(ErrorCode::IoError, fmt::format("'{}' cannot be read to its end", path));
  return keys;
}

}  // namespace anymetal
