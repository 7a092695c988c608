#include "msl/thread_inputs.hpp"

#include "msl/annotations.hpp"
#include "msl/attribute_table.hpp"
#include "msl/outside_subset.hpp"
#include "msl/suggestions.hpp"
#include "msl/value_types.hpp"

#include <clang/AST/ASTContext.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace anymetal::msl {
namespace {

constexpr auto kError = clang::DiagnosticsEngine::Error;

#define __MSL_VECTOR_INPUT(name, value) #name,
#define __MSL_SCALAR_INPUT(name, value)
constexpr std::array kVectorInputs = std::to_array<std::string_view>({
#include "msl/prelude/thread_input_list.h"
});
#undef __MSL_VECTOR_INPUT
#undef __MSL_SCALAR_INPUT

#define __MSL_VECTOR_INPUT(name, value)
#define __MSL_SCALAR_INPUT(name, value) #name,
constexpr std::array kScalarInputs = std::to_array<std::string_view>({
#include "msl/prelude/thread_input_list.h"
});
#undef __MSL_VECTOR_INPUT
#undef __MSL_SCALAR_INPUT

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

/// Inputs of one kernel that have to agree in their type.
int type_family(std::string_view name) {
  if (name == "thread_position_in_grid" || name == "threads_per_grid") return 1;
  if (name == "thread_position_in_threadgroup" || name == "threads_per_threadgroup" || name == "dispatch_threads_per_threadgroup") return 2;
  return 0;
}

std::string closest_input(std::string_view name) {
  std::vector<std::string> known(kVectorInputs.begin(), kVectorInputs.end());
  known.insert(known.end(), kScalarInputs.begin(), kScalarInputs.end());
  const std::vector<std::string> closest = closest_names(name, known);
  return closest.empty() ? std::string() : closest.front();
}

struct Input {
  std::string_view name;
  const clang::ParmVarDecl* parameter;
  clang::SourceLocation location;
  ValueType type;
};

/// The first of the inputs that has to agree with a later one, and does not.
class AgreementCheck {
 public:
  explicit AgreementCheck(Compilation& compilation) : compilation_(compilation) {}

  void add(const Input& input) {
    for (const Input& earlier : inputs_) {
      if (is_vector_input(earlier.name) && is_vector_input(input.name) && earlier.type.components != input.type.components) {
        return error(input, fmt::format("'{}' has {} components, '{}' has {}: they must be equal", input.parameter->getName().str(),
                                        input.type.components, earlier.parameter->getName().str(), earlier.type.components));
      }
      const bool same_family = type_family(earlier.name) != 0 && type_family(earlier.name) == type_family(input.name);
      if (same_family && earlier.type.element != input.type.element) return must_be(input, earlier);
    }
    for (const Input& earlier : inputs_) {
      const Input* position = nullptr;
      const Input* index = nullptr;
      for (const Input* i : {&earlier, &input}) {
        if (i->name == "thread_position_in_threadgroup") position = i;
        if (i->name == "thread_index_in_threadgroup") index = i;
      }
      if (position != nullptr && index != nullptr && is_uint(*position) && !is_uint(*index)) return must_be(*index, *position);
      const bool both_lanes = is_lane_input(earlier.name) && is_lane_input(input.name);
      if (both_lanes && earlier.type.element != input.type.element) return must_be(input, earlier);
    }
    inputs_.push_back(input);
  }

 private:
  static bool is_lane_input(std::string_view name) {
    return !is_vector_input(name) && name != "thread_index_in_threadgroup" &&
           (name.find("simdgroup") != std::string_view::npos || name.find("quadgroup") != std::string_view::npos);
  }
  static bool is_uint(const Input& input) { return input.type.element->isSpecificBuiltinType(clang::BuiltinType::UInt); }
  void must_be(const Input& input, const Input& other) {
    error(input, fmt::format("type of '{}' must be '{}' because '{}' is", input.parameter->getName().str(),
                             is_uint(other) ? "uint" : "ushort", other.parameter->getName().str()));
  }
  void error(const Input& input, const std::string& message) { compilation_.report(kError, input.location, message); }

  Compilation& compilation_;
  std::vector<Input> inputs_;
};

}  // namespace

bool is_thread_input(std::string_view name) { return is_vector_input(name) || contains(kScalarInputs, name); }

bool is_vector_input(std::string_view name) { return contains(kVectorInputs, name); }

const clang::AnnotateAttr* find_thread_input(const clang::VarDecl& parameter) {
  for (const auto* attribute : parameter.specific_attrs<clang::AnnotateAttr>()) {
    if (is_thread_input(annotation_name(*attribute))) return attribute;
  }
  return nullptr;
}

void check_thread_inputs(Compilation& compilation, const clang::FunctionDecl& kernel, const std::vector<ParameterSource>& parameters) {
  AgreementCheck agreement(compilation);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].input.empty()) continue;
    const clang::ParmVarDecl& parameter = *kernel.getParamDecl(static_cast<unsigned>(i));
    const clang::AnnotateAttr& attribute = *find_thread_input(parameter);
    const auto type = value_type(parameter.getType());
    const bool is_legal_element = type && (type->element->isSpecificBuiltinType(clang::BuiltinType::UInt) ||
                                           type->element->isSpecificBuiltinType(clang::BuiltinType::UShort));
    const unsigned most = is_vector_input(parameters[i].input) ? 3 : 1;
    if (!is_legal_element || type->components > most) {
      compilation.report(kError, attribute.getLocation(),
                         fmt::format("type '{}' is not valid for attribute '{}': it takes {}", type_spelling(compilation.ast(), parameter.getType()),
                                     parameters[i].input, most == 3 ? "ushort or uint, scalar or with 2 or 3 components" : "a scalar ushort or uint"));
      continue;
    }
    agreement.add({parameters[i].input, &parameter, attribute.getLocation(), *type});
  }
}

void report_invalid_input(Compilation& compilation, const std::string& kernel, const clang::ParmVarDecl& parameter, const std::string& type) {
  if (is_outside_subset(parameter.getType())) {
    compilation.report(kError, parameter.getLocation(),
                       fmt::format("type '{}' is not supported: parameter '{}' of kernel '{}' is outside anymetal's compute subset", type,
                                   parameter.getName().str(), kernel));
    return;
  }
  for (const auto* attribute : parameter.specific_attrs<clang::AnnotateAttr>()) {
    std::string_view written = annotation_name(*attribute);
    if (written.starts_with(kWrittenPrefix)) written.remove_prefix(kWrittenPrefix.size());
    const std::string name(written);
    if (name.empty() || name == "thread" || name == "device" || name == "constant" || name == "threadgroup") continue;
    const std::string closest = closest_input(name);
    const std::string hint = closest.empty() ? "" : fmt::format(", did you mean '{}'?", closest);
    if (name == "threadgroup_index" || name == "texture" || name == "sampler") {
      compilation.report(kError, attribute->getLocation(),
                         name == "threadgroup_index" ? fmt::format("type '{}' is not valid for attribute 'threadgroup': it needs a pointer or reference to threadgroup memory", type)
                                                     : fmt::format("type '{}' is not valid for attribute '{}'", type, name));
      return;
    }
    const bool is_stage_in = name == "stage_in" || name == "grid_origin" || name == "grid_size";
    compilation.report(kError, attribute->getLocation(),
                       is_stage_in ? fmt::format("'{}' is not supported: per-thread stage-in does not exist in compute kernels here", name)
                                   : fmt::format("'{}' is not an attribute of kernel parameters{}", name, hint));
    return;
  }
  const auto* record = parameter.getType()->getAsCXXRecordDecl();
  const bool has_buffers = record != nullptr && record->hasDefinition() &&
                           std::ranges::any_of(record->fields(), [](const clang::FieldDecl* member) {
                             return find_annotation(*member, "buffer") != nullptr;
                           });
  if (has_buffers) {
    compilation.report(
        kError, parameter.getTypeSpecStartLoc(),
        fmt::format("arguments in a structure, here '{}', are not supported: make its members parameters of the kernel",
                    type));
    return;
  }
  compilation.report(kError, parameter.getTypeSpecStartLoc(),
                     fmt::format("invalid type '{}' for input declaration in a kernel function: use 'constant {}&' or a thread attribute", type, type));
}

}  // namespace anymetal::msl
