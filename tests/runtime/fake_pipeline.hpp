#pragma once

#include <anymetal/command_encoder.hpp>

#include "runtime/pipeline_state.hpp"
#include "support/fake_device.hpp"

namespace anymetal::testing {

struct Params {
  std::uint32_t rows;
  std::uint32_t columns;
};

inline Argument device_argument(std::string name, unsigned index, Access access = Access::ReadWrite) {
  Argument a;
  a.name = std::move(name);
  a.index = index;
  a.type = "float4";
  a.access = access;
  a.element_size = 16;
  a.element_alignment = 16;
  return a;
}

inline Argument params_argument(std::string name, unsigned index) {
  Argument a;
  a.name = std::move(name);
  a.index = index;
  a.type = "Params";
  a.element_size = sizeof(Params);
  a.element_alignment = alignof(Params);
  a.is_reference = true;
  a.is_constant = true;
  return a;
}

inline Argument threadgroup_argument(std::string name, unsigned index) {
  Argument a;
  a.name = std::move(name);
  a.kind = ArgumentKind::Threadgroup;
  a.index = index;
  a.type = "float";
  a.access = Access::ReadWrite;
  a.element_size = 4;
  a.element_alignment = 4;
  return a;
}

/// A pipeline that nothing compiled.
inline PipelinePtr make_pipeline(std::shared_ptr<device::Backend> backend, std::vector<Argument> arguments,
                                 std::size_t max_threads = 1024, std::size_t static_memory = 0) {
  auto state = std::make_shared<detail::PipelineState>();
  state->label = "k|1:i2";
  state->backend = std::move(backend);
  state->executable = std::make_shared<const FakeExecutable>(max_threads);
  state->reflection.name = "k";
  state->reflection.arguments = std::move(arguments);
  state->reflection.static_threadgroup_memory = static_memory;
  state->max_threads = max_threads;
  return std::make_shared<const ComputePipeline>(std::move(state));
}

}  // namespace anymetal::testing
