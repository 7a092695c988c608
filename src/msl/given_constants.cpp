#include "msl/given_constants.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Attr.h>
#include <clang/AST/ExprCXX.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Lex/Preprocessor.h>
#include <clang/Sema/Lookup.h>
#include <clang/Sema/Scope.h>
#include <clang/Sema/Sema.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include "msl/annotations.hpp"
#include "msl/constant_values.hpp"
#include "msl/syntax_walk.hpp"
#include "msl/value_types.hpp"

namespace anymetal::msl {
namespace {

constexpr const char* kGiven = "msl:given";
constexpr const char* kFilled = "msl:filled";

template <class T>
T component(const ConstantValue& value, unsigned index) {
  T number{};
  std::memcpy(&number, value.bytes().data() + index * sizeof(T), sizeof(T));
  return number;
}

std::int64_t integer(const ConstantValue& value, unsigned i) {
  switch (value.type()) {
    case ConstantType::Bool:
      return component<std::uint8_t>(value, i) != 0 ? 1 : 0;
    case ConstantType::Char:
      return component<std::int8_t>(value, i);
    case ConstantType::UChar:
      return component<std::uint8_t>(value, i);
    case ConstantType::Short:
      return component<std::int16_t>(value, i);
    case ConstantType::UShort:
      return component<std::uint16_t>(value, i);
    case ConstantType::Int:
      return component<std::int32_t>(value, i);
    case ConstantType::Long:
    case ConstantType::ULong:
      return component<std::int64_t>(value, i);
    default:
      return component<std::uint32_t>(value, i);
  }
}

/// `type(arguments...)`.
clang::Expr* construct(clang::Sema& sema, clang::QualType type, llvm::MutableArrayRef<clang::Expr*> arguments,
                       clang::SourceLocation at) {
  type = sema.Context.removeAddrSpaceQualType(type).getUnqualifiedType();
  return sema.BuildCXXTypeConstructExpr(sema.Context.getTrivialTypeSourceInfo(type, at), at, arguments, at, false).get();
}

/// A literal of the language; an integer as `long`, to be converted, a bfloat as `type(literal)`.
clang::Expr* literal(clang::Sema& sema, const ConstantValue& value, unsigned i, clang::QualType type,
                     clang::SourceLocation at) {
  clang::ASTContext& ast = sema.Context;
  if (value.type() == ConstantType::BFloat) {
    const auto number = std::bit_cast<float>(std::uint32_t{component<std::uint16_t>(value, i)} << 16);
    clang::Expr* real = clang::FloatingLiteral::Create(ast, llvm::APFloat(number), true, ast.FloatTy, at);
    return construct(sema, type, real, at);
  }
  if (value.type() == ConstantType::Half) {
    const llvm::APFloat number(llvm::APFloat::IEEEhalf(), llvm::APInt(16, component<std::uint16_t>(value, i)));
    return clang::FloatingLiteral::Create(ast, number, true, ast.Float16Ty, at);
  }
  if (value.type() == ConstantType::Float)
    return clang::FloatingLiteral::Create(ast, llvm::APFloat(component<float>(value, i)), true, ast.FloatTy, at);
  const std::int64_t number = integer(value, i);
  if (value.type() == ConstantType::Bool) return clang::CXXBoolLiteralExpr::Create(ast, number != 0, ast.BoolTy, at);
  return clang::IntegerLiteral::Create(ast, llvm::APInt(64, static_cast<std::uint64_t>(number), true), ast.LongTy, at);
}

bool has_annotation(const clang::VarDecl& variable, std::string_view name) {
  return std::ranges::any_of(variable.specific_attrs<clang::AnnotateAttr>(),
                             [&](const auto* a) { return std::string_view(a->getAnnotation()) == name; });
}

/// References to filled constants, but for those in bodies of functions that the entry does not reach.
class FilledReferences : public SyntaxWalk {
 public:
  FilledReferences(Compilation& compilation, std::span<clang::FunctionDecl* const> reachable,
                   std::span<const FunctionConstantVariable> constants)
      : SyntaxWalk({.instantiations = true}), compilation_(compilation), constants_(constants) {
    for (const clang::FunctionDecl* f : reachable) reachable_.insert(f->getCanonicalDecl());
  }

  bool VisitFunctionDecl(clang::FunctionDecl* f) {
    if (!reachable_.contains(f->getCanonicalDecl()) && f->doesThisDeclarationHaveABody()) skipped_.insert(f->getBody());
    return true;
  }

  bool VisitDeclRefExpr(clang::DeclRefExpr* e) {
    const auto* variable = llvm::dyn_cast<clang::VarDecl>(e->getDecl());
    if (variable == nullptr || !has_annotation(*variable, kFilled) ||
        !reported_.insert(variable->getCanonicalDecl()).second)
      return true;
    const auto constant = std::ranges::find_if(
        constants_, [&](const auto& c) { return c.variable->getCanonicalDecl() == variable->getCanonicalDecl(); });
    if (constant == constants_.end()) return true;
    const ConstantDeclaration& d = constant->declaration;
    compilation_.report(
        clang::DiagnosticsEngine::Error, e->getLocation(),
        fmt::format("function constant '{}' (index {}, {}) needs a value: constant expressions depend on it", d.name,
                    d.index, to_string(d.type, d.components)));
    return true;
  }

 private:
  bool visit_declaration(clang::Decl* d) override { return visit_as(*this, d, &FilledReferences::VisitFunctionDecl); }
  bool visit_statement(clang::Stmt* s) override { return visit_as(*this, s, &FilledReferences::VisitDeclRefExpr); }
  bool is_entered(clang::Stmt* s) override { return !skipped_.contains(s); }

  Compilation& compilation_;
  std::span<const FunctionConstantVariable> constants_;
  std::set<const clang::Decl*> reachable_;
  std::set<const clang::Stmt*> skipped_;
  std::set<const clang::Decl*> reported_;
};

}  // namespace

void GivenConstants::operator()(const clang::Token& token) {
  namespace tok = clang::tok;
  if (!binding_) return;
  if (is_complete_) {
    is_complete_ = is_constant_ = false;
    if (declared_ != nullptr) define(*declared_);
  }
  if (token.is(tok::kw___attribute) && !is_constant_) {
    declared_ = last_name_;
    leads_ = begins_;
  }
  begins_ = token.isOneOf(tok::semi, tok::l_brace, tok::r_brace);
  if (token.is(tok::identifier)) last_name_ = token.getIdentifierInfo();
  if (token.is(tok::semi)) {
    is_complete_ = is_constant_;
    if (leads_) declared_ = last_name_;
  }
  constexpr std::string_view kMark = "\"msl:function_constant\"";
  if (token.is(tok::string_literal) && token.getLength() == kMark.size() &&
      std::string_view(token.getLiteralData(), kMark.size()) == kMark)
    is_constant_ = true;
}

void GivenConstants::define(clang::IdentifierInfo& name) {
  clang::Sema& sema = instance_.getSema();
  clang::LookupResult found(sema, clang::DeclarationName(&name), clang::SourceLocation(),
                            clang::Sema::LookupOrdinaryName);
  found.suppressDiagnostics();
  sema.LookupName(found, sema.getCurScope());
  auto* variable = found.getAsSingle<clang::VarDecl>();
  const auto* attribute = variable == nullptr || variable->hasInit() || variable->isInvalidDecl()
                              ? nullptr
                              : find_annotation(*variable, "function_constant");
  if (attribute == nullptr) return;
  const auto index = integer_argument(sema.Context, *attribute);
  clang::Expr* const initialiser =
      index && *index >= 0 ? value(*variable, static_cast<std::uint32_t>(*index)) : nullptr;
  if (initialiser == nullptr) return;
  const bool is_filled = !binding_->values.contains(static_cast<std::uint32_t>(*index));
  variable->addAttr(clang::AnnotateAttr::CreateImplicit(sema.Context, is_filled ? kFilled : kGiven, nullptr, 0));
  variable->setConstexpr(true);
  sema.AddInitializerToDecl(variable, initialiser, false);
}

clang::Expr* GivenConstants::value(const clang::VarDecl& variable, std::uint32_t index) const {
  const auto type = constant_type(variable.getType());
  if (!type) return nullptr;
  const auto given = binding_->values.find(index);
  if (given == binding_->values.end() && !binding_->others) return nullptr;
  const ConstantValue value =
      given != binding_->values.end() ? given->second : constant_of(type->first, type->second, *binding_->others);
  if (value.type() != type->first || value.components() != type->second) return nullptr;
  clang::Sema& sema = instance_.getSema();
  const clang::SourceLocation at = variable.getLocation();
  const auto vector = value_type(variable.getType());
  const clang::QualType element = vector ? vector->element : variable.getType();
  llvm::SmallVector<clang::Expr*, 4> components;
  for (unsigned i = 0; i < value.components(); ++i) components.push_back(literal(sema, value, i, element, at));
  if (components.size() == 1) return components[0];
  return construct(sema, variable.getType(), components, at);
}

bool is_given(const clang::VarDecl& variable) {
  return has_annotation(variable, kGiven) || has_annotation(variable, kFilled);
}

void report_filled_constants(Compilation& compilation, std::span<clang::FunctionDecl* const> reachable,
                             std::span<const FunctionConstantVariable> constants) {
  FilledReferences references(compilation, reachable, constants);
  for (clang::Decl* d : compilation.declarations()) references.walk(d);
}

}  // namespace anymetal::msl
