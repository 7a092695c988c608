#include "msl/aggregate_rules.hpp"

#include <clang/AST/DeclCXX.h>
#include <clang/AST/DeclTemplate.h>

#include <algorithm>

namespace anymetal::msl {
namespace {

void set_aggregate(clang::CXXRecordDecl& record);

/// Clang has no setter; the arguments of an explicit instantiation may name private members.
template <auto data> struct AggregateSetter {
  friend void set_aggregate(clang::CXXRecordDecl& record) { (record.*data)()->Aggregate = true; }
};
template struct AggregateSetter<&clang::CXXRecordDecl::dataPtr>;

/// Whether this member leaves a class an aggregate.
bool is_harmless(const clang::Decl* member) {
  if (const auto* constructor = llvm::dyn_cast<clang::CXXConstructorDecl>(member)) return !constructor->isUserProvided() && !constructor->isExplicit();
  if (const auto* made = llvm::dyn_cast<clang::FunctionTemplateDecl>(member)) return !llvm::isa<clang::CXXConstructorDecl>(made->getTemplatedDecl());
  if (llvm::isa<clang::ConstructorUsingShadowDecl>(member)) return false;
  return !llvm::isa<clang::FieldDecl>(member) || member->getAccess() == clang::AS_public;
}

}  // namespace

void apply_older_aggregate_rule(clang::CXXRecordDecl& record) {
  if (record.isAggregate() || record.isLambda() || record.isInvalidDecl() || !record.hasUserDeclaredConstructor()) return;
  const bool is_harmless_base = std::ranges::all_of(record.bases(), [](const clang::CXXBaseSpecifier& base) {
    return base.getAccessSpecifier() == clang::AS_public && !base.isVirtual() && !base.getInheritConstructors();
  });
  if (is_harmless_base && std::ranges::all_of(record.noload_decls(), is_harmless)) set_aggregate(record);
}

}  // namespace anymetal::msl
