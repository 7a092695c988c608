#pragma once
/// \file
/// Compiling ahead of time.

#include <anymetal/device.hpp>
#include <anymetal/error.hpp>
#include <anymetal/registry.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal {

/// Told of each pipeline as it gets ready. Thread contract: called by one thread at a time, in any order of pipelines.
class WarmUpProgress {
 public:
  virtual ~WarmUpProgress() = default;
  /// `error` is nullptr where the pipeline is ready. Returning false stops: pipelines not yet begun stay cold.
  virtual bool on_pipeline(std::size_t done, std::size_t total, std::string_view key, const Error* error) = 0;
};

struct WarmUpResult {
  std::size_t ready = 0;
  std::vector<Error> errors;  ///< one for each key that failed, with `key()` set; the others are compiled all the same
};

/// Gets a pipeline for each key (label, as `flash|200:b1|300:i4`) on the registry's compile threads, behind everything else
/// that is asked for there; at most `threads` keys at once, 0 for as many as there are threads. Returns when all are done.
/// Compiles where neither memory nor disk has the pipeline. Not to be called on a compile thread.
/// \code
///   const auto keys = anymetal::read_manifest("model.manifest").value();
///   const auto result = anymetal::warm_up(registry, device, keys);
/// \endcode
WarmUpResult warm_up(KernelRegistry& registry, const Device& device, std::span<const std::string> keys,
                     WarmUpProgress* progress = nullptr, unsigned threads = 0);

/// The keys of a manifest: one per line, empty lines and lines that start with `#` left out. IoError where it cannot be read.
/// A process that runs with `ANYMETAL_MANIFEST=path` appends to that file each key it asks for the first time.
Result<std::vector<std::string>> read_manifest(const std::string& path);

}  // namespace anymetal
