#include "msl/parsed_source.hpp"

#include "msl/address_spaces.hpp"
#include "msl/checks.hpp"
#include "msl/clang_invocation.hpp"
#include "msl/compilation.hpp"
#include "msl/deep_stack.hpp"
#include "msl/entry_codegen.hpp"
#include "msl/kernels.hpp"
#include "msl/suggestions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <mutex>

namespace anymetal::msl {
namespace {

std::unexpected<Error> compilation_error(const std::string& subject, std::vector<Diagnostic> diagnostics) {
  std::string message = fmt::format("{} does not compile:\n", subject) + render(diagnostics);
  while (message.ends_with('\n')) message.pop_back();
  return std::unexpected(Error(ErrorCode::ShaderCompilationError, std::move(message)).with_diagnostics(std::move(diagnostics)));
}

bool has_error(const std::vector<Diagnostic>& diagnostics) {
  return std::ranges::any_of(diagnostics, [](const Diagnostic& d) { return d.severity == Severity::Error; });
}

}  // namespace

struct ParsedSource::Impl {
  std::string name;
  Target target = Target::Host;
  std::unique_ptr<Compilation> compilation;
  std::vector<KernelName> kernels;
  std::vector<FunctionConstantVariable> constant_variables;

  std::vector<std::string> names;
  std::vector<unsigned> lines;
  std::vector<UnusableName> unusable_names;
  std::vector<ConstantDeclaration> constants;
  std::vector<Diagnostic> warnings;
  std::vector<std::string> dependencies;

  mutable std::mutex mutex;  ///< guards compilation and entries after the parse
  mutable std::map<std::string, Result<std::shared_ptr<const EntryModule>>, std::less<>> entries;

  explicit Impl(const SourceRequest& request) : name(request.name), target(request.target) {
    on_deep_stack([&] { parse(request); });
  }
  ~Impl() {
    on_deep_stack([&] { compilation.reset(); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void parse(const SourceRequest& request) {
    compilation = std::make_unique<Compilation>(request);
    if (compilation->has_ast() && !compilation->has_errors()) check_declarations(*compilation);
    else if (compilation->has_ast()) explain_space_mismatches(*compilation);
    if (compilation->has_ast() && !compilation->has_errors()) {
      kernels = find_kernels(*compilation);
      constant_variables = find_function_constants(*compilation);
      unusable_names = find_unusable_names(*compilation);
      for (const KernelName& kernel : kernels) {
        names.push_back(kernel.name);
        lines.push_back(defining_line(*kernel.function));
        const bool is_template = kernel.function->getTemplatedKind() == clang::FunctionDecl::TK_FunctionTemplateSpecialization;
        if (!is_template) (void)read_signature(*compilation, kernel);
      }
      for (const auto& constant : constant_variables) constants.push_back(constant.declaration);
    }
    warnings = compilation->take_diagnostics();
    dependencies = compilation->files().dependencies();
  }

  [[nodiscard]] unsigned defining_line(const clang::FunctionDecl& function) const {
    const clang::FunctionDecl* const pattern = function.getTemplateInstantiationPattern();
    const auto location = (pattern != nullptr ? *pattern : function).getLocation();
    const UserPosition position = user_position(compilation->instance().getSourceManager(), location, compilation->files());
    return position.file == name ? position.line : 0;
  }

  Result<std::shared_ptr<const EntryModule>> generate(std::string_view entry) const {
    const auto kernel = std::ranges::find(kernels, entry, &KernelName::name);
    if (kernel == kernels.end()) return not_found(entry);
    std::optional<EntryModule> module;
    std::vector<Diagnostic> diagnostics;
    on_deep_stack([&] {
      module = generate_entry(*compilation, *kernel, target, constant_variables);
      diagnostics = compilation->take_diagnostics();
    });
    if (module && !has_error(diagnostics)) return std::make_shared<const EntryModule>(std::move(*module));
    return compilation_error(fmt::format("kernel '{}'", entry), std::move(diagnostics));
  }

  std::unexpected<Error> not_found(std::string_view entry) const {
    std::vector<std::string> closest = closest_names(entry, names);
    std::string message = fmt::format("no kernel is named '{}'", entry);
    const auto unusable = std::ranges::find(unusable_names, entry, &UnusableName::name);
    if (unusable != unusable_names.end()) message = fmt::format("'{}' is {}", entry, unusable->reason);
    if (!closest.empty()) message += fmt::format(", did you mean '{}'?", closest.front());
    message += names.empty() ? "; this source has no kernels" : fmt::format("; this source has {}", summary());
    return std::unexpected(Error(ErrorCode::KernelNotFound, std::move(message)).with_suggestions(std::move(closest)));
  }

  [[nodiscard]] std::string summary() const {
    constexpr std::size_t kMost = 20;
    const std::span<const std::string> shown(names.data(), std::min(names.size(), kMost));
    return fmt::format("{}{}", fmt::join(shown, ", "), names.size() > kMost ? fmt::format(" and {} more", names.size() - kMost) : "");
  }
};

ParsedSource::ParsedSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ParsedSource::~ParsedSource() = default;

Result<std::shared_ptr<const ParsedSource>> ParsedSource::parse(SourceRequest request) {
  if (metal_version(request.options.language_standard) == 0) {
    return fail(ErrorCode::InvalidArgument, fmt::format("unknown language standard '{}': metal2.3, metal2.4, metal3.0, metal3.1, metal3.2 and metal4.0 are known",
                                                        request.options.language_standard));
  }
  auto impl = std::make_unique<Impl>(request);
  if (!impl->compilation->has_ast() || has_error(impl->warnings)) {
    return compilation_error(request.name.empty() ? "source" : request.name, std::move(impl->warnings));
  }
  return std::make_shared<const ParsedSource>(std::move(impl));
}

std::span<const std::string> ParsedSource::entry_names() const { return impl_->names; }
std::span<const unsigned> ParsedSource::entry_lines() const { return impl_->lines; }
std::span<const ConstantDeclaration> ParsedSource::constants() const { return impl_->constants; }
std::span<const Diagnostic> ParsedSource::warnings() const { return impl_->warnings; }
std::span<const std::string> ParsedSource::dependencies() const { return impl_->dependencies; }

Result<std::shared_ptr<const EntryModule>> ParsedSource::entry(std::string_view name) const {
  const std::lock_guard lock(impl_->mutex);
  const auto known = impl_->entries.find(name);
  if (known != impl_->entries.end()) return known->second;
  auto result = impl_->generate(name);
  if (!result) result = std::unexpected(result.error().with_kernel(std::string(name)));
  if (std::ranges::find(impl_->names, name) != impl_->names.end()) impl_->entries.emplace(name, result);
  return result;
}

}  // namespace anymetal::msl
