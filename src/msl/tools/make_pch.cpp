// Precompiles the library headers for one target: make_pch host|nvptx OUTPUT. Runs while the library is built.
#include "msl/clang_invocation.hpp"
#include "msl/embedded_files.hpp"
#include "msl/library_macros.hpp"
#include "msl/source_files.hpp"

#include <clang/AST/ASTConsumer.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/FrontendActions.h>
#include <clang/Frontend/MultiplexConsumer.h>
#include <clang/Frontend/TextDiagnosticPrinter.h>
#include <clang/Lex/Preprocessor.h>
#include <clang/Sema/Sema.h>
#include <llvm/Support/raw_ostream.h>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace anymetal::msl {
std::string_view embedded_pch(Target) { return {}; }
}  // namespace anymetal::msl

namespace {

using Declarations = llvm::SmallSetVector<clang::Decl*, 4>;
Declarations& deferred(clang::Sema& sema);

/// A private member, which an explicit instantiation may name.
template <Declarations clang::Sema::*member>
struct Deferred {
  friend Declarations& deferred(clang::Sema& sema) { return sema.*member; }
};
template struct Deferred<&clang::Sema::DeclsToCheckForDeferredDiags>;

/// Forgets the functions whose errors CUDA and OpenMP defer: every parse would read all of the library's to look for some.
class NothingDeferred : public clang::ASTConsumer {
 public:
  explicit NothingDeferred(clang::CompilerInstance& instance) : instance_(instance) {}
  void HandleTranslationUnit(clang::ASTContext&) override { deferred(instance_.getSema()).clear(); }

 private:
  clang::CompilerInstance& instance_;
};

class GenerateAction : public clang::GeneratePCHAction {
 protected:
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& instance, llvm::StringRef file) override {
    auto writer = GeneratePCHAction::CreateASTConsumer(instance, file);
    if (!writer) return nullptr;
    std::vector<std::unique_ptr<clang::ASTConsumer>> consumers;
    consumers.push_back(std::make_unique<NothingDeferred>(instance));
    consumers.push_back(std::move(writer));
    return std::make_unique<clang::MultiplexConsumer>(std::move(consumers));
  }
  bool BeginSourceFileAction(clang::CompilerInstance& instance) override {
    anymetal::msl::register_reserved_words(instance.getPreprocessor());
    anymetal::msl::LibraryMacros::install(instance.getPreprocessor());
    return GeneratePCHAction::BeginSourceFileAction(instance);
  }
};

}  // namespace

int main(int argc, char** argv) {
  using namespace anymetal::msl;
  if (argc != 3) {
    llvm::errs() << "usage: make_pch host|nvptx OUTPUT\n";
    return 2;
  }
  SourceRequest request;
  request.target = std::string_view(argv[1]) == "nvptx" ? Target::Nvptx : Target::Host;
  const SourceFiles files(request, false);
  clang::CompilerInstance instance;
  instance.createDiagnostics();
  instance.setInvocation(make_invocation(request.options, {}, request.target, false, instance.getDiagnostics()));
  instance.getLangOpts().PCHInstantiateTemplates = true;  // once, not in every parse
  instance.createFileManager(files.file_system());
  instance.createSourceManager(instance.getFileManager());
  auto& frontend = instance.getFrontendOpts();
  frontend.OutputFile = argv[2];
  frontend.ProgramAction = clang::frontend::GeneratePCH;
  frontend.Inputs.assign(1, clang::FrontendInputFile(kPreludeFile, clang::InputKind(clang::Language::CXX).getHeader()));
  GenerateAction action;
  return instance.ExecuteAction(action) && !instance.getDiagnostics().hasErrorOccurred() ? 0 : 1;
}
