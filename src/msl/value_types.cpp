#include "msl/value_types.hpp"

#include "msl/type_names.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/DeclTemplate.h>

namespace anymetal::msl {
namespace {

/// The library's class of that name.
bool is_bfloat(clang::QualType type) {
  const auto* record = type->getAsCXXRecordDecl();
  return record != nullptr && record->getDeclContext()->isTranslationUnit() && record->getIdentifier() != nullptr &&
         record->getName() == "bfloat";
}

}  // namespace

std::optional<ValueType> value_type(clang::QualType type) {
  type = type.getCanonicalType().getUnqualifiedType();
  if (type->isBuiltinType()) return ValueType{type, 1};
  const auto* record = llvm::dyn_cast_or_null<clang::ClassTemplateSpecializationDecl>(type->getAsCXXRecordDecl());
  if (record == nullptr || record->getName() != "vec" || record->getTemplateArgs().size() != 2) return std::nullopt;
  const auto& element = record->getTemplateArgs()[0];
  const auto& width = record->getTemplateArgs()[1];
  if (element.getKind() != clang::TemplateArgument::Type || width.getKind() != clang::TemplateArgument::Integral) return std::nullopt;
  return ValueType{element.getAsType().getCanonicalType(), static_cast<unsigned>(width.getAsIntegral().getZExtValue())};
}

std::optional<std::pair<ConstantType, unsigned>> constant_type(clang::QualType type) {
  const auto value = value_type(type);
  if (is_bfloat(type)) return std::pair(ConstantType::BFloat, 1U);
  if (value && value->components <= 4 && is_bfloat(value->element))
    return std::pair(ConstantType::BFloat, value->components);
  const auto* scalar = value && value->components <= 4 ? value->element->getAs<clang::BuiltinType>() : nullptr;
  if (scalar == nullptr) return std::nullopt;
  const auto of = [&](ConstantType t) { return std::pair(t, value->components); };
  switch (scalar->getKind()) {
    case clang::BuiltinType::Bool: return of(ConstantType::Bool);
    case clang::BuiltinType::Char_S:
    case clang::BuiltinType::SChar: return of(ConstantType::Char);
    case clang::BuiltinType::UChar: return of(ConstantType::UChar);
    case clang::BuiltinType::Short: return of(ConstantType::Short);
    case clang::BuiltinType::UShort: return of(ConstantType::UShort);
    case clang::BuiltinType::Int: return of(ConstantType::Int);
    case clang::BuiltinType::UInt: return of(ConstantType::UInt);
    case clang::BuiltinType::Long: return of(ConstantType::Long);
    case clang::BuiltinType::ULong: return of(ConstantType::ULong);
    case clang::BuiltinType::Float16: return of(ConstantType::Half);
    case clang::BuiltinType::Float: return of(ConstantType::Float);
    default: return std::nullopt;
  }
}

std::string type_spelling(const clang::ASTContext& ast, clang::QualType type) {
  const auto canonical = type.getCanonicalType().getUnqualifiedType();
  return msl_spelling(canonical.getAsString(ast.getPrintingPolicy()));
}

}  // namespace anymetal::msl
