#include "msl/outside_subset.hpp"

#include "msl/annotations.hpp"

#include <clang/AST/DeclCXX.h>
#include <clang/AST/DeclTemplate.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace anymetal::msl {
namespace {

constexpr std::array<std::string_view, 7> kTypes = {"sampler",          "imageblock", "acceleration_structure", "visible_function_table", "intersection_function_table",
                                                    "command_buffer", "mesh"};

bool is_in_raytracing(const clang::CXXRecordDecl& record) {
  const auto* space = llvm::dyn_cast<clang::NamespaceDecl>(record.getDeclContext());
  return space != nullptr && space->getIdentifier() && space->getName() == "raytracing";
}

bool is_texture(std::string_view name) { return name.starts_with("texture") || name.starts_with("depth"); }

}  // namespace

bool is_outside_subset(clang::QualType type) {
  while (const clang::ArrayType* array = type->getAsArrayTypeUnsafe()) type = array->getElementType();
  const auto* record = type->getAsCXXRecordDecl();
  if (record == nullptr || !record->getIdentifier() || !record->getDeclContext()->isNamespace()) return false;
  const auto* space = llvm::cast<clang::NamespaceDecl>(record->getDeclContext());
  if (!space->getIdentifier() || space->getName() != "metal") return false;
  const std::string_view name = record->getName();
  const auto* instance = llvm::dyn_cast<clang::ClassTemplateSpecializationDecl>(record);
  if (name == "array" && instance != nullptr && instance->getTemplateArgs()[0].getKind() == clang::TemplateArgument::Type) {
    return is_outside_subset(instance->getTemplateArgs()[0].getAsType());
  }
  return is_texture(name) || std::ranges::find(kTypes, name) != kTypes.end();
}

bool is_outside_subset(const clang::FunctionDecl& function) {
  static constexpr std::array<std::string_view, 5> kStages = {"vertex", "fragment", "intersection", "mesh", "object"};
  if (std::ranges::any_of(kStages, [&](std::string_view stage) { return find_annotation(function, stage) != nullptr; })) return true;
  return find_annotation(function, "kernel") != nullptr &&
         std::ranges::any_of(function.parameters(), [](const clang::ParmVarDecl* parameter) { return is_outside_subset(parameter->getType()); });
}

void report_outside_subset(Compilation& compilation, std::span<const Undefined> undefined) {
  for (const auto& [declaration, use] : undefined) {
    const auto* function = llvm::dyn_cast<clang::FunctionDecl>(declaration);
    if (function == nullptr || function->isExternC() || compilation.is_users(function->getLocation())) continue;
    const auto* method = llvm::dyn_cast<clang::CXXMethodDecl>(function);
    const bool is_of_texture = method != nullptr && method->getParent()->getIdentifier() && method->getParent()->getName() == "texture";
    const bool is_of_rays = method != nullptr && is_in_raytracing(*method->getParent());
    const bool is_constructor = llvm::isa<clang::CXXConstructorDecl>(function);
    compilation.report(clang::DiagnosticsEngine::Error, use,
                       fmt::format("'{}' is not supported: {} outside anymetal's compute subset", is_constructor ? method->getParent()->getNameAsString() : function->getNameAsString(),
                                   is_of_texture ? "textures are" : is_of_rays ? "ray tracing is" : "it is"));
  }
}

}  // namespace anymetal::msl
