#include "code/compile_entries.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <thread>
#include <variant>

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

/// The values given, and `number` for every other constant of the source.
std::vector<FunctionConstant> filled(const msl::ParsedSource& source, std::span<const FunctionConstant> given, std::uint8_t number) {
  std::vector<FunctionConstant> constants(given.begin(), given.end());
  for (const msl::ConstantDeclaration& declared : source.constants()) {
    const auto is_this = [&](const FunctionConstant& c) {
      const auto* index = std::get_if<std::uint32_t>(&c.which);
      return index != nullptr ? *index == declared.index : std::get<std::string>(c.which) == declared.name;
    };
    if (std::ranges::none_of(given, is_this))
      constants.push_back({declared.index, msl::constant_of(declared.type, declared.components, number)});
  }
  return constants;
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
  for (const std::uint8_t number : std::to_array<std::uint8_t>({1, 4, 32, 128})) {
    result.artifact = compile_entry(source, result, device, filled(source, constants, number));
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
  for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
  work();
  threads.clear();
  return results;
}

}  // namespace anymetal::cli
