#include "code/compile_entries.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "parts/timing.hpp"

namespace anymetal::cli {

namespace {

Result<device::Artifact> compile_entry(const msl::ParsedSource& source, CompiledEntry& result, const Device& device,
                                       std::span<const FunctionConstant> constants) {
  Result<std::shared_ptr<const msl::EntryModule>> entry;
  result.entry_milliseconds = measure([&] { entry = source.entry(result.name, constants); });
  if (!entry) return std::unexpected(entry.error());
  Result<msl::SpecialisedKernel> kernel;
  result.specialise_milliseconds = measure([&] { kernel = msl::specialise(**entry, constants); });
  if (!kernel) return std::unexpected(kernel.error());
  Result<device::Artifact> artifact;
  result.device_milliseconds = measure([&] { artifact = device.backend()->compile(std::move(*kernel), result.name); });
  if (!artifact) return artifact;
  result.code_bytes = artifact->code.size();
  result.resources = code_resources(artifact->code);
  artifact->code = {};
  return artifact;
}

}  // namespace

std::vector<CompiledEntry> compile_entries(const msl::ParsedSource& source, std::span<const std::string> names,
                                           const Device& device, std::span<const FunctionConstant> constants,
                                           unsigned jobs, const Progress& progress) {
  std::vector<CompiledEntry> results(names.size());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::size_t done = 0;
  std::size_t failed = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < results.size(); i = next++) {
      CompiledEntry& result = results[i];
      result.name = names[i];
      result.artifact = compile_entry(source, result, device, constants);
      const std::lock_guard lock(mutex);
      ++done;
      if (!result.artifact) ++failed;
      progress(done, failed, result.name);
    }
  };
  const auto count = std::clamp<std::size_t>(jobs, 1, std::max<std::size_t>(1, names.size()));
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
  work();
  threads.clear();
  return results;
}

}  // namespace anymetal::cli
