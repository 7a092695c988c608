#include "msl/method_spaces.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Attr.h>
#include <clang/AST/DeclCXX.h>
#include <clang/AST/DeclTemplate.h>
#include <clang/AST/TypeLoc.h>
#include <clang/Basic/TargetInfo.h>
#include <clang/Basic/TokenKinds.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Lex/Token.h>
#include <clang/Sema/Sema.h>
#include <llvm/ADT/STLFunctionalExtras.h>
#include <llvm/ADT/SmallPtrSet.h>

#include <cstring>

namespace anymetal::msl {
namespace {

bool is_space(clang::tok::TokenKind kind) {
  return kind == clang::tok::kw___global || kind == clang::tok::kw___local || kind == clang::tok::kw___private ||
         kind == clang::tok::kw___generic;
}

/// The space of pointers that the same keyword gives; Default for all others.
clang::LangAS pointer_space(clang::LangAS method_space) {
  switch (method_space) {
    case clang::LangAS::opencl_global:
      return clang::LangAS::sycl_global;
    case clang::LangAS::opencl_local:
      return clang::LangAS::sycl_local;
    case clang::LangAS::opencl_private:
      return clang::LangAS::sycl_private;
    default:
      return clang::LangAS::Default;
  }
}

MethodSpaces::MethodType type_of(const clang::FunctionDecl& function) { return {function.getType(), function.getTypeSourceInfo()}; }

void change_qualifiers(clang::ASTContext& ast, clang::FunctionDecl& function, llvm::function_ref<void(clang::Qualifiers&)> change) {
  const auto* written = function.getType()->castAs<clang::FunctionProtoType>();
  clang::FunctionProtoType::ExtProtoInfo info = written->getExtProtoInfo();
  change(info.TypeQuals);
  const clang::QualType type = ast.getFunctionType(written->getReturnType(), written->getParamTypes(), info);
  function.setType(type);
  const clang::TypeSourceInfo* old = function.getTypeSourceInfo();
  if (old == nullptr || old->getType()->getTypeClass() != clang::Type::FunctionProto) return;
  const unsigned size = old->getTypeLoc().getFullDataSize();
  clang::TypeSourceInfo* source = ast.CreateTypeSourceInfo(type, size);
  std::memcpy(source->getTypeLoc().getOpaqueData(), old->getTypeLoc().getOpaqueData(), size);
  function.setTypeSourceInfo(source);
}

/// `restrict` stands beside each space: where no such qualifier differs, Clang takes an object in the default space for one in any other,
/// and finds the function of that space the better one. What it says of aliasing is taken away again (ir_cleanup.cpp).
void correct(clang::ASTContext& ast, clang::CXXMethodDecl& method) {
  const auto* written = method.getType()->getAs<clang::FunctionProtoType>();
  if (written == nullptr) return;
  const clang::LangAS space = written->getMethodQuals().getAddressSpace();
  if (space != clang::LangAS::opencl_generic && pointer_space(space) == clang::LangAS::Default) return;
  if (space == clang::LangAS::opencl_generic)
    method.addAttr(clang::AnnotateAttr::CreateImplicit(ast, "msl:thread", nullptr, 0));
  const bool is_constructor = llvm::isa<clang::CXXConstructorDecl>(method);
  change_qualifiers(ast, method, [&](clang::Qualifiers& qualifiers) {
    qualifiers.setAddressSpace(pointer_space(space));
    if (space == clang::LangAS::opencl_private && !is_constructor) qualifiers.addConst();
    if (!is_constructor) qualifiers.addRestrict();
  });
}

bool is_corrected(const clang::CXXMethodDecl& method) {
  const auto* type = method.getType()->getAs<clang::FunctionProtoType>();
  return type != nullptr && type->getMethodQuals().hasRestrict();
}

/// The function that a member is, or makes as a template; nullptr where it is none.
clang::CXXMethodDecl* method_of(clang::Decl* member) {
  const auto* definition = llvm::dyn_cast<clang::FunctionTemplateDecl>(member);
  return llvm::dyn_cast<clang::CXXMethodDecl>(definition == nullptr ? member : definition->getTemplatedDecl());
}

/// What a member of an instantiated class was made from; nullptr where it is none.
clang::CXXMethodDecl* pattern_of(clang::Decl* member) {
  clang::FunctionDecl* pattern = nullptr;
  if (const auto* definition = llvm::dyn_cast<clang::FunctionTemplateDecl>(member)) {
    if (const clang::FunctionTemplateDecl* made_from = definition->getInstantiatedFromMemberTemplate()) pattern = made_from->getTemplatedDecl();
  } else if (const auto* method = llvm::dyn_cast<clang::CXXMethodDecl>(member)) {
    pattern = method->getInstantiatedFromMemberFunction();
  }
  return llvm::dyn_cast_or_null<clang::CXXMethodDecl>(pattern);
}

/// Protected members of any target.
struct AnyTarget : clang::TargetInfo {
  static void set_spaces(clang::TargetInfo& target, const clang::LangASMap& spaces) {
    target.*(&AnyTarget::AddrSpaceMap) = &spaces;
    target.*(&AnyTarget::UseAddrSpaceMapMangling) = false;
  }
};

}  // namespace

void erase_target_spaces(clang::TargetInfo& target) {
  static constexpr clang::LangASMap kZero = {};
  AnyTarget::set_spaces(target, kZero);
}

void MethodSpaces::operator()(const clang::Token& token) {
  if (!redeclared_.empty()) correct_redeclared();
  if (has_spaces_ && token.isOneOf(clang::tok::semi, clang::tok::r_brace)) correct_methods();
  if (is_declared_) {
    is_pending_ = is_declared_ = false;
    instance_.getLangOpts().OpenCLCPlusPlus = false;
    correct_methods();
  }
  if (is_space(token.getKind()) && after_parameters_) {
    is_pending_ = true;
    instance_.getLangOpts().OpenCLCPlusPlus = true;
  }
  if (is_pending_ && token.isOneOf(clang::tok::l_brace, clang::tok::semi, clang::tok::colon))
    is_declared_ = true;
  if (!written_.empty() && token.isOneOf(clang::tok::l_brace, clang::tok::colon, clang::tok::semi)) await_definition();
  specialisation_ = token.is(clang::tok::kw_template)                                        ? Specialisation::Template
                    : specialisation_ == Specialisation::Template && token.is(clang::tok::less)   ? Specialisation::Less
                    : specialisation_ == Specialisation::Less && token.is(clang::tok::greater)    ? Specialisation::Declared
                    : specialisation_ == Specialisation::Declared && !token.isOneOf(clang::tok::l_brace, clang::tok::semi)
                        ? Specialisation::Declared
                        : Specialisation::None;
  after_parameters_ = token.is(clang::tok::r_paren) ||
                      (after_parameters_ &&
                       (is_space(token.getKind()) || token.isOneOf(clang::tok::kw_const, clang::tok::kw_volatile)));
}

/// Behind the parameters of `void S::f() device {` the parser is in the class, which it has read, and behind those of
/// `template <> void f(float) device {` it may be reading it still: what its functions were declared as is what this one is compared with.
void MethodSpaces::await_definition() {
  clang::Sema& sema = instance_.getSema();
  auto* record = llvm::dyn_cast_or_null<clang::CXXRecordDecl>(sema.CurContext);
  if (record == nullptr || !(record->isCompleteDefinition() || specialisation_ == Specialisation::Declared)) return;
  for (clang::Decl* member : record->noload_decls()) {
    clang::CXXMethodDecl* method = method_of(member);
    if (method == nullptr) continue;
    if (const auto written = written_.find(method); written != written_.end()) {
      redeclared_.emplace_back(method, type_of(*method));
      method->setType(written->second.type);
      method->setTypeSourceInfo(written->second.source);
    } else if (const auto pattern = written_.find(pattern_of(member)); pattern != written_.end()) {
      redeclared_.emplace_back(method, type_of(*method));
      const clang::Qualifiers qualifiers = pattern->second.type->castAs<clang::FunctionProtoType>()->getMethodQuals();
      change_qualifiers(sema.Context, *method, [&](clang::Qualifiers& changed) { changed = qualifiers; });
    }
  }
}

void MethodSpaces::correct_redeclared() {
  for (const auto& [method, corrected] : redeclared_) {
    for (clang::FunctionDecl* declaration : method->redecls()) {
      declaration->setType(corrected.type);
      declaration->setTypeSourceInfo(corrected.source);
    }
    if (clang::FunctionTemplateDecl* definition = method->getDescribedFunctionTemplate()) {
      for (clang::FunctionDecl* specialised : definition->specializations())
        correct(instance_.getASTContext(), *llvm::cast<clang::CXXMethodDecl>(specialised));
    }
  }
  redeclared_.clear();
}

void MethodSpaces::correct_methods() {
  clang::Sema& sema = instance_.getSema();
  auto* record = llvm::dyn_cast_or_null<clang::CXXRecordDecl>(sema.CurContext);
  has_spaces_ = record != nullptr;
  if (record == nullptr) return;
  llvm::SmallPtrSet<void*, 8> names;  // of functions with spaces
  for (clang::Decl* member : record->noload_decls()) {
    clang::CXXMethodDecl* method = method_of(member);
    if (method == nullptr) continue;
    const MethodType written = type_of(*method);
    correct(sema.Context, *method);
    if (!is_corrected(*method)) continue;
    written_.try_emplace(method, written);
    names.insert(method->getDeclName().getAsOpaquePtr());
  }
  // One without a space is compared with those that have one.
  for (clang::Decl* member : record->noload_decls()) {
    clang::CXXMethodDecl* method = method_of(member);
    if (method == nullptr || method->isStatic() || is_corrected(*method) || !names.contains(method->getDeclName().getAsOpaquePtr())) continue;
    written_.try_emplace(method, type_of(*method));
    change_qualifiers(sema.Context, *method, [](clang::Qualifiers& qualifiers) { qualifiers.addRestrict(); });
  }
}

}  // namespace anymetal::msl
