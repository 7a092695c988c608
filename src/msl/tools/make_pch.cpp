// Precompiles the library headers for one target: make_pch host|nvptx OUTPUT. Runs while the library is built.
#include "msl/clang_invocation.hpp"
#include "msl/embedded_files.hpp"
#include "msl/library_macros.hpp"
#include "msl/source_files.hpp"

#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/FrontendActions.h>
#include <clang/Frontend/TextDiagnosticPrinter.h>
#include <clang/Lex/Preprocessor.h>
#include <llvm/Support/raw_ostream.h>

#include <string_view>

namespace anymetal::msl {
std::string_view embedded_pch(Target) { return {}; }
}  // namespace anymetal::msl

namespace {

class GenerateAction : public clang::GeneratePCHAction {
 protected:
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
  instance.createFileManager(files.file_system());
  instance.createSourceManager(instance.getFileManager());
  auto& frontend = instance.getFrontendOpts();
  frontend.OutputFile = argv[2];
  frontend.ProgramAction = clang::frontend::GeneratePCH;
  frontend.Inputs.assign(1, clang::FrontendInputFile(kPreludeFile, clang::InputKind(clang::Language::CXX).getHeader()));
  GenerateAction action;
  return instance.ExecuteAction(action) && !instance.getDiagnostics().hasErrorOccurred() ? 0 : 1;
}
