#include "msl/kernels.hpp"

#include "msl/annotations.hpp"
#include "msl/value_types.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/DeclTemplate.h>
#include <clang/Basic/SourceManager.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace anymetal::msl {
namespace {

/// Calls `visit` for every declaration of namespace scope, in order.
template <class Visit>
void for_each_declaration(const std::vector<clang::Decl*>& declarations, const Visit& visit) {
  for (clang::Decl* d : declarations) {
    if (llvm::isa<clang::NamespaceDecl>(d) || llvm::isa<clang::LinkageSpecDecl>(d)) {
      std::vector<clang::Decl*> inner;
      for (clang::Decl* member : llvm::cast<clang::DeclContext>(d)->noload_decls()) inner.push_back(member);
      for_each_declaration(inner, visit);
    } else {
      visit(d);
    }
  }
}

bool is_instantiation(const clang::FunctionDecl& f) {
  const auto kind = f.getTemplateSpecializationKind();
  return kind == clang::TSK_ExplicitInstantiationDeclaration || kind == clang::TSK_ExplicitInstantiationDefinition;
}

class Finder {
 public:
  explicit Finder(Compilation& compilation) : compilation_(compilation) {}

  std::vector<KernelName> run() {
    for_each_declaration(compilation_.declarations(), [&](clang::Decl* d) { visit(d); });
    const clang::SourceManager& sources = compilation_.instance().getSourceManager();
    std::ranges::sort(kernels_, [&](const KernelName& a, const KernelName& b) { return sources.isBeforeInTranslationUnit(a.location, b.location); });
    drop_duplicates();
    return std::move(kernels_);
  }

 private:
  void visit(clang::Decl* d) {
    if (auto* definition = llvm::dyn_cast<clang::FunctionTemplateDecl>(d)) {
      if (!templates_.insert(definition->getCanonicalDecl()).second) return;
      for (clang::FunctionDecl* f : definition->specializations()) {
        if (is_instantiation(*f) && find_annotation(*f, "kernel") != nullptr) add(f);
      }
    } else if (auto* f = llvm::dyn_cast<clang::FunctionDecl>(d)) {
      const bool is_template = f->getTemplatedKind() == clang::FunctionDecl::TK_FunctionTemplateSpecialization;
      const bool is_named = f->getTemplateSpecializationKind() == clang::TSK_ExplicitSpecialization &&
                            find_annotation(*f, "host_name") != nullptr;
      if ((!is_template || is_named) && find_annotation(*f, "kernel") != nullptr && f->isThisDeclarationADefinition())
        add(f);
    }
  }

  void add(clang::FunctionDecl* f) {
    bool is_named = false;
    for (const auto* attribute : f->specific_attrs<clang::AnnotateAttr>()) {
      if (annotation_name(*attribute) != "host_name") continue;
      is_named = true;
      const auto name = string_argument(*attribute);
      const auto place = attribute->args_size() == 0 ? attribute->getLocation() : attribute->args_begin()[0]->getBeginLoc();
      if (name && !name->empty()) {
        kernels_.push_back({*name, f, place});
      } else {
        compilation_.report(clang::DiagnosticsEngine::Error, place, "'host_name' takes one string that is not empty");
      }
    }
    if (!is_named) kernels_.push_back({f->getQualifiedNameAsString(), f, f->getLocation()});
  }

  void drop_duplicates() {
    std::map<std::string, const KernelName*> seen;
    std::erase_if(kernels_, [&](const KernelName& kernel) {
      const auto [first, is_new] = seen.try_emplace(kernel.name, &kernel);
      if (is_new) return false;
      if (first->second->function == kernel.function) return true;
      const bool is_overload = kernel.location == kernel.function->getLocation();
      compilation_.report(clang::DiagnosticsEngine::Error, kernel.location,
                          is_overload ? fmt::format("kernel functions cannot be overloaded: '{}' is one already", kernel.name)
                                      : fmt::format("public name '{}' is used twice: every kernel needs its own", kernel.name));
      compilation_.report(clang::DiagnosticsEngine::Note, first->second->location, "the first is here");
      return false;
    });
  }

  Compilation& compilation_;
  std::vector<KernelName> kernels_;
  std::set<const clang::Decl*> templates_;
};

}  // namespace

std::vector<KernelName> find_kernels(Compilation& compilation) { return Finder(compilation).run(); }

std::vector<UnusableName> find_unusable_names(const Compilation& compilation) {
  std::vector<UnusableName> names;
  for_each_declaration(compilation.declarations(), [&](clang::Decl* d) {
    const auto* definition = llvm::dyn_cast<clang::FunctionTemplateDecl>(d);
    const auto* function = definition != nullptr ? definition->getTemplatedDecl() : llvm::dyn_cast<clang::FunctionDecl>(d);
    if (function == nullptr) return;
    const std::string name = function->getQualifiedNameAsString();
    if (definition != nullptr && find_annotation(*function, "kernel") != nullptr) {
      names.push_back({name, fmt::format("a kernel template: instantiate it, `template [[host_name(\"name\")]] kernel void {}<...>(...);`", name)});
    }
    for (const char* kind : {"vertex", "fragment", "visible", "stitchable", "intersection", "mesh", "object"}) {
      if (find_annotation(*function, kind) != nullptr) names.push_back({name, fmt::format("a {} function, only kernels are supported", kind)});
    }
  });
  return names;
}

std::vector<FunctionConstantVariable> find_function_constants(Compilation& compilation) {
  std::vector<FunctionConstantVariable> constants;
  for_each_declaration(compilation.declarations(), [&](clang::Decl* d) {
    auto* variable = llvm::dyn_cast<clang::VarDecl>(d);
    const auto* attribute = variable == nullptr ? nullptr : find_annotation(*variable, "function_constant");
    if (attribute == nullptr) return;
    const auto index = integer_argument(compilation.ast(), *attribute);
    if (!index || *index < 0 || *index > kLastConstantIndex) {
      compilation.report(clang::DiagnosticsEngine::Error, attribute->args_size() == 0 ? attribute->getLocation() : attribute->args_begin()[0]->getBeginLoc(),
                         fmt::format("the index of a function constant is an integer constant from 0 to {}", kLastConstantIndex));
      return;
    }
    FunctionConstantVariable constant;
    constant.variable = variable;
    constant.declaration.name = variable->getQualifiedNameAsString();
    constant.declaration.index = static_cast<std::uint32_t>(*index);
    const auto type = constant_type(variable->getType());
    if (!type) {
      compilation.report(clang::DiagnosticsEngine::Error, variable->getLocation(),
                         "function constants are scalars or vectors of bool, integers, half, bfloat or float");
      return;
    }
    constant.declaration.type = type->first;
    constant.declaration.components = type->second;
    const auto earlier = std::ranges::find(constants, constant.declaration.index, [](const FunctionConstantVariable& c) { return c.declaration.index; });
    if (earlier != constants.end() && std::pair(earlier->declaration.type, earlier->declaration.components) != *type) {
      compilation.report(clang::DiagnosticsEngine::Error, attribute->getLocation(),
                         fmt::format("function constant index {} is taken by '{}', which has another type", *index, earlier->declaration.name));
    }
    constants.push_back(std::move(constant));
  });
  return constants;
}

}  // namespace anymetal::msl
