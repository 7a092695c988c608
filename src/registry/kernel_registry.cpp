#include <anymetal/registry.hpp>

#include "registry/compile_pool.hpp"
#include "registry/flight.hpp"
#include "registry/manifest_recorder.hpp"
#include "registry/pipeline_builder.hpp"
#include "registry/pipeline_flight.hpp"
#include "registry/pipeline_key.hpp"
#include "registry/pipeline_table.hpp"
#include "registry/source_catalogue.hpp"
#include "registry/suggestions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>

namespace anymetal {

using registry::CanonicalConstants;
using registry::PipelineKey;
using registry::PipelineKeyView;

using registry::PipelineFlight;

struct KernelRegistry::Impl {
  Impl(std::shared_ptr<const registry::Compiler> compiler, registry::StorePtr store)
      : builder(std::move(compiler), std::move(store)) {}

  // A flight the caller has joined, and whether it is the first to.
  struct Boarding {
    std::shared_ptr<PipelineFlight> flight;
    bool first = false;
  };

  // Sorts the constants, then answers from memory or builds.
  Result<PipelinePtr> get(std::string_view name, const Device& device, CanonicalConstants& constants);
  Result<PipelinePtr> join_or_build(const PipelineKeyView& key, const Device& device);
  Result<Boarding> board(const PipelineKeyView& key, const Device& device);
  Result<PipelinePtr> build(registry::Source& source, const PipelineKey& key, const Device& device, const PipelineFlight& flight);
  bool still_wanted(const PipelineKey& key, const PipelineFlight& flight);
  Result<std::shared_ptr<registry::Source>> find_source(std::string_view name, const Device& device);
  Result<void> add_named(std::string_view name, const Device& device, const FunctionConstant& constant,
                         CanonicalConstants& constants);
  Result<PipelinePtr> get_general(std::string_view name, const Device& device, std::span<const FunctionConstant> values);
  // The flight of an asynchronous request; the caller has joined it.
  std::shared_ptr<PipelineFlight> request(std::string_view name, const Device& device, std::span<const FunctionConstant> values,
                                          CompilePriority priority);

  registry::PipelineBuilder builder;
  registry::PipelineTable pipelines;
  registry::ManifestRecorder manifest;
  std::atomic<std::size_t> misses{0};  // lookups the table did not answer at once
  std::atomic<std::size_t> late_hits{0};  // of these, found after all under the lock
  std::atomic<std::size_t> waits{0};

  std::mutex mutex;  // guards what follows; never held while parsing or compiling
  registry::SourceCatalogue sources;
  std::unordered_map<PipelineKey, std::shared_ptr<PipelineFlight>, registry::PipelineKeyHash> flights;

  // What a request without waiting gets when there is no memory for a flight of its own.
  const std::shared_ptr<PipelineFlight> no_memory =
      std::make_shared<PipelineFlight>(std::unexpected(registry::kNoMemoryToCompile));

  registry::CompilePool pool;  // last: its threads use the others
};

namespace {

std::string shown(std::string_view name) {
  constexpr std::size_t kMost = 200;
  std::string text(name.substr(0, kMost));
  if (name.size() > kMost) text += "...";
  return text;
}

Result<void> finish(std::string_view name, CanonicalConstants& constants) {
  auto ok = constants.finish();
  if (ok) return ok;
  return std::unexpected(ok.error().with_context(fmt::format("kernel '{}'", shown(name))).with_kernel(std::string(name)));
}

}  // namespace

Result<PipelinePtr> KernelRegistry::Impl::get(std::string_view name, const Device& device, CanonicalConstants& constants) {
  if (auto ok = finish(name, constants); !ok) return std::unexpected(std::move(ok.error()));
  const PipelineKeyView key(device.backend().get(), name, constants.view());
  if (PipelinePtr hit = pipelines.find(key)) return hit;
  return join_or_build(key, device);
}

Result<std::shared_ptr<registry::Source>> KernelRegistry::Impl::find_source(std::string_view name, const Device& device) {
  const std::lock_guard lock(mutex);
  if (auto source = sources.find(name, device.backend()->kernel_variants())) return source;
  auto suggestions = registry::closest_names(name, sources.names());
  return std::unexpected(Error(ErrorCode::KernelNotFound,
                               fmt::format("no kernel is named '{}'.{}", shown(name), registry::did_you_mean(suggestions)))
                             .with_kernel(std::string(name))
                             .with_suggestions(std::move(suggestions)));
}

Result<PipelinePtr> KernelRegistry::Impl::join_or_build(const PipelineKeyView& view, const Device& device) {
  const auto boarding = board(view, device);
  if (!boarding) return std::unexpected(boarding.error());
  return boarding->flight->wait();
}

Result<KernelRegistry::Impl::Boarding> KernelRegistry::Impl::board(const PipelineKeyView& view, const Device& device) {
  ++misses;
  auto source = find_source(view.name, device);
  if (!source) return std::unexpected(std::move(source.error()));
  if (auto ok = registry::check_capability(view.name, *device.backend()); !ok) return std::unexpected(std::move(ok.error()));

  const PipelineKey key(view);
  const std::lock_guard lock(mutex);
  if (PipelinePtr hit = pipelines.peek(view)) {
    ++late_hits;
    return Boarding{std::make_shared<PipelineFlight>(std::move(hit))};
  }
  if (const auto under_way = flights.find(key); under_way != flights.end()) {
    under_way->second->join();
    ++waits;
    return Boarding{under_way->second};
  }
  // A source registered since the look-up above took part in no flight yet: this flight builds the newest text.
  auto newest = sources.find(view.name, device.backend()->kernel_variants());
  auto flight = std::make_shared<PipelineFlight>([this, key, device, newest = std::move(newest)](const PipelineFlight& self) {
    return build(*newest, key, device, self);
  });
  flights.emplace(key, flight);
  return Boarding{std::move(flight), true};
}

Result<PipelinePtr> KernelRegistry::Impl::build(registry::Source& source, const PipelineKey& key, const Device& device,
                                                const PipelineFlight& flight) {
  // An exception that passed here would leave a flight in the table that has landed with an error.
  auto result = registry::guarded<PipelinePtr>(
      [&] { return builder.build(source, key, device.backend(), [&] { return still_wanted(key, flight); }); });
  {
    const std::lock_guard lock(mutex);
    // A source registered meanwhile has removed the flight: its callers get what they asked for, nothing is cached.
    const auto at = flights.find(key);
    if (at != flights.end() && at->second.get() == &flight) {
      flights.erase(at);
      if (result) pipelines.insert(key, *result);
    }
  }
  if (result) manifest.record((*result)->label());
  return result;
}

// Nobody can join a flight that is found unwanted: it leaves the table under the lock that joining takes.
bool KernelRegistry::Impl::still_wanted(const PipelineKey& key, const PipelineFlight& flight) {
  const std::lock_guard lock(mutex);
  if (flight.wanted()) return true;
  const auto at = flights.find(key);
  if (at != flights.end() && at->second.get() == &flight) flights.erase(at);
  return false;
}

std::shared_ptr<PipelineFlight> KernelRegistry::Impl::request(std::string_view name, const Device& device,
                                                              std::span<const FunctionConstant> values, CompilePriority priority) {
  const auto known = [](Result<PipelinePtr> answer) { return std::make_shared<PipelineFlight>(std::move(answer)); };
  const auto has_name = [](const FunctionConstant& value) { return std::holds_alternative<std::string>(value.which); };
  if (std::ranges::any_of(values, has_name)) {
    // The key is not known before the source has been parsed, which is the pool's work too.
    auto flight = std::make_shared<PipelineFlight>(
        [this, device, kernel = std::string(name), given = std::vector(values.begin(), values.end())](const PipelineFlight& self) {
          if (self.wanted()) return get_general(kernel, device, given);
          return Result<PipelinePtr>(fail(ErrorCode::Cancelled, "nobody wants the pipeline any more"));
        });
    pool.submit(flight, priority);
    return flight;
  }
  CanonicalConstants constants;
  for (const auto& value : values) constants.add(std::get<std::uint32_t>(value.which), value.value);
  if (auto ok = finish(name, constants); !ok) return known(std::unexpected(std::move(ok.error())));
  const PipelineKeyView key(device.backend().get(), name, constants.view());
  if (PipelinePtr hit = pipelines.find(key)) return known(std::move(hit));
  auto boarding = board(key, device);
  if (!boarding) return known(std::unexpected(std::move(boarding.error())));
  if (!boarding->flight->has_landed()) pool.submit(boarding->flight, priority);
  return boarding->flight;
}

Result<void> KernelRegistry::Impl::add_named(std::string_view name, const Device& device, const FunctionConstant& constant,
                                             CanonicalConstants& constants) {
  if (const auto* index = std::get_if<std::uint32_t>(&constant.which)) {
    constants.add(*index, constant.value);
    return {};
  }
  auto source = find_source(name, device);
  if (!source) return std::unexpected(std::move(source.error()));
  auto index = builder.resolve_constant(**source, name, std::get<std::string>(constant.which),
                                        device.backend()->front_end_target());
  if (!index) return std::unexpected(index.error().with_device(device.info().id));
  constants.add(*index, constant.value);
  return {};
}

KernelRegistry::KernelRegistry(std::shared_ptr<const registry::Compiler> compiler, std::shared_ptr<cache::DiskStore> store)
    : impl_(std::make_shared<Impl>(std::move(compiler), std::move(store))) {}
KernelRegistry::~KernelRegistry() { impl_->pool.stop(); }

void KernelRegistry::register_source(std::string name, std::string msl) {
  register_source(std::move(name), std::move(msl), SourceOptions{});
}

void KernelRegistry::register_source(std::string name, std::string msl, SourceOptions options) {
  const std::lock_guard lock(impl_->mutex);
  impl_->pipelines.erase_kernel(name);
  std::erase_if(impl_->flights, [&](const auto& flight) { return flight.first.name == name; });
  impl_->sources.put(std::move(name), std::move(msl), std::move(options));
}

Result<PipelinePtr> KernelRegistry::get_pipeline(std::string_view name, const Device& device) {
  return registry::guarded<PipelinePtr>([&]() -> Result<PipelinePtr> {
    const PipelineKeyView key(device.backend().get(), name, {});
    if (PipelinePtr hit = impl_->pipelines.find(key)) return hit;
    return impl_->join_or_build(key, device);
  });
}

Result<PipelinePtr> KernelRegistry::get_pipeline_with_constants(std::string_view name, const Device& device,
                                                                std::span<const BoolConstant> bools,
                                                                std::span<const IntConstant> ints) {
  return registry::guarded<PipelinePtr>([&] {
    CanonicalConstants constants;
    for (const auto& constant : bools) constants.add(constant);
    for (const auto& constant : ints) constants.add(constant);
    return impl_->get(name, device, constants);
  });
}

Result<PipelinePtr> KernelRegistry::get_pipeline_with_constants(std::string_view name, const Device& device,
                                                                std::initializer_list<BoolConstant> bools,
                                                                std::initializer_list<IntConstant> ints) {
  return get_pipeline_with_constants(name, device, std::span(bools.begin(), bools.size()),
                                     std::span(ints.begin(), ints.size()));
}

Result<PipelinePtr> KernelRegistry::get_pipeline_with_bool_constants(std::string_view name, const Device& device,
                                                                     std::span<const BoolConstant> bools) {
  return get_pipeline_with_constants(name, device, bools, std::span<const IntConstant>{});
}

Result<PipelinePtr> KernelRegistry::get_pipeline_with_bool_constants(std::string_view name, const Device& device,
                                                                     std::initializer_list<BoolConstant> bools) {
  return get_pipeline_with_bool_constants(name, device, std::span(bools.begin(), bools.size()));
}

Result<PipelinePtr> KernelRegistry::Impl::get_general(std::string_view name, const Device& device,
                                                      std::span<const FunctionConstant> values) {
  CanonicalConstants constants;
  for (const auto& value : values) {
    if (auto ok = add_named(name, device, value, constants); !ok) return std::unexpected(std::move(ok.error()));
  }
  return get(name, device, constants);
}

Result<PipelinePtr> KernelRegistry::get_pipeline_with_constants(std::string_view name, const Device& device,
                                                                std::span<const FunctionConstant> values) {
  return registry::guarded<PipelinePtr>([&] { return impl_->get_general(name, device, values); });
}

Result<PipelinePtr> KernelRegistry::get_pipeline_with_constants(std::string_view name, const Device& device,
                                                                std::initializer_list<FunctionConstant> values) {
  return get_pipeline_with_constants(name, device, std::span(values.begin(), values.size()));
}

PipelineFuture KernelRegistry::get_pipeline_async(std::string_view name, const Device& device,
                                                  std::span<const FunctionConstant> constants, CompilePriority priority) {
  // The future shares the pool, and with it all that a compile uses: it may be waited for when the registry is gone.
  std::shared_ptr<registry::CompilePool> pool(impl_, &impl_->pool);
  std::shared_ptr<PipelineFlight> flight;
  try {
    flight = impl_->request(name, device, constants, priority);
  } catch (const std::bad_alloc&) {
    flight = impl_->no_memory;
    flight->join();
  }
  return {std::move(pool), std::move(flight)};
}

void KernelRegistry::get_pipeline_async(std::string_view name, const Device& device, std::span<const FunctionConstant> constants,
                                        PipelineCallback done, CompilePriority priority) {
  try {
    impl_->request(name, device, constants, priority)->on_landing(done);
  } catch (const std::bad_alloc&) {
    if (done) done(std::unexpected(registry::kNoMemoryToCompile));
  }
}

void KernelRegistry::set_compile_threads(unsigned count) { impl_->pool.set_threads(count); }
unsigned KernelRegistry::compile_threads() const { return impl_->pool.threads(); }

bool KernelRegistry::is_cached(std::string_view key) const { return impl_->pipelines.contains_label(key); }
std::size_t KernelRegistry::cached_count() const { return impl_->pipelines.size(); }

std::size_t KernelRegistry::source_count() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->sources.size();
}

std::vector<std::string> KernelRegistry::names() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->sources.names();
}

std::vector<KernelInfo> KernelRegistry::kernels() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<KernelInfo> all;
  for (auto& name : impl_->sources.names()) {
    const auto* file = impl_->sources.builtin_file(name);
    all.push_back({std::move(name), std::string(file ? file->family : ""), std::string(file ? file->path : "")});
  }
  return all;
}

KernelRegistry::Statistics KernelRegistry::statistics() const {
  Statistics statistics;
  statistics.memory_hits = impl_->pipelines.lookups() - impl_->misses + impl_->late_hits;
  statistics.waits = impl_->waits;
  impl_->builder.count(statistics);
  return statistics;
}

}  // namespace anymetal
