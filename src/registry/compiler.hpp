#pragma once
/// \file
/// The two compile steps the registry drives, behind an interface so that tests can count and break them.

#include <anymetal/error.hpp>

#include "device/backend.hpp"
#include "msl/parsed_source.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace anymetal::registry {

/// A source after the front end. Thread contract: safe from any thread.
class ParsedUnit {
 public:
  virtual ~ParsedUnit() = default;
  [[nodiscard]] virtual std::span<const std::string> entry_names() const = 0;
  [[nodiscard]] virtual std::span<const msl::ConstantDeclaration> constants() const = 0;
  [[nodiscard]] virtual std::span<const Diagnostic> warnings() const = 0;
  /// What was looked at in the include directories.
  [[nodiscard]] virtual std::span<const msl::FileDependency> file_dependencies() const = 0;
  /// The constants matter where the source needs their values (msl::EntryModule::is_bound).
  [[nodiscard]] virtual Result<std::shared_ptr<const msl::EntryModule>> entry(std::string_view name,
                                                                              std::span<const FunctionConstant> constants) const = 0;
};

/// Thread contract: safe from any thread.
class Compiler {
 public:
  virtual ~Compiler() = default;
  [[nodiscard]] virtual Result<std::shared_ptr<const ParsedUnit>> parse(msl::SourceRequest request) const = 0;
  /// Specialises an entry and generates device code for it.
  [[nodiscard]] virtual Result<device::Artifact> generate(const msl::EntryModule& entry,
                                                          std::span<const FunctionConstant> constants,
                                                          const device::Backend& backend,
                                                          std::string_view label) const = 0;
};

/// The compiler every registry uses unless a test gives it another: Clang and the device's own back end.
std::shared_ptr<const Compiler> make_clang_compiler();

}  // namespace anymetal::registry
