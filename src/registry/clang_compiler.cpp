#include "registry/compiler.hpp"

#include "observe/trace.hpp"

#include <utility>

namespace anymetal::registry {

namespace {

class ClangUnit final : public ParsedUnit {
 public:
  explicit ClangUnit(std::shared_ptr<const msl::ParsedSource> source) : source_(std::move(source)) {}
  std::span<const std::string> entry_names() const override { return source_->entry_names(); }
  std::span<const msl::ConstantDeclaration> constants() const override { return source_->constants(); }
  std::span<const Diagnostic> warnings() const override { return source_->warnings(); }
  std::span<const msl::FileDependency> file_dependencies() const override { return source_->file_dependencies(); }
  Result<std::shared_ptr<const msl::EntryModule>> entry(std::string_view name, std::span<const FunctionConstant> constants) const override {
    return source_->entry(name, constants);
  }

 private:
  std::shared_ptr<const msl::ParsedSource> source_;
};

class ClangCompiler final : public Compiler {
 public:
  Result<std::shared_ptr<const ParsedUnit>> parse(msl::SourceRequest request) const override {
    auto source = msl::ParsedSource::parse(std::move(request));
    if (!source) return std::unexpected(std::move(source.error()));
    return std::make_shared<const ClangUnit>(std::move(*source));
  }

  Result<device::Artifact> generate(const msl::EntryModule& entry, std::span<const FunctionConstant> constants,
                                    const device::Backend& backend, std::string_view label) const override {
    auto kernel = [&] {
      const trace::Span span("specialise", label);
      return msl::specialise(entry, constants);
    }();
    if (!kernel) return std::unexpected(std::move(kernel.error()));
    return backend.compile(std::move(*kernel), label);
  }
};

}  // namespace

std::shared_ptr<const Compiler> make_clang_compiler() { return std::make_shared<const ClangCompiler>(); }

}  // namespace anymetal::registry
