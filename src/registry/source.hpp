#pragma once
/// \file
/// One MSL source text and what the front end made of it.

#include <anymetal/source_options.hpp>

#include "registry/compiler.hpp"
#include "registry/flight.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace anymetal::registry {

/// Thread contract: safe from any thread. Parses at most once per front-end target; threads that ask meanwhile wait for
/// that parse, and a failed one is tried again by the next request.
class Source {
 public:
  using UnitPtr = std::shared_ptr<const ParsedUnit>;

  enum class Kind : std::uint8_t { Users, Builtin };  ///< built-in ones are parsed from the precompiled headers of kernels/

  Source(std::string file_name, std::string text, SourceOptions options, Kind kind = Kind::Users);

  [[nodiscard]] std::string_view file_name() const { return file_name_; }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] const SourceOptions& options() const { return options_; }

  /// Whether `parsed` would answer without running the front end.
  [[nodiscard]] bool is_parsed(msl::Target target);
  /// Adds one to `parses` where this call ran the front end.
  [[nodiscard]] Result<UnitPtr> parsed(const Compiler& compiler, msl::Target target, std::atomic<std::size_t>& parses);

 private:
  struct Slot {
    UnitPtr unit;
    std::shared_ptr<Flight<UnitPtr>> flight;
  };
  std::string file_name_;
  std::string text_;
  SourceOptions options_;
  Kind kind_;
  std::mutex mutex_;  // guards slots_, never held while parsing
  std::array<Slot, 2> slots_;
};

}  // namespace anymetal::registry
