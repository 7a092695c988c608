#include "msl/parsed_source.hpp"

#include "msl/analysis.hpp"
#include "msl/clang_invocation.hpp"
#include "msl/constant_values.hpp"
#include "msl/entry_cache.hpp"
#include "msl/suggestions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

namespace anymetal::msl {
namespace {

bool same(const Diagnostic& a, const Diagnostic& b) {
  return a.severity == b.severity && a.file == b.file && a.line == b.line && a.column == b.column && a.message == b.message;
}

std::string cache_key(std::string_view entry, const ConstantValues& values) {
  std::string key = std::string(entry) + '\n';
  for (const auto& [index, value] : values) {
    key += fmt::format("{}:{}:{}:", index, static_cast<int>(value.type()), value.components());
    for (const unsigned char byte : value.bytes()) key += fmt::format("{:02x}", byte);
    key += '\n';
  }
  return key;
}

}  // namespace

struct ParsedSource::Impl {
  using Entry = EntryCache::Entry;
  struct Made {
    Entry entry;
    bool is_bound = false;  ///< the values of function constants had a part in it
  };

  SourceRequest request;
  std::vector<std::string> names;
  std::vector<unsigned> lines;
  std::vector<ConstantDeclaration> constants;
  std::vector<UnusableName> unusable_names;
  std::vector<Diagnostic> warnings;
  std::vector<std::string> dependencies;
  std::vector<FileDependency> file_dependencies;
  bool is_parsed = false;
  bool lacks_headers = false;
  bool needs_values = false;  ///< constant expressions depend on function constants: no entry without their values

  mutable std::mutex mutex;  ///< guards all that follows after the parse
  mutable std::unique_ptr<Analysis> analysis;
  mutable std::unique_ptr<Analysis> bound;  ///< the last one for given values
  mutable ConstantBinding bound_to;
  mutable int explained = 0;  ///< entries that failed and were tried again in a new parse
  mutable EntryCache entries;

  explicit Impl(SourceRequest r) : request(std::move(r)) {
    analysis = std::make_unique<Analysis>(request);
    adopt(*analysis);
    if (is_parsed && has_error(warnings) && !constants.empty() && !request.binding) try_values();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void adopt(const Analysis& a) {
    names.clear();
    for (const KernelName& kernel : a.kernels) names.push_back(kernel.name);
    lines = a.lines;
    constants.clear();
    for (const auto& constant : a.constants) constants.push_back(constant.declaration);
    unusable_names = a.unusable_names;
    warnings = a.diagnostics;
    dependencies = a.dependencies;
    file_dependencies = a.file_dependencies;
    is_parsed = a.is_parsed();
    lacks_headers = a.lacks_headers();
  }

  /// Errors that go away once function constants have values are none: what is wrong with certain values is said when these come.
  void try_values() {
    std::vector<Diagnostic> errors = warnings;
    std::erase_if(errors, [](const Diagnostic& d) { return d.severity != Severity::Error; });
    for (const std::uint8_t filling : kAssumedConstants) {
      SourceRequest filled = request;
      filled.binding = {{}, filling};
      const Analysis attempt(filled);
      if (!attempt.is_parsed()) return;
      std::erase_if(errors, [&](const Diagnostic& e) { return std::ranges::none_of(attempt.diagnostics, [&](const Diagnostic& d) { return same(d, e); }); });
      if (!errors.empty()) continue;
      needs_values = true;
      adopt(attempt);
      analysis.reset();
      std::erase_if(warnings, [](const Diagnostic& d) { return d.severity != Severity::Warning; });
      return;
    }
    bool is_gone = false;  // an error's notes follow it
    std::erase_if(warnings, [&](const Diagnostic& d) {
      if (d.severity != Severity::Note) is_gone = d.severity == Severity::Error && std::ranges::none_of(errors, [&](const Diagnostic& e) { return same(d, e); });
      return is_gone;
    });
  }

  Made generate(std::string_view entry, std::span<const FunctionConstant> given) const {
    if (std::ranges::find(names, entry) == names.end()) return {not_found(entry)};
    if (needs_values) return {bound_entry(entry, given), true};
    Entry made = entry_of(analysis, request, entry);
    if (made || constants.empty() || request.binding || made.error().diagnostics().empty()) return {made};
    Entry with_values = bound_entry(entry, given);  // its templates may use function constants as constant expressions
    const bool has_remaining = !with_values && std::ranges::any_of(made.error().diagnostics(), [&](const Diagnostic& d) {
      return d.severity == Severity::Error && std::ranges::any_of(with_values.error().diagnostics(), [&](const Diagnostic& e) { return same(d, e); });
    });
    return has_remaining ? Made{made} : Made{with_values, true};
  }

  Entry bound_entry(std::string_view entry, std::span<const FunctionConstant> given) const {
    const auto values = resolve_constants(entry, constants, given);
    if (!values) return std::unexpected(values.error());
    Entry made = bound_entry(entry, ConstantBinding{*values, std::nullopt});
    if (made || std::ranges::all_of(constants, [&](const auto& c) { return values->contains(c.index); })) return made;
    for (const std::uint8_t filling : kAssumedConstants) {  // constants of other kernels need no values
      Entry filled = bound_entry(entry, ConstantBinding{*values, filling});
      if (filled || filled.error().code() == ErrorCode::FunctionConstantError) return filled;
    }
    return made;
  }

  Entry bound_entry(std::string_view entry, const ConstantBinding& binding) const {
    SourceRequest with_values = request;
    with_values.binding = binding;
    if (bound == nullptr || !bound->is_sound() || bound_to != binding) {
      bound_to = binding;
      bound = std::make_unique<Analysis>(with_values);
    }
    if (!bound->is_parsed() || bound->has_errors()) {
      return std::unexpected(compilation_error(fmt::format("kernel '{}', with these values of function constants,", entry), bound->diagnostics));
    }
    return entry_of(bound, with_values, entry);
  }

  /// Parses anew where the last entry left nothing to go on with, and where Clang may have said already what is wrong with this
  /// one. The latter for a few entries only: a mistake in a template may be one of thousands of its kernels.
  Entry entry_of(std::unique_ptr<Analysis>& last, const SourceRequest& source, std::string_view entry) const {
    constexpr int kMostExplained = 16;
    if (!last->is_sound()) last = std::make_unique<Analysis>(source);
    Entry made = last->entry(entry);
    if (!last->is_spent() || explained++ >= kMostExplained) return made;
    last = std::make_unique<Analysis>(source);
    return last->entry(entry);
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
  std::size_t bytes = request.text.size();
  for (const auto& [name, text] : request.options.include_files) bytes += text.size();
  if (bytes > kLongestText) return fail(ErrorCode::ShaderCompilationError, fmt::format("{}: a source of {} bytes; the limit is {}", request.name, bytes, kLongestText));
  if (request.text.starts_with("\xff\xfe") || request.text.starts_with("\xfe\xff")) {
    return fail(ErrorCode::ShaderCompilationError, fmt::format("{}: the text is UTF-16: save it as UTF-8", request.name));
  }
  auto impl = std::make_unique<Impl>(std::move(request));
  if (impl->lacks_headers) return fail(ErrorCode::InternalError, fmt::format("the precompiled headers cannot be read:\n{}", render(impl->warnings)));
  if (!impl->is_parsed || has_error(impl->warnings)) {
    return std::unexpected(compilation_error(impl->request.name.empty() ? "source" : impl->request.name, std::move(impl->warnings)));
  }
  return std::make_shared<const ParsedSource>(std::move(impl));
}

std::span<const std::string> ParsedSource::entry_names() const { return impl_->names; }
std::span<const unsigned> ParsedSource::entry_lines() const { return impl_->lines; }
std::span<const ConstantDeclaration> ParsedSource::constants() const { return impl_->constants; }
std::span<const Diagnostic> ParsedSource::warnings() const { return impl_->warnings; }
std::span<const std::string> ParsedSource::dependencies() const { return impl_->dependencies; }
std::span<const FileDependency> ParsedSource::file_dependencies() const { return impl_->file_dependencies; }

Result<std::shared_ptr<const EntryModule>> ParsedSource::entry(std::string_view name, std::span<const FunctionConstant> constants) const {
  const std::lock_guard lock(impl_->mutex);
  if (const EntryCache::Entry* known = impl_->entries.find(name)) return *known;
  const auto values = resolve_constants(name, impl_->constants, constants);
  const std::string key_of_values = values ? cache_key(name, *values) : std::string();
  if (const EntryCache::Entry* known = impl_->entries.find(key_of_values)) return *known;
  auto [result, is_bound] = impl_->generate(name, constants);
  if (!result) result = std::unexpected(result.error().with_kernel(std::string(name)));
  if (std::ranges::find(impl_->names, name) != impl_->names.end() && (values || !is_bound)) impl_->entries.keep(is_bound ? key_of_values : std::string(name), result);
  return result;
}

}  // namespace anymetal::msl
