#include "registry/pipeline_flight.hpp"

#include "registry/flight.hpp"

#include <utility>

namespace anymetal::registry {

PipelineFlight::PipelineFlight(Result<PipelinePtr> answer) : begun_(1), result_(std::move(answer)) {}

bool PipelineFlight::begin() {
  unsigned nobody = 0;
  return begun_.compare_exchange_strong(nobody, 1 + forks());
}

void PipelineFlight::fly() {
  if (!begin()) return;
  auto result = guarded<PipelinePtr>([&] { return work_(*this); });
  work_ = nullptr;
  land(std::move(result));
}

void PipelineFlight::call_off(const Error& error) {
  if (!begin()) return;
  work_ = nullptr;
  land(std::unexpected(error));
}

void PipelineFlight::land(Result<PipelinePtr> result) {
  std::vector<PipelineCallback> callbacks;
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
    callbacks.swap(callbacks_);
    landed_.notify_all();
  }
  for (const auto& callback : callbacks) callback(*result_);  // never written again
}

bool PipelineFlight::has_landed() const {
  const std::lock_guard lock(mutex_);
  return result_.has_value();
}

Result<PipelinePtr> PipelineFlight::wait() {
  fly();
  std::unique_lock lock(mutex_);
  if (!result_ && begun_ != 1 + forks()) return std::unexpected(begun_before_fork());
  landed_.wait(lock, [&] { return result_.has_value(); });
  return *result_;
}

bool PipelineFlight::wait_for(std::chrono::nanoseconds time) const {
  std::unique_lock lock(mutex_);
  return landed_.wait_for(lock, time, [&] { return result_.has_value(); });
}

void PipelineFlight::on_landing(PipelineCallback& callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!result_) {
      callbacks_.push_back(std::move(callback));
      return;
    }
  }
  callback(*result_);
}

}  // namespace anymetal::registry
