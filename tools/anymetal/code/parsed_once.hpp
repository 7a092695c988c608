#pragma once
/// \file
/// One parse for whoever asks for the same source.

#include <memory>
#include <mutex>

#include "registry/compiler.hpp"

namespace anymetal::cli {

/// Another compiler, and the source that it parsed last: what the command line wants to know of a file, its registry
/// need not parse again. The options of a command are the same for all its parses. Thread contract: safe from any
/// thread.
class ParsedOnce final : public registry::Compiler {
 public:
  explicit ParsedOnce(std::shared_ptr<const registry::Compiler> compiler) : compiler_(std::move(compiler)) {}

  [[nodiscard]] Result<std::shared_ptr<const registry::ParsedUnit>> parse(msl::SourceRequest request) const override;
  [[nodiscard]] Result<device::Artifact> generate(const msl::EntryModule& entry,
                                                  std::span<const FunctionConstant> constants,
                                                  const device::Backend& backend,
                                                  std::string_view label) const override {
    return compiler_->generate(entry, constants, backend, label);
  }

 private:
  std::shared_ptr<const registry::Compiler> compiler_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::string text_;
  mutable msl::Target target_ = msl::Target::Host;
  mutable std::shared_ptr<const registry::ParsedUnit> unit_;
};

}  // namespace anymetal::cli
