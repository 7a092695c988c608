#include "msl/sampling_names.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/DeclCXX.h>
#include <clang/Basic/SourceManager.h>
#include <clang/Frontend/CompilerInstance.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace anymetal::msl {
namespace {

bool mentions_texture(std::string_view text) {
  static constexpr std::array<std::string_view, 3> kWords = {"texture", "depth2d", "depthcube"};
  return std::ranges::any_of(kWords, [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

clang::NamespaceDecl* find_namespace(clang::ASTContext& ast, const char* name) {
  const auto found = ast.getTranslationUnitDecl()->lookup(&ast.Idents.get(name));
  return found.empty() ? nullptr : llvm::dyn_cast<clang::NamespaceDecl>(found.front());
}

}  // namespace

void SamplingNames::FileChanged(clang::SourceLocation place, FileChangeReason reason, clang::SrcMgr::CharacteristicKind,
                                clang::FileID) {
  if (is_declared_ || reason != EnterFile) return;
  const clang::SourceManager& sources = compiler_.getSourceManager();
  const auto entry = sources.getFileEntryRefForID(sources.getFileID(place));
  const SourceFile* file = entry ? files_.find(std::string_view(entry->getName())) : nullptr;
  if (file != nullptr && mentions_texture(file->original)) declare();
}

/// As `namespace metal { using namespace __msl_sampling; }`.
void SamplingNames::declare() {
  clang::ASTContext& ast = compiler_.getASTContext();
  clang::NamespaceDecl* metal = find_namespace(ast, "metal");
  clang::NamespaceDecl* sampling = find_namespace(ast, "__msl_sampling");
  if (metal == nullptr || sampling == nullptr) return;
  is_declared_ = true;
  const clang::SourceLocation none;
  metal->addDecl(clang::UsingDirectiveDecl::Create(ast, metal, none, none, clang::NestedNameSpecifierLoc(), none,
                                                   sampling, ast.getTranslationUnitDecl()));
}

}  // namespace anymetal::msl
