#include <clang/AST/ASTContext.h>
#include <clang/AST/Attr.h>
#include <clang/AST/DeclTemplate.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "msl/annotations.hpp"
#include "msl/attribute_table.hpp"
#include "msl/checks.hpp"
#include "msl/syntax_walk.hpp"

namespace anymetal::msl {
namespace {

constexpr auto kError = clang::DiagnosticsEngine::Error;

/// What keywords and the pre-pass write, beside attributes.
bool is_internal(std::string_view name) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "thread", "coherent", "air", "given", "filled", "object_data", "ray_data", "threadgroup_imageblock"};
  return std::ranges::find(kNames, name) != kNames.end();
}

/// The attribute that an annotation stands for.
std::string_view attribute_of(std::string_view annotation) {
  if (annotation == "threadgroup_index") return "threadgroup";
  return annotation == "function_constant_guard" ? "function_constant" : annotation;
}

struct Place {
  unsigned kind;
  const char* name;
};

Place place_of(const clang::Decl& d) {
  using namespace attribute_places;
  if (const clang::FunctionDecl* function = d.getAsFunction()) {
    static constexpr std::array<const char*, 3> kGrids = {"kernel", "mesh", "object"};
    const bool has_threads =
        std::ranges::any_of(kGrids, [&](const char* stage) { return find_annotation(*function, stage) != nullptr; });
    return {has_threads ? kKernels | kFunctions : kFunctions, "functions"};
  }
  if (llvm::isa<clang::ParmVarDecl>(d)) return {kParameters, "parameters"};
  if (llvm::isa<clang::FieldDecl>(d)) return {kMembers, "members"};
  if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(&d)) {
    if (variable->isStaticDataMember()) return {kMembers, "static members"};
    const bool is_local = variable->isLocalVarDeclOrParm() || variable->isLocalExternDecl();
    return is_local ? Place{0, "local variables"} : Place{kVariables, "variables"};
  }
  return {0, llvm::isa<clang::TypeDecl>(d) ? "types" : "such declarations"};
}

std::string places_of(const AttributeRule& rule) {
  using namespace attribute_places;
  if (rule.places == kKernels) return "kernels";
  if (rule.places == kFunctions) return "functions";
  if (rule.places == kMembers) return "members of argument structures";
  if (rule.arguments == AttributeArguments::Constant) return "variables in constant memory and parameters of kernels";
  return "parameters of kernels";
}

/// Reports that the attribute has other arguments than it takes; whether it did.
bool check_arguments(Compilation& compilation, const clang::AnnotateAttr& attribute, const AttributeRule& rule) {
  const unsigned given = attribute.args_size();
  const auto error = [&](const std::string& message) {
    const bool is_missing = given == 0;
    compilation.report(kError, is_missing ? attribute.getLocation() : attribute.args_begin()[0]->getBeginLoc(),
                       message);
    return true;
  };
  const auto are_integers = [&] {
    return std::all_of(attribute.args_begin(), attribute.args_end(), [](const clang::Expr* e) {
      return e->isTypeDependent() || e->getType()->isIntegralOrEnumerationType() || e->getType()->isRecordType();
    });
  };
  switch (rule.arguments) {
    case AttributeArguments::None:
      return given != 0 && error(fmt::format("'{}' takes no argument", rule.name));
    case AttributeArguments::Integer:
      if (given != 1) return error(fmt::format("'{}' attribute takes one argument", rule.name));
      return !are_integers() && error(fmt::format("'{}' takes one integer constant", rule.name));
    case AttributeArguments::UpToThree:
      return (given == 0 || given > 3 || !are_integers()) &&
             error(fmt::format("'{}' takes one to three positive integer constants", rule.name));
    case AttributeArguments::String:
      return (given != 1 || !string_argument(attribute)) && error(fmt::format("'{}' takes one string", rule.name));
    case AttributeArguments::Constant: {
      const bool is_guard = annotation_name(attribute) != rule.name;
      if (is_guard && (given != 1 || variable_argument(attribute) == nullptr))
        return error("'function_constant' of what has a binding takes the name of a function constant");
      return given != 1 && error("'function_constant' takes one argument");
    }
    case AttributeArguments::Words:
    case AttributeArguments::NotRead:
      return false;
  }
  return false;
}

class AttributeCheck {
 public:
  enum class Scope : std::uint8_t { Everything, UnknownNames };
  AttributeCheck(Compilation& compilation, const clang::Decl& declaration, Scope scope)
      : compilation_(compilation), declaration_(declaration), scope_(scope) {}

  /// `annotation` is that of an attribute, or what the macro became that stands in its place.
  void annotation(const clang::AnnotateAttr& attribute) {
    const std::string_view text = annotation_name(attribute);
    if (text.empty() || is_internal(text)) return;
    if (text.starts_with(kWrittenPrefix)) {
      written_ = text.substr(kWrittenPrefix.size());
      written_at_ = attribute.getLocation();
      return;
    }
    const bool has_text_arguments = text.find('(') != std::string_view::npos;  // of a macro's
    const std::string_view name = attribute_of(text.substr(0, text.find('(')));
    const clang::SourceLocation place = name == written_ ? written_at_ : attribute.getLocation();
    written_ = {};
    const AttributeRule* rule = find_attribute(name);
    if (rule == nullptr) return unknown(name, place);
    if (scope_ == Scope::UnknownNames) return;
    const Place here = place_of(declaration_);
    if ((rule->places & here.kind) == 0 && rule->places != attribute_places::kAnywhere) {
      const bool is_function = (here.kind & attribute_places::kFunctions) != 0;
      compilation_.report(
          kError, place,
          is_function && rule->places == attribute_places::kKernels
              ? fmt::format("only kernels have '{}'", name)
              : fmt::format("'{}' does not apply to {}: it is an attribute of {}", name, here.name, places_of(*rule)));
      return;
    }
    if (!has_text_arguments) (void)check_arguments(compilation_, attribute, *rule);
  }

 private:
  void unknown(std::string_view name, clang::SourceLocation place) {
    const std::string meant = closest_attribute(name);
    if (is_misspelt(name, meant)) {
      compilation_.report(kError, place, fmt::format("unknown attribute '{}', did you mean '{}'?", name, meant));
    } else if (!is_value_of_kernel() && !is_standard_attribute(name)) {
      compilation_.report(clang::DiagnosticsEngine::Warning, place, fmt::format("unknown attribute '{}' ignored", name));
    }
  }

  /// An error says then that it has no value.
  [[nodiscard]] bool is_value_of_kernel() const {
    const auto* parameter = llvm::dyn_cast<clang::ParmVarDecl>(&declaration_);
    const auto* function =
        parameter == nullptr ? nullptr : llvm::dyn_cast_or_null<clang::FunctionDecl>(parameter->getDeclContext());
    const bool is_value =
        function != nullptr && !parameter->getType()->isPointerType() && !parameter->getType()->isReferenceType();
    return is_value && find_annotation(*function, "kernel") != nullptr;
  }

  Compilation& compilation_;
  const clang::Decl& declaration_;
  Scope scope_;
  std::string_view written_;
  clang::SourceLocation written_at_;
};

}  // namespace

void check_attributes(Compilation& compilation, const clang::Decl& declaration, const clang::Decl* pattern) {
  if (!declaration.hasAttrs()) return;
  AttributeCheck check(compilation, declaration, AttributeCheck::Scope::Everything);
  for (const auto* attribute : declaration.specific_attrs<clang::AnnotateAttr>()) {
    const bool is_patterns =
        pattern != nullptr && std::ranges::any_of(pattern->specific_attrs<clang::AnnotateAttr>(), [&](const auto* own) {
          return own->getLocation() == attribute->getLocation();
        });
    if (!is_patterns) check.annotation(*attribute);
  }
}

void find_unknown_attributes(Compilation& compilation) {
  class Visitor : public SyntaxWalk {
   public:
    explicit Visitor(Compilation& compilation) : compilation_(compilation) {}
    bool visit_declaration(clang::Decl* d) override {
      AttributeCheck check(compilation_, *d, AttributeCheck::Scope::UnknownNames);
      for (const auto* attribute : d->specific_attrs<clang::AnnotateAttr>()) check.annotation(*attribute);
      return true;
    }

   private:
    Compilation& compilation_;
  } visitor(compilation);
  for (clang::Decl* d : compilation.declarations()) {
    if (compilation.is_users(d->getLocation())) visitor.walk(d);
  }
}

}  // namespace anymetal::msl
