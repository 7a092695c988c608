#pragma once
/// \file
/// Compiles many kernels of one source at once.

#include <anymetal/device.hpp>
#include <anymetal/error.hpp>
#include <anymetal/function_constant.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "code/code_resources.hpp"
#include "device/backend.hpp"
#include "msl/parsed_source.hpp"

namespace anymetal::cli {

/// What became of one entry.
struct CompiledEntry {
  std::string name;
  double entry_milliseconds = 0;       ///< its IR out of the syntax tree
  double specialise_milliseconds = 0;  ///< function constants and inlining
  double device_milliseconds = 0;      ///< optimisation and code
  std::optional<unsigned> assumed;  ///< what function constants without a value were taken to be, where the kernel reads any
  std::size_t code_bytes = 0;
  CodeResources resources;            ///< of one thread, as the device's code reserves them
  Result<device::Artifact> artifact;  ///< without its code, which may be long

  [[nodiscard]] double milliseconds() const {
    return entry_milliseconds + specialise_milliseconds + device_milliseconds;
  }
};

/// Says how far the work is: entries done, entries failed, the name of the last. Called by one thread at a time.
using Progress = std::function<void(std::size_t, std::size_t, const std::string&)>;

/// What becomes of a kernel that reads a function constant to which nobody gave a value: it is an error, or the kernel is compiled with the
/// first of msl::kAssumedConstants for all of these that it compiles with, as a check of the file asks.
enum class UnsetConstants : std::uint8_t { AreErrors, AreAssumed };

/// Compiles every entry on up to `jobs` threads; a failure stops no other. Results are in the order of `names`.
std::vector<CompiledEntry> compile_entries(const msl::ParsedSource& source, std::span<const std::string> names,
                                           const Device& device, std::span<const FunctionConstant> constants,
                                           UnsetConstants unset, unsigned jobs, const Progress& progress);

}  // namespace anymetal::cli
