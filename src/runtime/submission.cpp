#include <anymetal/submission.hpp>

#include "device/backend.hpp"

#include <utility>

namespace anymetal {

Submission::Submission(std::shared_ptr<device::Backend> backend, std::shared_ptr<device::Work> work)
    : backend_(std::move(backend)), work_(std::move(work)) {}

bool Submission::is_complete() const { return work_->finished(); }
Result<void> Submission::wait() const { return work_->wait(); }

}  // namespace anymetal
