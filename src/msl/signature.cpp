#include "msl/annotations.hpp"
#include "msl/kernels.hpp"
#include "msl/outside_subset.hpp"
#include "msl/thread_inputs.hpp"
#include "msl/value_types.hpp"

#include <clang/AST/ASTContext.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace anymetal::msl {
namespace {

constexpr auto kError = clang::DiagnosticsEngine::Error;
constexpr std::int64_t kLastIndex = 30;

class SignatureReader {
 public:
  SignatureReader(Compilation& compilation, const KernelName& kernel)
      : compilation_(compilation), ast_(compilation.ast()), kernel_(kernel) {}

  KernelSignature run() {
    signature_.reflection.name = kernel_.name;
    read_thread_limit();
    read_required_threads();
    signature_.reflection.any_threadgroup_size = find_annotation(*kernel_.function, "any_threadgroup_size") != nullptr;
    for (clang::ParmVarDecl* parameter : kernel_.function->parameters()) {
      report_second_source(*parameter);
      read(*parameter);
    }
    assign_implicit_indices();
    check_thread_inputs(compilation_, *kernel_.function, signature_.parameters);
    return std::move(signature_);
  }

 private:
  /// An argument whose index is known or to be assigned.
  struct Binding {
    const clang::ParmVarDecl* parameter = nullptr;
    const clang::AnnotateAttr* attribute = nullptr;
    bool has_index = false;
    bool guarded = false;
  };

  void error(clang::SourceLocation location, const std::string& message) { compilation_.report(kError, location, message); }

  void read_thread_limit() {
    const auto* attribute = find_annotation(*kernel_.function, "max_total_threads_per_threadgroup");
    if (attribute == nullptr) return;
    const auto limit = integer_argument(ast_, *attribute);
    if (!limit || *limit < 1) {
      error(attribute->args_size() == 0 ? attribute->getLocation() : attribute->args_begin()[0]->getBeginLoc(),
            "'max_total_threads_per_threadgroup' takes one positive integer constant");
      return;
    }
    signature_.reflection.max_total_threads = static_cast<unsigned>(std::min<std::int64_t>(*limit, 1 << 20));
    signature_.reflection.declares_max_total_threads = true;
  }

  /// The threadgroup that the kernel asks for is also the largest one.
  void read_required_threads() {
    constexpr std::string_view kName = "required_threads_per_threadgroup";
    const auto* attribute = find_annotation(*kernel_.function, kName);
    if (attribute == nullptr || attribute->args_size() == 0) return;
    auto& reflection = signature_.reflection;
    std::array<std::uint32_t, 3> threads = {1, 1, 1};
    std::uint64_t total = 1;
    for (unsigned i = 0; i < std::min(attribute->args_size(), 3U); ++i) {
      const auto count = integer_argument(ast_, *attribute, i);
      const clang::SourceLocation place = attribute->args_begin()[i]->getBeginLoc();
      if (!count || *count < 1) return error(place, fmt::format("'{}' takes one to three positive integer constants", kName));
      threads[i] = static_cast<std::uint32_t>(std::min<std::int64_t>(*count, 1 << 20));
      total *= threads[i];
      if (total > reflection.max_total_threads) {
        return error(place, fmt::format("'{}' asks for a threadgroup of more threads than the limit of {}", kName, reflection.max_total_threads));
      }
    }
    reflection.required_threads = threads;
    reflection.max_total_threads = static_cast<unsigned>(total);
    reflection.declares_max_total_threads = true;
  }

  /// A parameter has its value from one place.
  void report_second_source(const clang::ParmVarDecl& parameter) {
    std::string_view first;
    for (const auto* attribute : parameter.specific_attrs<clang::AnnotateAttr>()) {
      std::string_view name = annotation_name(*attribute);
      if (name == "threadgroup_index") name = "threadgroup";
      if (!is_thread_input(name) && name != "buffer" && name != "threadgroup" && name != "texture" && name != "sampler") continue;
      if (!first.empty()) error(attribute->getLocation(), fmt::format("'{}' has the attribute '{}' already", parameter.getName().str(), first));
      first = name;
    }
  }

  void read(clang::ParmVarDecl& parameter) {
    ParameterSource source;
    const clang::QualType type = parameter.getType();
    if (type->isPointerType() || type->isReferenceType()) {
      read_argument(parameter, source);
    } else if (const auto* input = find_thread_input(parameter)) {
      source.input = annotation_name(*input);
    } else {
      report_unbindable(parameter);
    }
    signature_.parameters.push_back(std::move(source));
  }

  void read_argument(clang::ParmVarDecl& parameter, ParameterSource& source) {
    const clang::QualType pointee = parameter.getType()->getPointeeType();
    const std::string_view space = address_space(parameter);
    const auto* buffer = find_annotation(parameter, "buffer");
    const auto* slot = find_annotation(parameter, "threadgroup_index");
    const bool is_threadgroup = space == "threadgroup" || (space.empty() && slot != nullptr);
    report_other_space(parameter);
    report_value_attribute(parameter);
    report_derived(parameter);

    Argument argument;
    argument.name = parameter.getName();
    argument.kind = is_threadgroup ? ArgumentKind::Threadgroup : ArgumentKind::Buffer;
    argument.type = type_spelling(ast_, pointee);
    argument.is_reference = parameter.getType()->isReferenceType();
    argument.is_constant = space == "constant";
    argument.access = pointee.isConstQualified() || argument.is_constant ? Access::Read : Access::ReadWrite;
    if (!pointee->isVoidType() && !pointee->isIncompleteType() && !pointee->isFunctionType() && !pointee->isDependentType()) {
      argument.element_size = static_cast<std::size_t>(ast_.getTypeSizeInChars(pointee).getQuantity());
      argument.element_alignment = static_cast<std::size_t>(ast_.getTypeAlignInChars(pointee).getQuantity());
    }

    Binding binding{&parameter, is_threadgroup ? slot : buffer, false, false};
    if (is_threadgroup && buffer != nullptr) {
      error(buffer->getLocation(), fmt::format("'threadgroup {}' cannot back a buffer: 'device' and 'constant' can", argument.type));
    } else if (space == "thread") {
      error(buffer != nullptr ? buffer->getLocation() : parameter.getLocation(),
            fmt::format("'thread {}' cannot be a kernel's argument: 'device', 'constant' and 'threadgroup' can",
                        argument.type));
    } else if (!is_threadgroup && slot != nullptr) {
      error(slot->getLocation(), fmt::format("'{} {}' is not threadgroup memory: only a 'threadgroup' pointer or reference takes this attribute",
                                                    space.empty() ? "device" : space, argument.type));
    }
    if (const auto* guard = find_annotation(parameter, "function_constant_guard")) {
      source.guard = variable_argument(*guard);
      binding.guarded = true;
    }
    read_index(binding, argument);
    bindings_.push_back(binding);
    signature_.reflection.arguments.push_back(std::move(argument));
  }

  void report_other_space(const clang::ParmVarDecl& parameter) {
    for (const char* other : {"object_data", "ray_data", "threadgroup_imageblock"}) {
      if (find_annotation(parameter, other) != nullptr) error(parameter.getLocation(), fmt::format("the address space '{}' is not supported: it is outside anymetal's compute subset", other));
    }
  }

  void report_derived(const clang::ParmVarDecl& parameter) {
    const auto* record = object_type(ast_, parameter.getType()->getPointeeType())->getAsCXXRecordDecl();
    if (record == nullptr || !record->hasDefinition() || record->getNumBases() == 0 ||
        !compilation_.is_users(record->getLocation()))
      return;
    error(parameter.getLocation(),
          fmt::format(
              "the type '{}' of '{}' is derived from another: types of kernel parameters may not be derived classes",
              type_spelling(ast_, ast_.getRecordType(record)), parameter.getName().str()));
  }

  /// Attributes of a pointer or reference that are for values or textures.
  void report_value_attribute(const clang::ParmVarDecl& parameter) {
    static constexpr std::array<std::string_view, 3> kOthers = {"texture", "sampler", "stage_in"};
    for (const auto* attribute : parameter.specific_attrs<clang::AnnotateAttr>()) {
      const std::string_view name = annotation_name(*attribute);
      if (!is_thread_input(name) && std::ranges::find(kOthers, name) == kOthers.end()) continue;
      const bool is_reference = parameter.getType()->isReferenceType();
      error(attribute->getLocation(), fmt::format("a {} is not valid for attribute '{}'{}", is_reference ? "reference" : "pointer", name,
                                                  is_thread_input(name) ? ": it takes ushort or uint by value" : ""));
    }
  }

  void read_index(Binding& binding, Argument& argument) {
    if (binding.attribute == nullptr) return;
    const clang::AnnotateAttr& attribute = *binding.attribute;
    const std::string_view name = argument.kind == ArgumentKind::Threadgroup ? "threadgroup" : "buffer";
    if (attribute.args_size() != 1) {
      error(attribute.getLocation(), fmt::format("'{}' attribute takes one argument", name));
      return;
    }
    const auto index = integer_argument(ast_, attribute);
    if (!index || *index < 0 || *index > kLastIndex) {
      error(attribute.args_begin()[0]->getBeginLoc(), fmt::format("'{}' index must be an integer constant between 0 and 30", name));
      return;
    }
    argument.index = static_cast<unsigned>(*index);
    binding.has_index = true;
    auto& owner = taken_[{argument.kind, argument.index}];
    if (owner.parameter != nullptr && !(owner.guarded && binding.guarded)) {
      error(attribute.getLocation(), fmt::format("cannot reserve '{}' resource location at index {}: already taken by '{}'", name,
                                                 *index, owner.parameter->getName().str()));
    }
    owner = binding;
  }

  void assign_implicit_indices() {
    for (std::size_t i = 0; i < bindings_.size(); ++i) {
      Argument& argument = signature_.reflection.arguments[i];
      if (bindings_[i].has_index) continue;
      unsigned index = 0;
      while (taken_.contains({argument.kind, index})) ++index;
      if (index > kLastIndex) error(bindings_[i].parameter->getLocation(), "no buffer index is left for this parameter: a kernel has 31");
      argument.index = index;
      taken_[{argument.kind, index}] = bindings_[i];
    }
  }

  void report_unbindable(const clang::ParmVarDecl& parameter) {
    const std::string type = type_spelling(ast_, parameter.getType());
    const auto* buffer = find_annotation(parameter, "buffer");
    if (buffer != nullptr && !is_outside_subset(parameter.getType())) {
      error(buffer->getLocation(), fmt::format("type '{}' is not valid for attribute 'buffer': it needs a pointer or reference to device or constant memory", type));
      return;
    }
    report_invalid_input(compilation_, kernel_.name, parameter, type);
  }

  Compilation& compilation_;
  clang::ASTContext& ast_;
  const KernelName& kernel_;
  KernelSignature signature_;
  std::vector<Binding> bindings_;
  std::map<std::pair<ArgumentKind, unsigned>, Binding> taken_;
};

}  // namespace

KernelSignature read_signature(Compilation& compilation, const KernelName& kernel) {
  return SignatureReader(compilation, kernel).run();
}

}  // namespace anymetal::msl
