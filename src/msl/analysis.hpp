#pragma once
/// \file
/// One parse of a source under the compile guard, and what was found in it.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "msl/compilation.hpp"
#include "msl/compile_guard.hpp"
#include "msl/kernels.hpp"

namespace anymetal::msl {

/// Thread contract: one thread at a time.
class Analysis {
 public:
  explicit Analysis(const SourceRequest& request);
  ~Analysis();
  Analysis(const Analysis&) = delete;
  Analysis& operator=(const Analysis&) = delete;

  /// Whether the parse came to its end; `diagnostics` may hold errors all the same.
  [[nodiscard]] bool is_parsed() const { return is_parsed_; }
  [[nodiscard]] bool has_errors() const;
  /// Whether nothing was parsed for want of precompiled headers that can be read.
  [[nodiscard]] bool lacks_headers() const { return lacks_headers_; }
  /// Whether entries can still be made: none has stopped the compiler.
  [[nodiscard]] bool is_sound() const { return is_sound_; }
  /// Whether the last entry failed after an earlier one had. Clang says once only what is wrong with an instantiation that
  /// both use: a new parse says it again.
  [[nodiscard]] bool is_spent() const { return is_spent_; }

  std::vector<KernelName> kernels;
  std::vector<unsigned> lines;  ///< per kernel, where its function is defined; 0 in an included file
  std::vector<FunctionConstantVariable> constants;
  std::vector<UnusableName> unusable_names;
  std::vector<Diagnostic> diagnostics;
  std::vector<std::string> dependencies;
  std::vector<FileDependency> file_dependencies;

  /// The IR of one of its kernels. ShaderCompilationError; FunctionConstantError where a constant that was filled in
  /// decides it.
  Result<std::shared_ptr<const EntryModule>> entry(std::string_view kernel);

 private:
  StepOutcome run(const std::function<void()>& work);
  void analyse();
  void find_names();
  [[nodiscard]] unsigned defining_line(const clang::FunctionDecl& function) const;
  void add_stop(const StepOutcome& outcome);

  CompileLimits limits_;
  std::string name_;
  Target target_;
  std::unique_ptr<Compilation> compilation_;  ///< gone where a step left it in an unknown state
  bool is_parsed_ = false;
  bool lacks_headers_ = false;
  bool is_sound_ = true;
  bool has_failed_ = false;  ///< an entry
  bool is_spent_ = false;
};

bool has_error(const std::vector<Diagnostic>& diagnostics);

/// "`subject` does not compile", with the diagnostics as text and as data.
Error compilation_error(const std::string& subject, std::vector<Diagnostic> diagnostics);

}  // namespace anymetal::msl
