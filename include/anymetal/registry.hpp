#pragma once
/// \file
/// The kernel registry: names to MSL sources to compiled pipelines.

#include <anymetal/device.hpp>
#include <anymetal/error.hpp>
#include <anymetal/function_constant.hpp>
#include <anymetal/pipeline.hpp>
#include <anymetal/pipeline_future.hpp>
#include <anymetal/source_options.hpp>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal {

namespace registry {
class Compiler;
}
namespace cache {
class DiskStore;
}

/// Where compiled pipelines persist between processes. Without options: `ANYMETAL_CACHE_DIR`, else
/// `$XDG_CACHE_HOME/anymetal/kernels`, else in `~/.cache`; `ANYMETAL_CACHE=0` turns it off, `ANYMETAL_CACHE_SIZE` limits it.
struct DiskCacheOptions {
  bool enabled = true;
  std::string directory{};       ///< overrides the environment; made with mode 0700
  std::uint64_t size_limit = 0;  ///< bytes; 0: `ANYMETAL_CACHE_SIZE`, else 512 MB
  std::string key_file{};        ///< seals entries of a shared directory; empty: `ANYMETAL_CACHE_KEY_FILE`, else none
};

/// Where a kernel name comes from.
struct KernelInfo {
  std::string name;
  std::string family;  ///< folder of the built-in sources, e.g. "norm"; empty for a registered source
  std::string file;    ///< built-in file, e.g. "norm/rms_norm.metal"; empty for a registered source
};

/// Maps a kernel name to MSL source, compiles it the first time it is asked for, and keeps the pipeline.
///
/// Thread contract: safe from any number of threads; threads asking for one cold key share one compile, and a hit
/// never waits for a compile. Constructing one compiles and parses nothing.
///
/// A request that finds no memory gives OutOfMemory, also by its future or callback, and may be repeated. Only what
/// returns no Result (the constructors, `register_source`, `names`, `kernels`) passes on std::bad_alloc.
/// \code
///   anymetal::KernelRegistry registry;
///   registry.register_source("answer", R"(#include <metal_stdlib>
///     kernel void answer(device int* out [[buffer(0)]]) { out[0] = 42; })");
///   auto pipeline = registry.get_pipeline("answer", device);
/// \endcode
class KernelRegistry {
 public:
  /// Knows every built-in kernel name.
  KernelRegistry();
  explicit KernelRegistry(const DiskCacheOptions& cache);
  ~KernelRegistry();
  KernelRegistry(const KernelRegistry&) = delete;
  KernelRegistry& operator=(const KernelRegistry&) = delete;

  /// Adds or replaces a source; every pipeline built from `name` (with all specialisations) is dropped.
  void register_source(std::string name, std::string msl);
  void register_source(std::string name, std::string msl, SourceOptions options);

  /// May compile. KernelNotFound, ShaderCompilationError, FunctionConstantError or UnsupportedByDevice on failure.
  Result<PipelinePtr> get_pipeline(std::string_view name, const Device& device);

  Result<PipelinePtr> get_pipeline_with_constants(std::string_view name, const Device& device,
                                                  std::span<const BoolConstant> bools, std::span<const IntConstant> ints);
  Result<PipelinePtr> get_pipeline_with_constants(std::string_view name, const Device& device,
                                                  std::initializer_list<BoolConstant> bools,
                                                  std::initializer_list<IntConstant> ints);

  Result<PipelinePtr> get_pipeline_with_bool_constants(std::string_view name, const Device& device,
                                                       std::span<const BoolConstant> bools);
  Result<PipelinePtr> get_pipeline_with_bool_constants(std::string_view name, const Device& device,
                                                       std::initializer_list<BoolConstant> bools);

  /// The general form: any MSL constant type, by index or by name. The value's type must match the declaration.
  Result<PipelinePtr> get_pipeline_with_constants(std::string_view name, const Device& device,
                                                  std::span<const FunctionConstant> constants);
  Result<PipelinePtr> get_pipeline_with_constants(std::string_view name, const Device& device,
                                                  std::initializer_list<FunctionConstant> constants);

  /// The general form without waiting: compiles on the registry's compile threads. One compile per key, whoever asks how.
  PipelineFuture get_pipeline_async(std::string_view name, const Device& device,
                                    std::span<const FunctionConstant> constants = {},
                                    CompilePriority priority = CompilePriority::Soon);
  /// Calls `done` instead, on a compile thread, or before it returns where the answer is known. Never cancelled but by
  /// the registry's end, which calls it with Cancelled.
  void get_pipeline_async(std::string_view name, const Device& device, std::span<const FunctionConstant> constants,
                          PipelineCallback done, CompilePriority priority = CompilePriority::Soon);
  /// Most compile threads, `ANYMETAL_COMPILE_THREADS` or else one per core unless set; 0 is taken as 1. They start when
  /// work comes; those already started stay.
  void set_compile_threads(unsigned count);
  [[nodiscard]] unsigned compile_threads() const;

  /// Whether a pipeline with this key (label) is in memory for any device.
  [[nodiscard]] bool is_cached(std::string_view key) const;
  [[nodiscard]] std::size_t cached_count() const;
  [[nodiscard]] std::size_t source_count() const;
  /// All known kernel names, sorted.
  [[nodiscard]] std::vector<std::string> names() const;
  /// The same with where each comes from.
  [[nodiscard]] std::vector<KernelInfo> kernels() const;

  /// Work done since construction. Counts, never times, so that tests can assert them.
  struct Statistics {
    std::size_t memory_hits = 0;    ///< requests answered from memory
    std::size_t waits = 0;          ///< requests that joined another's compile
    std::size_t source_parses = 0;  ///< front-end runs
    std::size_t entries = 0;        ///< kernels taken from a parsed source
    std::size_t compiles = 0;       ///< pipelines specialised, optimised and code-generated
    std::size_t loads = 0;          ///< pipelines linked and loaded, from disk or just compiled
    std::size_t failures = 0;       ///< compiles that ended in an error
    std::size_t cancelled = 0;      ///< compiles called off because nobody wanted them any more
    std::size_t disk_hits = 0;      ///< pipelines loaded from disk
    std::size_t disk_misses = 0;    ///< look-ups on disk, of kernels and of pipelines, that found nothing usable
    std::size_t disk_writes = 0;
    std::size_t disk_failed_writes = 0;
    std::size_t disk_refused = 0;   ///< entries not written because one alone is larger than the cache may be
    std::size_t disk_corrupt = 0;   ///< entries found damaged and dropped
    std::size_t disk_evictions = 0;
    std::uint64_t disk_bytes_read = 0;
    std::uint64_t disk_bytes_written = 0;
  };
  [[nodiscard]] Statistics statistics() const;

  explicit KernelRegistry(std::shared_ptr<const registry::Compiler> compiler,
                          std::shared_ptr<cache::DiskStore> store = nullptr);  ///< library internals and tests

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // futures hold it too
};

}  // namespace anymetal
