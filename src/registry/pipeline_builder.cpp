#include "registry/pipeline_builder.hpp"

#include "registry/suggestions.hpp"
#include "runtime/pipeline_state.hpp"
#include "observe/trace.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace anymetal::registry {

namespace {

// The source is there but lacks the kernel it is registered for.
Error entry_missing(std::string_view kernel, std::span<const std::string> entries) {
  auto suggestions = closest_names(kernel, entries);
  const auto first = entries.first(std::min<std::size_t>(entries.size(), 8));
  auto text = entries.empty() ? std::string(" It declares no kernel at all.")
                              : fmt::format(" It declares '{}'{}.", fmt::join(first, "', '"),
                                            entries.size() > first.size() ? " and more" : "");
  return Error(ErrorCode::ShaderCompilationError, fmt::format("the source registered as '{}' declares no kernel of that name.{}{}",
                                                      kernel, text, did_you_mean(suggestions)))
      .with_suggestions(std::move(suggestions));
}

// Beside a pipeline on the disk. A process finds what another one kept.
class FormsOnDisk final : public device::FormStore {
 public:
  FormsOnDisk(StorePtr store, std::string key) : store_(std::move(store)), key_(std::move(key)) {}
  [[nodiscard]] std::optional<std::string> find(std::string_view form) override { return store_->get(form_key(key_, form)); }
  void keep(std::string_view form, std::string_view bytes) override { store_->put(form_key(key_, form), bytes); }
  void reject(std::string_view form) override { store_->reject(form_key(key_, form)); }

 private:
  const StorePtr store_;
  const std::string key_;
};

std::unexpected<Error> cancelled() { return fail(ErrorCode::Cancelled, "nobody wants the pipeline any more"); }

}  // namespace

struct PipelineBuilder::Request {
  Source& source;
  const PipelineKey& key;
  const std::shared_ptr<device::Backend>& backend;
  const StillWanted& still_wanted;
  std::string label;
};

PipelineBuilder::PipelineBuilder(std::shared_ptr<const Compiler> compiler, StorePtr store)
    : compiler_(std::move(compiler)), store_(std::move(store)) {}

Result<PipelinePtr> PipelineBuilder::build(Source& source, const PipelineKey& key,
                                           const std::shared_ptr<device::Backend>& backend, const StillWanted& still_wanted) {
  Request request{source, key, backend, still_wanted, make_label(key.name, key.constants)};
  auto result = guarded<PipelinePtr>([&] { return build(request); });
  if (result) return result;
  ++(result.error().code() == ErrorCode::Cancelled ? cancelled_ : failures_);
  return std::unexpected(result.error()
                             .with_context(fmt::format("kernel '{}'", request.label))
                             .with_kernel(key.name)
                             .with_device(backend->info().id)
                             .with_key(request.label));
}

Result<PipelinePtr> PipelineBuilder::build(Request& request) {
  const auto target = request.backend->front_end_target();
  if (!request.still_wanted()) return cancelled();
  const auto disk_key_for = [&](const FileDependencies& files) {
    return pipeline_key(entry_key(request.source, target, request.key.name, files), request.key.constants, request.backend->artifact_identity());
  };
  const auto files = known_files(request.source, target);
  if (store_ != nullptr && files) {
    if (auto pipeline = from_disk(request, disk_key_for(*files))) return pipeline;
  }
  if (!request.still_wanted()) return cancelled();
  auto entry = find_entry(request.source, request.key.name, target, request.key.constants, files);
  if (!entry) return std::unexpected(std::move(entry.error()));
  if (!request.still_wanted()) return cancelled();
  ++compiles_;
  auto artifact = [&] {
    const trace::Span span("compile", request.label);
    return compiler_->generate(entry->module, to_function_constants(request.key.constants), *request.backend, request.label);
  }();
  if (!artifact) return std::unexpected(std::move(artifact.error()));
  StoredPipeline made{std::move(*artifact), std::move(entry->warnings)};
  // Files may have changed since: what the parse saw counts.
  const auto seen = store_ != nullptr ? known_files(request.source, target) : std::nullopt;
  const std::string key = seen ? disk_key_for(*seen) : std::string();
  const std::string bytes = seen ? to_bytes(made) : std::string();
  auto pipeline = load(request, std::move(made), key);
  if (pipeline && seen) store_->put(key, bytes);
  return pipeline;
}

std::optional<FileDependencies> PipelineBuilder::known_files(Source& source, msl::Target target) {
  if (source.options().include_directories.empty()) return FileDependencies();
  if (source.is_parsed(target)) {
    const auto unit = source.parsed(*compiler_, target, parses_);
    if (!unit) return std::nullopt;
    const auto files = (*unit)->file_dependencies();
    return FileDependencies(files.begin(), files.end());
  }
  if (store_ == nullptr) return std::nullopt;
  const std::string key = files_key(source, target);
  const auto bytes = store_->get(key);
  if (!bytes) return std::nullopt;
  auto stored = files_from_bytes(*bytes);
  if (!stored) store_->reject(key);
  if (!stored || !std::ranges::all_of(stored->files, msl::is_unchanged)) return std::nullopt;
  return std::move(stored->files);
}

Result<Source::UnitPtr> PipelineBuilder::parse(Source& source, msl::Target target) {
  const bool is_new = !source.is_parsed(target);
  auto unit = source.parsed(*compiler_, target, parses_);
  if (!unit || !is_new || store_ == nullptr || source.options().include_directories.empty()) return unit;
  const auto files = (*unit)->file_dependencies();
  store_->put(files_key(source, target), to_bytes(StoredFiles{{files.begin(), files.end()}}));
  return unit;
}

PipelinePtr PipelineBuilder::from_disk(Request& request, const std::string& key) {
  const trace::Span span("disk", request.label);
  const auto bytes = store_->get(key);
  if (!bytes) return nullptr;
  if (auto stored = pipeline_from_bytes(*bytes)) {
    auto pipeline = load(request, std::move(*stored), key);
    if (pipeline) {
      ++disk_hits_;
      return std::move(*pipeline);
    }
    const auto code = pipeline.error().code();
    if (code == ErrorCode::OutOfMemory || code == ErrorCode::DeviceLost) return nullptr;  // no fault of the entry's
  }
  store_->reject(key);
  return nullptr;
}

Result<PipelinePtr> PipelineBuilder::load(Request& request, StoredPipeline stored, const std::string& key) {
  device::Artifact& artifact = stored.artifact;
  const auto own_memory = artifact.reflection.static_threadgroup_memory;
  if (const auto limit = request.backend->threadgroup_memory_limit(); own_memory > limit) {
    return fail(ErrorCode::UnsupportedByDevice,
                fmt::format("the kernel declares {} bytes of threadgroup memory, the device has {}", own_memory, limit));
  }
  auto executable = [&] {
    const trace::Span span("load", request.label);
    auto forms = key.empty() ? nullptr : std::make_shared<FormsOnDisk>(store_, key);
    return request.backend->load_with_forms(artifact, request.label, std::move(forms));
  }();
  if (!executable) return std::unexpected(std::move(executable.error()));
  ++loads_;

  auto state = std::make_shared<detail::PipelineState>();
  state->label = request.label;
  state->backend = request.backend;
  state->max_threads = std::min<std::size_t>(artifact.reflection.max_total_threads,
                                             (*executable)->max_total_threads_per_threadgroup());
  state->executable = std::move(*executable);
  state->reflection = std::move(artifact.reflection);
  state->execution_path = std::move(artifact.execution_path);
  state->warnings = std::move(stored.warnings);
  return std::make_shared<const ComputePipeline>(std::move(state));
}

Result<StoredEntry> PipelineBuilder::find_entry(Source& source, std::string_view kernel, msl::Target target,
                                                std::span<const KeyConstant> constants,
                                                const std::optional<FileDependencies>& files) {
  const bool uses_disk = store_ != nullptr && !source.is_parsed(target);
  if (uses_disk && files) {
    const std::string key = entry_key(source, target, kernel, *files);
    if (const auto bytes = store_->get(key)) {
      if (auto entry = entry_from_bytes(*bytes)) return std::move(*entry);
      store_->reject(key);
    }
  }
  auto unit = parse(source, target);
  if (!unit) return std::unexpected(std::move(unit.error()));
  if (std::ranges::find((*unit)->entry_names(), kernel) == (*unit)->entry_names().end()) {
    return std::unexpected(entry_missing(kernel, (*unit)->entry_names()));
  }
  ++entries_;
  auto module = [&] {
    const trace::Span span("entry", kernel);
    return (*unit)->entry(kernel, to_function_constants(constants));
  }();
  if (!module) return std::unexpected(std::move(module.error()));
  StoredEntry entry{**module, {(*unit)->warnings().begin(), (*unit)->warnings().end()}};
  if (uses_disk && !entry.module.is_bound) {
    const auto seen = (*unit)->file_dependencies();
    store_->put(entry_key(source, target, kernel, seen), to_bytes(entry));
  }
  return entry;
}

Result<std::uint32_t> PipelineBuilder::resolve_constant(Source& source, std::string_view kernel, std::string_view constant,
                                                        msl::Target target) {
  using Declarations = std::vector<msl::ConstantDeclaration>;
  const auto declarations = guarded<Declarations>([&]() -> Result<Declarations> {
    auto entry = find_entry(source, kernel, target, {}, known_files(source, target));
    if (entry) return std::move(entry->module.constants);
    const auto unit = parse(source, target);
    if (!unit || entry.error().code() != ErrorCode::FunctionConstantError) return std::unexpected(std::move(entry.error()));
    return Declarations((*unit)->constants().begin(), (*unit)->constants().end());  // the kernel needs the values
  });
  if (!declarations) return std::unexpected(declarations.error().with_kernel(std::string(kernel)));
  std::vector<std::string> names;
  for (const auto& declared : *declarations) {
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

void PipelineBuilder::count(KernelRegistry::Statistics& statistics) const {
  statistics.source_parses = parses_;
  statistics.entries = entries_;
  statistics.compiles = compiles_;
  statistics.loads = loads_;
  statistics.failures = failures_;
  statistics.cancelled = cancelled_;
  statistics.disk_hits = disk_hits_;
  if (store_ == nullptr) return;
  const auto disk = store_->counters();
  statistics.disk_misses = disk.misses;
  statistics.disk_writes = disk.writes;
  statistics.disk_failed_writes = disk.failed_writes;
  statistics.disk_refused = disk.refused;
  statistics.disk_corrupt = disk.corrupt;
  statistics.disk_evictions = disk.evictions;
  statistics.disk_bytes_read = disk.bytes_read;
  statistics.disk_bytes_written = disk.bytes_written;
}

Result<void> check_capability(std::string_view name, const device::Backend& backend) {
  if (name.find("_tensor_") == std::string_view::npos || backend.info().has_tensor) return {};
  return std::unexpected(Error(ErrorCode::UnsupportedByDevice,
                               fmt::format("kernel '{}' needs matrix hardware, which {} ({}) does not have; use the kernel "
                                           "without '_tensor_' in its name", name, backend.info().id, backend.info().name))
                             .with_kernel(std::string(name))
                             .with_device(backend.info().id));
}

}  // namespace anymetal::registry
