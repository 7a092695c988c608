#include "device/cuda/submission.hpp"

#include <utility>

namespace anymetal::device::cuda {

Submission::Submission(std::shared_ptr<Context> context, std::function<std::string()> describe)
    : context_(std::move(context)), describe_(std::move(describe)) {
  context_->add_running(*this);
}

Submission::~Submission() {
  context_->remove_running(*this);
  for (const auto& end : ends_) context_->events().give_back(end.event);
}

Result<void> Submission::close(unsigned stream) {
  auto event = context_->events().take();
  if (!event) return std::unexpected(event.error());
  const CUresult r = context_->driver().event_record(*event, context_->streams().handle(stream));
  ends_.push_back({context_->streams().latest(stream), *event});
  return context_->check(r, "recording an event");
}

bool Submission::finished() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return false;  // another thread is waiting for it
  if (outcome_) return true;
  const Context::Scope scope(*context_);
  for (const auto& end : ends_) {
    if (context_->driver().event_query(end.event) == kErrorNotReady) return false;
  }
  return true;
}

Result<void> Submission::wait() {
  const std::lock_guard lock(mutex_);
  if (outcome_) return *outcome_;
  const Context::Scope scope(*context_);
  Result<void> outcome;
  for (const auto& end : ends_) {
    const CUresult r = context_->driver().event_synchronize(end.event);
    if (r != kSuccess && outcome) outcome = context_->check(r, "running " + describe());
  }
  settle(std::move(outcome));
  return *outcome_;
}

void Submission::settle(Result<void> outcome) {
  if (outcome) {
    const std::lock_guard lock(context_->submit_mutex());
    for (const auto& end : ends_) context_->streams().note_finished(end.moment);
  }
  if (outcome && action_) action_();
  action_ = nullptr;
  outcome_ = std::move(outcome);
  kept_.clear();
  context_->remove_running(*this);
  describe_ = nullptr;  // holds what ran
}

}  // namespace anymetal::device::cuda
