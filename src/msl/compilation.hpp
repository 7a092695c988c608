#pragma once
/// \file
/// One source after Clang's parser, kept alive so that templates can be instantiated and code generated later.

#include "msl/diagnostics.hpp"
#include "msl/source_files.hpp"

#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/FrontendAction.h>

#include <memory>
#include <vector>

namespace anymetal::msl {

class TokenCheck;

/// Thread contract: one thread at a time, and only on threads with a deep stack (on_deep_stack).
class Compilation {
 public:
  /// Parses and analyses the request's text. Errors are in take_diagnostics().
  explicit Compilation(const SourceRequest& request);
  ~Compilation();
  Compilation(const Compilation&) = delete;
  Compilation& operator=(const Compilation&) = delete;

  /// Whether parsing got as far as an AST (it may still hold errors).
  [[nodiscard]] bool has_ast() const { return has_ast_; }
  [[nodiscard]] bool has_errors() const { return instance_.getDiagnostics().hasErrorOccurred(); }
  /// Messages since the last call; forgets that there were errors.
  std::vector<Diagnostic> take_diagnostics();

  [[nodiscard]] clang::CompilerInstance& instance() { return instance_; }
  [[nodiscard]] clang::Sema& sema() { return instance_.getSema(); }
  [[nodiscard]] clang::ASTContext& ast() { return instance_.getASTContext(); }
  /// Top-level declarations of the user's files in source order.
  [[nodiscard]] const std::vector<clang::Decl*>& declarations() const { return declarations_; }
  [[nodiscard]] const SourceFiles& files() const { return files_; }

  /// Adds an error or note of the front end's own at a place; `message` speaks MSL already.
  void report(clang::DiagnosticsEngine::Level level, clang::SourceLocation location, const std::string& message);
  /// Replaces the error that the compiler reported at `old`, with its notes, by one at `place`.
  void restate(clang::SourceLocation old, clang::SourceLocation place, std::string message);

 private:
  SourceFiles files_;
  DiagnosticCollector collector_;
  clang::CompilerInstance instance_;
  std::vector<clang::Decl*> declarations_;
  std::unique_ptr<TokenCheck> token_check_;
  std::unique_ptr<clang::FrontendAction> action_;
  bool has_ast_ = false;
};

}  // namespace anymetal::msl
