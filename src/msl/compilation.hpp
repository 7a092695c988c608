#pragma once
/// \file
/// One source after Clang's parser, kept alive so that templates can be instantiated and code generated later.

#include "msl/diagnostics.hpp"
#include "msl/pragma_check.hpp"
#include "msl/source_files.hpp"

#include <anymetal/compile_limits.hpp>

#include <clang/Frontend/FrontendAction.h>
#include <llvm/ADT/DenseMap.h>

#include <functional>
#include <memory>
#include <vector>

namespace anymetal::msl {

class TokenCheck;

/// Thread contract: one thread at a time. All but the constructor belongs into a guarded step (compile_guard.hpp).
class Compilation {
 public:
  Compilation(const SourceRequest& request, const CompileLimits& limits);
  /// Makes something that is told of all declarations.
  using Listener = std::function<std::unique_ptr<clang::ASTConsumer>(clang::CompilerInstance&)>;

  /// Parses and analyses the request's text. Errors are in take_diagnostics(). `listener`: where the text is one that others go on from,
  /// for who writes it down.
  void parse(const Listener& listener = {});
  ~Compilation();
  Compilation(const Compilation&) = delete;
  Compilation& operator=(const Compilation&) = delete;

  /// Whether a place is in text of the user's, be it marked as a system header or not.
  [[nodiscard]] bool is_users(clang::SourceLocation location) const;
  /// Whether what stands at a place was written by the library, in a macro of its own too.
  [[nodiscard]] bool is_librarys(clang::SourceLocation location) const;
  /// `__METAL_VERSION__` of the request's language standard.
  [[nodiscard]] unsigned metal_version() const;
  /// Where the parser was last; for what has no place of its own.
  [[nodiscard]] UserPosition last_position() const;

  /// Whether parsing began: the precompiled headers could be read.
  [[nodiscard]] bool has_begun() const { return action_ != nullptr; }
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
  /// The function constants that have values in this parse.
  [[nodiscard]] const std::optional<ConstantBinding>& binding() const { return binding_; }

  /// Adds an error or note of the front end's own at a place; `message` speaks MSL already.
  void report(clang::DiagnosticsEngine::Level level, clang::SourceLocation location, const std::string& message);
  /// Replaces the error that the compiler reported at `old`, with its notes, by one at `place`.
  void restate(clang::SourceLocation old, clang::SourceLocation place, std::string message);

 private:
  SourceOptions options_;
  CompileLimits limits_;
  Target target_;
  std::optional<ConstantBinding> binding_;
  SourceFiles files_;
  DiagnosticCollector collector_;
  ModuleFreeInstance instance_{*this};
  std::vector<clang::Decl*> declarations_;
  std::unique_ptr<TokenCheck> token_check_;
  std::unique_ptr<clang::FrontendAction> action_;
  mutable llvm::DenseMap<clang::FileID, bool> user_files_;
  bool has_ast_ = false;
};

}  // namespace anymetal::msl
