#include <anymetal/pipeline_future.hpp>
#include <utility>

#include "registry/compile_pool.hpp"
#include "registry/pipeline_flight.hpp"

namespace anymetal {

PipelineFuture::PipelineFuture(std::shared_ptr<registry::CompilePool> pool,
                               std::shared_ptr<registry::PipelineFlight> flight)
    : pool_(std::move(pool)), flight_(std::move(flight)) {}

PipelineFuture::~PipelineFuture() { cancel(); }
PipelineFuture::PipelineFuture(PipelineFuture&& other) noexcept = default;

PipelineFuture& PipelineFuture::operator=(PipelineFuture&& other) noexcept {
  if (this == &other) return *this;
  cancel();
  pool_ = std::move(other.pool_);
  flight_ = std::move(other.flight_);
  return *this;
}

bool PipelineFuture::ready() const { return flight_ == nullptr || flight_->has_landed(); }

Result<PipelinePtr> PipelineFuture::wait() {
  if (flight_ == nullptr) return fail(ErrorCode::Cancelled, "the request was cancelled");
  return flight_->wait();
}

bool PipelineFuture::wait_for(std::chrono::nanoseconds time) {
  if (ready()) return true;
  pool_->submit(flight_, CompilePriority::Awaited);
  return flight_->wait_for(time);
}

void PipelineFuture::cancel() {
  if (const auto flight = std::exchange(flight_, nullptr)) flight->leave();
  pool_.reset();
}

}  // namespace anymetal
