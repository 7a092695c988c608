#pragma once
/// \file
/// A compiler for a language of lines, to test the registry with: `kernel NAME`, `constant NAME INDEX`,
/// `error MESSAGE` (a diagnostic on that line), `version WORD` (becomes the pipeline's execution path), `reads PATH` (a file
/// of an include directory).

#include "registry/compiler.hpp"

#include <atomic>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace anymetal::testing {

class FakeUnit final : public registry::ParsedUnit {
 public:
  std::span<const std::string> entry_names() const override { return names; }
  std::span<const msl::ConstantDeclaration> constants() const override { return declared; }
  std::span<const Diagnostic> warnings() const override { return {}; }
  std::span<const msl::FileDependency> file_dependencies() const override { return files; }
  Result<std::shared_ptr<const msl::EntryModule>> entry(std::string_view name, std::span<const FunctionConstant>) const override {
    auto module = std::make_shared<msl::EntryModule>();
    module->bitcode = version;
    module->symbol = name;
    module->reflection.name = name;
    module->reflection.arguments = arguments;
    module->constants = declared;
    return module;
  }

  std::vector<std::string> names;
  std::vector<msl::ConstantDeclaration> declared;
  std::vector<msl::FileDependency> files;
  std::vector<Argument> arguments;
  std::string version = "1";
};

/// Set the hooks before the registry is used; they run in the compiling thread.
class FakeCompiler final : public registry::Compiler {
 public:
  Result<std::shared_ptr<const registry::ParsedUnit>> parse(msl::SourceRequest request) const override {
    ++parses;
    if (on_parse) on_parse(request);
    auto unit = std::make_shared<FakeUnit>();
    unit->arguments = arguments;
    std::istringstream lines(request.text);
    unsigned number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      std::istringstream words(line);
      std::string verb;
      std::string what;
      words >> verb >> what;
      if (verb == "kernel") unit->names.push_back(what);
      if (verb == "version") unit->version = what;
      if (verb == "reads") {
        what = line.substr(line.find(what));  // a path may have spaces
        std::stringstream content;
        const std::ifstream file(what);
        if (file) content << file.rdbuf();
        unit->files.push_back({what, file ? msl::content_digest(content.str()) : std::string()});
      }
      if (verb == "constant") {
        msl::ConstantDeclaration declaration;
        declaration.name = what;
        words >> declaration.index;
        unit->declared.push_back(declaration);
      }
      if (verb == "error") {
        Diagnostic d{Severity::Error, request.name, number, 7, line.substr(line.find(what)), line};
        return std::unexpected(Error(ErrorCode::ShaderCompilationError, render({d})).with_diagnostics({d}));
      }
    }
    return unit;
  }

  Result<device::Artifact> generate(const msl::EntryModule& entry, std::span<const FunctionConstant> constants,
                                    const device::Backend&, std::string_view label) const override {
    ++generates;
    if (on_generate) {
      if (auto ok = on_generate(label, constants); !ok) return std::unexpected(ok.error());
    }
    device::Artifact artifact;
    artifact.code = label;
    artifact.symbol = entry.symbol;
    artifact.execution_path = entry.bitcode;
    artifact.reflection = entry.reflection;
    artifact.reflection.static_threadgroup_memory = static_threadgroup_memory;
    return artifact;
  }

  std::function<void(const msl::SourceRequest&)> on_parse;
  std::function<Result<void>(std::string_view, std::span<const FunctionConstant>)> on_generate;
  std::vector<Argument> arguments;  ///< of every kernel
  std::size_t static_threadgroup_memory = 0;
  mutable std::atomic<int> parses{0};
  mutable std::atomic<int> generates{0};
};

}  // namespace anymetal::testing
