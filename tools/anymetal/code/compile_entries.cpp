#include "code/compile_entries.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>

#include "msl/constant_values.hpp"
#include "parts/timing.hpp"

namespace anymetal::cli {

namespace {

Result<device::Artifact> compile_entry(const msl::ParsedSource& source, CompiledEntry& result, const Device& device,
                                       std::span<const FunctionConstant> constants) {
  Result<std::shared_ptr<const msl::EntryModule>> entry;
  result.entry_milliseconds += measure([&] { entry = source.entry(result.name, constants); });
  if (!entry) return std::unexpected(entry.error());
  Result<msl::SpecialisedKernel> kernel;
  result.specialise_milliseconds += measure([&] { kernel = msl::specialise(**entry, constants); });
  if (!kernel) return std::unexpected(kernel.error());
  Result<device::Artifact> artifact;
  result.device_milliseconds += measure([&] { artifact = device.backend()->compile(std::move(*kernel), result.name); });
  if (!artifact) return artifact;
  result.code_bytes = artifact->code.size();
  result.resources = code_resources(artifact->code);
  artifact->code = {};
  return artifact;
}

bool lacks_a_constant(const Result<device::Artifact>& result) {
  return !result && result.error().code() == ErrorCode::FunctionConstantError;
}

/// Compiles the entry, with assumed values where it needs any. Of several failures the last is reported: with small numbers the source may
/// fail for other kernels' sake.
void compile_with_assumptions(const msl::ParsedSource& source, CompiledEntry& result, const Device& device,
                              std::span<const FunctionConstant> constants) {
  result.artifact = compile_entry(source, result, device, constants);
  if (!lacks_a_constant(result.artifact)) return;
  for (const std::uint8_t number : msl::kAssumedConstants) {
    result.artifact = compile_entry(source, result, device, msl::with_others(source.constants(), constants, number));
    if (!result.artifact) continue;
    result.assumed = number;
    return;
  }
}

}  // namespace

std::vector<CompiledEntry> compile_entries(const msl::ParsedSource& source, std::span<const std::string> names,
                                           const Device& device, std::span<const FunctionConstant> constants,
                                           UnsetConstants unset, unsigned jobs, const Progress& progress) {
  std::vector<CompiledEntry> results(names.size());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::size_t done = 0;
  std::size_t failed = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < results.size(); i = next++) {
      CompiledEntry& result = results[i];
      result.name = names[i];
      if (unset == UnsetConstants::AreAssumed)
        compile_with_assumptions(source, result, device, constants);
      else
        result.artifact = compile_entry(source, result, device, constants);
      const std::lock_guard lock(mutex);
      ++done;
      if (!result.artifact) ++failed;
      progress(done, failed, result.name);
    }
  };
  const auto count = std::clamp<std::size_t>(jobs, 1, std::max<std::size_t>(1, names.size()));
  std::vector<std::jthread> threads;
  try {
    for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
  } catch (const std::system_error&) {  // the system gives no more: those there are do it
  }
  work();
  threads.clear();
  return results;
}

}  // namespace anymetal::cli
