#pragma once
/// \file
/// Pragmas that are the compiler's own business and no program's.

#include <clang/Frontend/CompilerInstance.h>
#include <clang/Lex/PPCallbacks.h>

namespace anymetal::msl {

class Compilation;

/// Makes no modules: a pragma would have one built from its own text, by a compiler without bounds, into a file.
class ModuleFreeInstance : public clang::CompilerInstance {
 public:
  explicit ModuleFreeInstance(Compilation& compilation) : compilation_(compilation) {}
  void createModuleFromSource(clang::SourceLocation place, llvm::StringRef name, llvm::StringRef text) override;

 private:
  Compilation& compilation_;
};

/// Refuses `#pragma clang __debug`, which prints the compiler's tables or makes it crash.
class PragmaCheck : public clang::PPCallbacks {
 public:
  explicit PragmaCheck(Compilation& compilation) : compilation_(compilation) {}
  void PragmaDebug(clang::SourceLocation place, llvm::StringRef command) override;

 private:
  Compilation& compilation_;
};

}  // namespace anymetal::msl
