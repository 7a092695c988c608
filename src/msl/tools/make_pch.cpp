// Precompiles headers for one target, while the library is built.
//
//   make_pch host|nvptx OUTPUT                          the library's own
//   make_pch host|nvptx OUTPUT MANIFEST FIRST KERNELS   those below KERNELS/common and KERNELS/cpu (host) or
//   KERNELS/nvidia, in a file that
//                                                       goes on from FIRST, the library's own; MANIFEST:
//                                                       msl::PrecompiledHeaders::read
#include <clang/AST/ASTConsumer.h>
#include <clang/AST/DeclTemplate.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/FrontendActions.h>
#include <clang/Frontend/MultiplexConsumer.h>
#include <clang/Frontend/TextDiagnosticPrinter.h>
#include <clang/Lex/PPCallbacks.h>
#include <clang/Lex/Preprocessor.h>
#include <clang/Sema/Sema.h>
#include <clang/Serialization/ASTWriter.h>
#include <clang/Serialization/InMemoryModuleCache.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "msl/checks.hpp"
#include "msl/clang_invocation.hpp"
#include "msl/embedded_files.hpp"
#include "msl/kernels.hpp"
#include "msl/library_macros.hpp"
#include "msl/source_files.hpp"

namespace anymetal::msl {
namespace {
std::string first_pch;
}
std::string_view embedded_pch(Target) { return first_pch; }
}  // namespace anymetal::msl

namespace {

namespace fs = std::filesystem;
using namespace anymetal::msl;

using Declarations = llvm::SmallSetVector<clang::Decl*, 4>;
Declarations& deferred(clang::Sema& sema);

/// A private member, which an explicit instantiation may name.
template <Declarations clang::Sema::*member>
struct Deferred {
  friend Declarations& deferred(clang::Sema& sema) { return sema.*member; }
};
template struct Deferred<&clang::Sema::DeclsToCheckForDeferredDiags>;

/// Forgets the functions whose errors CUDA and OpenMP defer: every parse would read all of the library's to look for
/// some.
class NothingDeferred : public clang::ASTConsumer {
 public:
  explicit NothingDeferred(clang::CompilerInstance& instance) : instance_(instance) {}
  void HandleTranslationUnit(clang::ASTContext&) override { deferred(instance_.getSema()).clear(); }

 private:
  clang::CompilerInstance& instance_;
};

std::unique_ptr<clang::ASTConsumer> without_deferred(clang::CompilerInstance& instance,
                                                     std::unique_ptr<clang::ASTConsumer> writer) {
  std::vector<std::unique_ptr<clang::ASTConsumer>> consumers;
  consumers.push_back(std::make_unique<NothingDeferred>(instance));
  consumers.push_back(std::move(writer));
  return std::make_unique<clang::MultiplexConsumer>(std::move(consumers));
}

class GenerateAction : public clang::GeneratePCHAction {
 protected:
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& instance,
                                                        llvm::StringRef file) override {
    auto writer = GeneratePCHAction::CreateASTConsumer(instance, file);
    return writer ? without_deferred(instance, std::move(writer)) : nullptr;
  }
  bool BeginSourceFileAction(clang::CompilerInstance& instance) override {
    register_reserved_words(instance.getPreprocessor());
    LibraryMacros::install(instance.getPreprocessor());
    return GeneratePCHAction::BeginSourceFileAction(instance);
  }
};

bool precompile_library(Target target, const std::string& output) {
  SourceRequest request;
  request.target = target;
  const SourceFiles files(request, false);
  clang::CompilerInstance instance;
  instance.createDiagnostics();
  instance.setInvocation(make_invocation(request.options, {}, request.target, {}, instance.getDiagnostics()));
  instance.getLangOpts().PCHInstantiateTemplates = true;  // once, not in every parse
  instance.createFileManager(files.file_system());
  instance.createSourceManager(instance.getFileManager());
  auto& frontend = instance.getFrontendOpts();
  frontend.OutputFile = output;
  frontend.ProgramAction = clang::frontend::GeneratePCH;
  frontend.Inputs.assign(1, clang::FrontendInputFile(kPreludeFile, clang::InputKind(clang::Language::CXX).getHeader()));
  GenerateAction action;
  return instance.ExecuteAction(action) && !instance.getDiagnostics().hasErrorOccurred();
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Which of the given headers each includes, by name.
class Inclusions : public clang::PPCallbacks {
 public:
  using Names = std::map<std::string, std::set<std::string>>;
  Inclusions(const clang::SourceManager& sources, Names& names) : sources_(sources), names_(names) {}
  void InclusionDirective(clang::SourceLocation hash, const clang::Token&, llvm::StringRef, bool,
                          clang::CharSourceRange, clang::OptionalFileEntryRef file, llvm::StringRef, llvm::StringRef,
                          const clang::Module*, bool, clang::SrcMgr::CharacteristicKind) override {
    const auto from = sources_.getFileEntryRefForID(sources_.getFileID(hash));
    if (!file || !from || !file->getName().starts_with(kSourceRoot)) return;
    const std::string name = file->getName().substr(kSourceRoot.size()).str();
    names_.try_emplace(name);
    if (from->getName().starts_with(kSourceRoot)) names_[from->getName().substr(kSourceRoot.size()).str()].insert(name);
  }

 private:
  const clang::SourceManager& sources_;
  Names& names_;
};

using Files = std::vector<std::pair<std::string, std::string>>;  // names and texts

/// Names of the headers for a target, without those that have a function constant, which is looked for in what a source
/// declares itself, or include one that has.
std::vector<std::string> headers_for(Target target, const Files& given) {
  std::set<std::string> left_out;
  const auto stays_out = [&](const std::string& text) {
    return text.contains("[[function_constant(") || std::ranges::any_of(left_out, [&](const std::string& name) {
             return text.contains("#include \"" + name + '"');
           });
  };
  for (std::size_t before = left_out.size() + 1; before != left_out.size();) {
    before = left_out.size();
    for (const auto& [name, text] : given) {
      if (stays_out(text)) left_out.insert(name);
    }
  }
  std::vector<std::string> names;
  for (const auto& [name, text] : given) {
    const bool is_for_target =
        name.starts_with("common/") || name.starts_with(target == Target::Nvptx ? "nvidia/" : "cpu/");
    if (is_for_target && !left_out.contains(name)) names.push_back(name);
  }
  return names;
}

/// What would be missing from a source that goes on from here: its kernels are looked for in what it declares itself.
bool has_kernels(Compilation& compilation) {
  for (const UnusableName& name : find_unusable_names(compilation))
    llvm::errs() << name.name << ": " << name.reason << '\n';
  return !find_kernels(compilation).empty() || !find_function_constants(compilation).empty() ||
         !find_unusable_names(compilation).empty();
}

bool precompile_kernels_headers(Target target, const std::string& output, const std::string& manifest,
                                const fs::path& kernels) {
  SourceRequest request;
  request.name = "the headers of kernels";
  request.target = target;
  for (const auto& entry : fs::recursive_directory_iterator(kernels)) {
    if (entry.path().extension() == ".h")
      request.options.include_files.emplace_back(fs::relative(entry.path(), kernels).generic_string(),
                                                 read_file(entry.path()));
  }
  std::ranges::sort(request.options.include_files);
  for (const std::string& name : headers_for(target, request.options.include_files))
    request.text += "#include \"" + name + "\"\n";

  const auto buffer = std::make_shared<clang::PCHBuffer>();
  Inclusions::Names inclusions;
  Compilation compilation(request, {});
  compilation.parse([&](clang::CompilerInstance& instance) {
    instance.getPreprocessor().addPPCallbacks(std::make_unique<Inclusions>(instance.getSourceManager(), inclusions));
    return without_deferred(instance, std::make_unique<clang::PCHGenerator>(
                                          instance.getPreprocessor(), instance.getModuleCache(), kHeadersPchFile, "",
                                          buffer, instance.getFrontendOpts().ModuleFileExtensions, false, false));
  });
  bool is_good = compilation.has_ast() && !compilation.has_errors();
  if (is_good) {
    check_host_access(compilation);
    check_declarations(compilation);
    is_good = !has_kernels(compilation);
  }
  const auto messages = compilation.take_diagnostics();  // a warning would be lost
  llvm::errs() << anymetal::render(messages);
  if (!is_good || !messages.empty()) return false;
  compilation.instance().getASTConsumer().HandleTranslationUnit(compilation.ast());
  if (!buffer->IsComplete) return false;

  std::ofstream pch(output, std::ios::binary), lines(manifest, std::ios::binary);
  pch.write(buffer->Data.data(), static_cast<std::streamsize>(buffer->Data.size()));
  for (const auto& [name, included] : inclusions) {
    lines << name << ' ' << compilation.files().find(std::string(kSourceRoot) + name)->rewritten.size();
    for (const std::string& other : included) lines << ' ' << other;
    lines << '\n';
  }
  return pch.flush().good() && lines.flush().good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 6) {
    llvm::errs() << "usage: make_pch host|nvptx OUTPUT [MANIFEST FIRST KERNELS]\n";
    return 2;
  }
  const Target target = std::string_view(argv[1]) == "nvptx" ? Target::Nvptx : Target::Host;
  if (argc == 3) return precompile_library(target, argv[2]) ? 0 : 1;
  first_pch = read_file(argv[4]);
  return precompile_kernels_headers(target, argv[2], argv[3], argv[5]) ? 0 : 1;
}
