#include "registry/pipeline_builder.hpp"

#include "registry/suggestions.hpp"
#include "runtime/pipeline_state.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace anymetal::registry {

namespace {

using EntryPtr = std::shared_ptr<const msl::EntryModule>;

// The source is there but lacks the kernel it is registered for.
Error entry_missing(std::string_view kernel, std::span<const std::string> entries) {
  auto suggestions = closest_names(kernel, entries);
  const auto first = entries.first(std::min<std::size_t>(entries.size(), 8));
  auto text = entries.empty() ? std::string(" It declares no kernel at all.")
                              : fmt::format(" It declares '{}'{}.", fmt::join(first, "', '"),
                                            entries.size() > first.size() ? " and more" : "");
  return Error(ErrorCode::KernelNotFound, fmt::format("the source registered as '{}' declares no kernel of that name.{}{}",
                                                      kernel, text, did_you_mean(suggestions)))
      .with_suggestions(std::move(suggestions));
}

Result<PipelinePtr> build(const Compiler& compiler, Source& source, const PipelineKey& key, const std::string& label,
                          const std::shared_ptr<device::Backend>& backend, BuildCounters& counters) {
  auto unit = source.parsed(compiler, backend->front_end_target(), counters.parses);
  if (!unit) return std::unexpected(std::move(unit.error()));
  if (std::ranges::find((*unit)->entry_names(), key.name) == (*unit)->entry_names().end()) {
    return std::unexpected(entry_missing(key.name, (*unit)->entry_names()));
  }
  ++counters.compiles;
  auto entry = (*unit)->entry(key.name);
  if (!entry) return std::unexpected(std::move(entry.error()));
  auto artifact = compiler.generate(**entry, to_function_constants(key.constants), *backend, label);
  if (!artifact) return std::unexpected(std::move(artifact.error()));

  const auto own_memory = artifact->reflection.static_threadgroup_memory;
  if (const auto limit = backend->threadgroup_memory_limit(); own_memory > limit) {
    return fail(ErrorCode::UnsupportedByDevice,
                fmt::format("the kernel declares {} bytes of threadgroup memory, the device has {}", own_memory, limit));
  }
  auto executable = backend->load(*artifact, label);
  if (!executable) return std::unexpected(std::move(executable.error()));

  auto state = std::make_shared<detail::PipelineState>();
  state->label = label;
  state->backend = backend;
  state->max_threads = std::min<std::size_t>(artifact->reflection.max_total_threads,
                                             (*executable)->max_total_threads_per_threadgroup());
  state->executable = std::move(*executable);
  state->reflection = std::move(artifact->reflection);
  state->execution_path = std::move(artifact->execution_path);
  state->warnings.assign((*unit)->warnings().begin(), (*unit)->warnings().end());
  return std::make_shared<const ComputePipeline>(std::move(state));
}

}  // namespace

Result<void> check_capability(std::string_view name, const device::Backend& backend) {
  if (name.find("_tensor_") == std::string_view::npos || backend.info().has_tensor) return {};
  return std::unexpected(Error(ErrorCode::UnsupportedByDevice,
                               fmt::format("kernel '{}' needs matrix hardware, which {} ({}) does not have; use the kernel "
                                           "without '_tensor_' in its name", name, backend.info().id, backend.info().name))
                             .with_kernel(std::string(name))
                             .with_device(backend.info().id));
}

Result<PipelinePtr> build_pipeline(const Compiler& compiler, Source& source, const PipelineKey& key,
                                   const std::shared_ptr<device::Backend>& backend, BuildCounters& counters) {
  const std::string label = make_label(key.name, key.constants);
  auto result = guarded<PipelinePtr>([&] { return build(compiler, source, key, label, backend, counters); });
  if (result) return result;
  ++counters.failures;
  return std::unexpected(result.error()
                             .with_context(fmt::format("kernel '{}'", label))
                             .with_kernel(key.name)
                             .with_device(backend->info().id)
                             .with_key(label));
}

Result<std::uint32_t> resolve_constant(const Compiler& compiler, Source& source, std::string_view kernel,
                                       std::string_view constant, msl::Target target, BuildCounters& counters) {
  auto unit = source.parsed(compiler, target, counters.parses);
  if (!unit) return std::unexpected(unit.error().with_kernel(std::string(kernel)));
  std::vector<std::string> names;
  for (const auto& declared : (*unit)->constants()) {
    if (declared.name == constant) return declared.index;
    names.push_back(declared.name);
  }
  auto suggestions = closest_names(constant, names);
  const auto known = names.empty() ? std::string("none") : fmt::format("'{}'", fmt::join(names, "', '"));
  return std::unexpected(Error(ErrorCode::FunctionConstantError,
                               fmt::format("kernel '{}': the source declares no function constant '{}'; declared: {}.{}", kernel,
                                           constant, known, did_you_mean(suggestions)))
                             .with_kernel(std::string(kernel))
                             .with_suggestions(std::move(suggestions)));
}

}  // namespace anymetal::registry
