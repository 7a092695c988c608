#include "run/time_limit.hpp"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "parts/output.hpp"

namespace anymetal::cli {

TimeLimit::TimeLimit(std::chrono::seconds limit, Error error, bool json) {
  if (limit == std::chrono::seconds::zero()) return;
  thread_ = std::thread([this, limit, json, said = std::move(error)] {
    std::unique_lock lock(mutex_);
    if (ends_.wait_for(lock, limit, [this] { return is_over_; })) return;
    const Exit status = report(said, json);
    std::fflush(nullptr);
    ::_exit(static_cast<int>(status));
  });
}

TimeLimit::~TimeLimit() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    is_over_ = true;
  }
  ends_.notify_one();
  thread_.join();
}

}  // namespace anymetal::cli
