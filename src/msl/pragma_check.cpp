#include "msl/pragma_check.hpp"

#include "msl/compilation.hpp"

namespace anymetal::msl {

void ModuleFreeInstance::createModuleFromSource(clang::SourceLocation place, llvm::StringRef, llvm::StringRef) {
  compilation_.report(clang::DiagnosticsEngine::Error, place, "modules are not supported in Metal");
}

void PragmaCheck::PragmaDebug(clang::SourceLocation place, llvm::StringRef) {
  compilation_.report(clang::DiagnosticsEngine::Error, place, "'#pragma clang __debug' is not supported in Metal");
}

}  // namespace anymetal::msl
