#pragma once
/// \file
/// From a source and a key to a pipeline: parse, pick the entry, generate, load.

#include <anymetal/pipeline.hpp>

#include "registry/compiler.hpp"
#include "registry/pipeline_key.hpp"
#include "registry/source.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace anymetal::registry {

/// Work done, as KernelRegistry::Statistics tells it.
struct BuildCounters {
  std::atomic<std::size_t> parses{0};
  std::atomic<std::size_t> compiles{0};
  std::atomic<std::size_t> failures{0};
};

/// UnsupportedByDevice where the kernel's name asks for matrix hardware the device lacks.
Result<void> check_capability(std::string_view name, const device::Backend& backend);

/// Errors carry kernel, device and key.
Result<PipelinePtr> build_pipeline(const Compiler& compiler, Source& source, const PipelineKey& key,
                                   const std::shared_ptr<device::Backend>& backend, BuildCounters& counters);

/// The index of the function constant `constant`; FunctionConstantError lists those the source declares.
Result<std::uint32_t> resolve_constant(const Compiler& compiler, Source& source, std::string_view kernel,
                                       std::string_view constant, msl::Target target, BuildCounters& counters);

}  // namespace anymetal::registry
