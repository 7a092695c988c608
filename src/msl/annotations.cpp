#include "msl/annotations.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/ExprCXX.h>

#include <array>

namespace anymetal::msl {
namespace {

const clang::Expr* argument(const clang::AnnotateAttr& attribute, unsigned index) {
  return index < attribute.args_size() ? attribute.args_begin()[index]->IgnoreParenImpCasts() : nullptr;
}

const clang::Expr* stripped(const clang::Expr* e) {
  while (e != nullptr) {
    const clang::Expr* inner = e->IgnoreParenImpCasts();
    if (const auto* constant = llvm::dyn_cast<clang::ConstantExpr>(inner)) inner = constant->getSubExpr();
    if (const auto* substituted = llvm::dyn_cast<clang::SubstNonTypeTemplateParmExpr>(inner)) inner = substituted->getReplacement();
    if (inner == e) return e;
    e = inner;
  }
  return nullptr;
}

}  // namespace

std::string_view annotation_name(const clang::AnnotateAttr& attribute) {
  const std::string_view text = attribute.getAnnotation();
  return text.starts_with("msl:") ? text.substr(4) : std::string_view();
}

const clang::AnnotateAttr* find_annotation(const clang::Decl& declaration, std::string_view name) {
  for (const auto* attribute : declaration.specific_attrs<clang::AnnotateAttr>()) {
    if (annotation_name(*attribute) == name) return attribute;
  }
  return nullptr;
}

std::optional<std::int64_t> integer_argument(const clang::ASTContext& ast, const clang::AnnotateAttr& attribute, unsigned index) {
  const clang::Expr* e = argument(attribute, index);
  if (e == nullptr || e->isValueDependent() || !e->getType()->isIntegralOrEnumerationType()) return std::nullopt;
  const auto value = e->getIntegerConstantExpr(ast);
  if (!value || value->getSignificantBits() > 64) return std::nullopt;
  return value->getExtValue();
}

std::optional<std::string> string_argument(const clang::AnnotateAttr& attribute) {
  const auto* literal = llvm::dyn_cast_or_null<clang::StringLiteral>(stripped(argument(attribute, 0)));
  if (literal == nullptr || literal->getCharByteWidth() != 1) return std::nullopt;
  return literal->getString().str();
}

clang::VarDecl* variable_argument(const clang::AnnotateAttr& attribute) {
  const auto* address = llvm::dyn_cast_or_null<clang::UnaryOperator>(stripped(argument(attribute, 0)));
  if (address == nullptr || address->getOpcode() != clang::UO_AddrOf) return nullptr;
  const auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(stripped(address->getSubExpr()));
  return reference == nullptr ? nullptr : const_cast<clang::VarDecl*>(llvm::dyn_cast<clang::VarDecl>(reference->getDecl()));
}

std::string_view space_name(clang::LangAS space) {
  switch (space) {
    case clang::LangAS::sycl_global: return "device";
    case clang::LangAS::sycl_local: return "threadgroup";
    case clang::LangAS::sycl_private: return "constant";
    default: return {};
  }
}

clang::QualType object_type(const clang::ASTContext& ast, clang::QualType type) {
  type = type.getNonReferenceType();
  while (const auto* array = ast.getAsArrayType(type)) type = array->getElementType();
  return type;
}

std::string_view address_space(const clang::Decl& declaration) {
  const auto* value = llvm::dyn_cast<clang::ValueDecl>(&declaration);
  if (value == nullptr || value->getType().isNull()) return {};
  clang::QualType type = value->getType();
  if (type->isReferenceType()) {
    type = object_type(value->getASTContext(), type);
  } else {
    type = object_type(value->getASTContext(), type);
    if (type->isPointerType()) type = object_type(value->getASTContext(), type->getPointeeType());
  }
  const std::string_view name = space_name(type.getAddressSpace());
  return name.empty() && find_annotation(declaration, "thread") != nullptr ? "thread" : name;
}

bool is_threadgroup_variable(const clang::VarDecl& variable) {
  return !variable.getType()->isReferenceType() && object_type(variable.getASTContext(), variable.getType()).getAddressSpace() == clang::LangAS::sycl_local;
}

}  // namespace anymetal::msl
