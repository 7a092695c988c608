#include "msl/threadgroup_statics.hpp"

#include <clang/AST/Decl.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Sema/Scope.h>
#include <clang/Sema/Sema.h>

#include "msl/annotations.hpp"
#include "msl/token_insertion.hpp"

namespace anymetal::msl {

void ThreadgroupStatics::operator()(const clang::Token& token) {
  namespace tok = clang::tok;
  if (is_declared_) {
    is_declared_ = is_declaring_ = false;
    free_pointers();
  }
  if (is_declaring_ && token.is(tok::semi)) is_declared_ = true;

  const clang::Sema& sema = instance_.getSema();
  if (token.is(tok::kw___local) && begins_statement_ && sema.CurContext != nullptr &&
      sema.CurContext->isFunctionOrMethod())
    insert_static(token);

  if (alignment_depth_ > 0) {
    if (token.is(tok::l_paren)) ++alignment_depth_;
    if (token.is(tok::r_paren)) --alignment_depth_;
  } else if (after_alignas_ && token.is(tok::l_paren)) {
    alignment_depth_ = 1;
  } else {
    begins_statement_ = token.isOneOf(tok::semi, tok::l_brace, tok::r_brace, tok::colon) ||
                        (begins_statement_ && (token.isOneOf(tok::kw_const, tok::kw_volatile, tok::kw_alignas) || tok::isPragmaAnnotation(token.getKind())));
  }
  after_alignas_ = token.is(tok::kw_alignas);
}

void ThreadgroupStatics::insert_static(const clang::Token& behind) {
  static constexpr InsertedToken kStorage[] = {{clang::tok::kw_static, "static"}};
  insert_tokens(instance_.getPreprocessor(), behind.getLocation(), kStorage);
  is_declaring_ = true;
}

void ThreadgroupStatics::free_pointers() {
  const clang::Scope* scope = instance_.getSema().getCurScope();
  if (scope == nullptr) return;
  for (clang::Decl* declaration : scope->decls()) {
    auto* variable = llvm::dyn_cast<clang::VarDecl>(declaration);
    if (variable == nullptr || !variable->isStaticLocal() || is_threadgroup_variable(*variable)) continue;
    if (address_space(*variable) == "threadgroup") variable->setStorageClass(clang::SC_None);
  }
}

}  // namespace anymetal::msl
