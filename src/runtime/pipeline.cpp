#include "runtime/pipeline_state.hpp"

#include <utility>

namespace anymetal {

namespace {
constexpr std::size_t kSimdgroupWidth = 32;
}

ComputePipeline::ComputePipeline(std::shared_ptr<const detail::PipelineState> state) : state_(std::move(state)) {}
ComputePipeline::~ComputePipeline() = default;

std::string_view ComputePipeline::label() const { return state_->label; }
std::size_t ComputePipeline::thread_execution_width() const { return kSimdgroupWidth; }
std::size_t ComputePipeline::max_total_threads_per_threadgroup() const { return state_->max_threads; }
Size ComputePipeline::required_threads_per_threadgroup() const {
  const auto& threads = state_->reflection.required_threads;
  return {threads[0], threads[1], threads[2]};
}
std::size_t ComputePipeline::static_threadgroup_memory_length() const { return state_->reflection.static_threadgroup_memory; }
std::span<const Argument> ComputePipeline::arguments() const { return state_->reflection.arguments; }
std::span<const Diagnostic> ComputePipeline::diagnostics() const { return state_->warnings; }
std::string_view ComputePipeline::execution_path() const { return state_->execution_path; }

}  // namespace anymetal
