#pragma once
/// \file
/// Bounds on what macros may grow to: the preprocessor has none of its own.

#include <clang/Lex/PPCallbacks.h>
#include <llvm/ADT/DenseMap.h>

#include <cstdint>

namespace clang {
class MacroArgs;
class MacroInfo;
class Preprocessor;
}  // namespace clang

namespace anymetal::msl {

/// Ends the step where macros are expanded more often than there may be tokens, and before a call of a macro whose
/// arguments would be expanded to more than that: their expansion is made in one go, before any token of it is seen.
class PreprocessorLimits : public clang::PPCallbacks {
 public:
  PreprocessorLimits(const clang::Preprocessor& preprocessor, unsigned tokens) : preprocessor_(preprocessor), limit_(tokens) {}
  void MacroExpands(const clang::Token& name, const clang::MacroDefinition& definition, clang::SourceRange range,
                    const clang::MacroArgs* arguments) override;
  void MacroDefined(const clang::Token&, const clang::MacroDirective*) override { body_sizes_.clear(); }
  void MacroUndefined(const clang::Token&, const clang::MacroDefinition&, const clang::MacroDirective*) override { body_sizes_.clear(); }

 private:
  [[nodiscard]] std::uint64_t expanded_size(const clang::Token* tokens);
  [[nodiscard]] std::uint64_t body_size(const clang::MacroInfo& macro);
  void refuse() const;

  const clang::Preprocessor& preprocessor_;
  std::uint64_t limit_;
  std::uint64_t expansions_ = 0;
  llvm::DenseMap<const clang::MacroInfo*, std::uint64_t> body_sizes_;  ///< valid until a macro is defined or undefined
};

}  // namespace anymetal::msl
