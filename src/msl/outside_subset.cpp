#include "msl/outside_subset.hpp"

#include "msl/annotations.hpp"
#include "msl/thread_inputs.hpp"

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

/// Whether a tensor lies where the host says, as against one that a kernel makes of a pointer.
bool is_hosts_tensor(const clang::ClassTemplateSpecializationDecl& tensor) {
  const clang::TemplateArgumentList& arguments = tensor.getTemplateArgs();
  constexpr unsigned kDescriptor = 2;
  if (arguments.size() <= kDescriptor || arguments[kDescriptor].getKind() != clang::TemplateArgument::Type)
    return false;
  const auto* descriptor = arguments[kDescriptor].getAsType()->getAsCXXRecordDecl();
  return descriptor != nullptr && descriptor->getIdentifier() && descriptor->getName() != "tensor_inline";
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
  if (name == "tensor" && instance != nullptr) return is_hosts_tensor(*instance);
  return is_texture(name) || std::ranges::find(kTypes, name) != kTypes.end();
}

bool is_outside_subset(const clang::FunctionDecl& function) {
  static constexpr std::array<std::string_view, 5> kStages = {"vertex", "fragment", "intersection", "mesh", "object"};
  if (std::ranges::any_of(kStages, [&](std::string_view stage) { return find_annotation(function, stage) != nullptr; })) return true;
  static constexpr std::array<std::string_view, 3> kStageIn = {"stage_in", "grid_origin", "grid_size"};
  return find_annotation(function, "kernel") != nullptr &&
         std::ranges::any_of(function.parameters(), [](const clang::ParmVarDecl* parameter) {
           return is_outside_subset(parameter->getType()) || std::ranges::any_of(kStageIn, [&](std::string_view name) {
                    return find_annotation(*parameter, name) != nullptr;
                  });
         });
}

void report_outside_subset(Compilation& compilation, const Reachable& reachable) {
  for (const clang::VarDecl* variable : reachable.variables) {
    const auto* input = find_thread_input(*variable);
    if (input == nullptr) continue;
    compilation.report(clang::DiagnosticsEngine::Error, input->getLocation(),
                       "built-in variables at program scope are not supported: make it a parameter of the kernel");
  }
  for (const auto& [declaration, use] : reachable.undefined) {
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
