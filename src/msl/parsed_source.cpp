#include "msl/parsed_source.hpp"

#include "msl/address_spaces.hpp"
#include "msl/checks.hpp"
#include "msl/clang_invocation.hpp"
#include "msl/compilation.hpp"
#include "msl/compile_guard.hpp"
#include "msl/entry_codegen.hpp"
#include "msl/kernels.hpp"
#include "msl/suggestions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
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

/// The IR of entries already made, as much as kMostBytes of it: a file may have thousands of entries, each asked for once.
class EntryCache {
 public:
  using Entry = Result<std::shared_ptr<const EntryModule>>;

  [[nodiscard]] const Entry* find(std::string_view name) const {
    const auto known = entries_.find(name);
    return known == entries_.end() ? nullptr : &known->second;
  }

  void keep(std::string name, const Entry& entry) {
    constexpr std::size_t kMostBytes = 64U << 20U;
    bytes_ += size_of(entry);
    order_.push_back(name);
    entries_.emplace(std::move(name), entry);
    while (bytes_ > kMostBytes && order_.size() > 1) {
      const auto oldest = entries_.find(order_.front());
      bytes_ -= size_of(oldest->second);
      entries_.erase(oldest);
      order_.pop_front();
    }
  }

 private:
  static std::size_t size_of(const Entry& entry) { return entry ? (*entry)->bitcode.size() : 0; }

  std::map<std::string, Entry, std::less<>> entries_;
  std::deque<std::string> order_;  ///< oldest first
  std::size_t bytes_ = 0;
};

/// What a compilation has shown once it is parsed.
struct Findings {
  std::vector<KernelName> kernels;
  std::vector<FunctionConstantVariable> constants;
  std::vector<UnusableName> unusable_names;
};

/// A compilation that a step may have left in any state.
class GuardedCompilation {
 public:
  explicit GuardedCompilation(const SourceRequest& request)
      : limits_(compile_limits()), compilation_(std::make_unique<Compilation>(request, limits_)) {}
  ~GuardedCompilation() {
    if (!run_step({}, [this] { compilation_.reset(); }).is_done()) (void)compilation_.release();
  }
  GuardedCompilation(const GuardedCompilation&) = delete;
  GuardedCompilation& operator=(const GuardedCompilation&) = delete;

  Compilation& operator*() const { return *compilation_; }
  Compilation* operator->() const { return compilation_.get(); }
  /// Runs a step on it. Where that is not done, the compilation is of no more use.
  StepOutcome run(const std::function<void()>& work) {
    StepOutcome outcome = run_step(limits_, work);
    if (outcome.end == StepOutcome::End::Abandoned) (void)compilation_.release();  // in any state: it cannot be destroyed
    is_sound_ = is_sound_ && outcome.is_done();
    return outcome;
  }
  [[nodiscard]] bool is_sound() const { return is_sound_; }
  [[nodiscard]] bool exists() const { return compilation_ != nullptr; }

 private:
  CompileLimits limits_;
  std::unique_ptr<Compilation> compilation_;
  bool is_sound_ = true;
};

}  // namespace

struct ParsedSource::Impl {
  SourceRequest request;
  std::string name;
  Target target = Target::Host;

  std::vector<std::string> names;
  std::vector<unsigned> lines;
  std::vector<ConstantDeclaration> constants;
  std::vector<Diagnostic> warnings;
  std::vector<std::string> dependencies;
  bool is_parsed = false;

  mutable std::mutex mutex;  ///< guards all that follows after the parse
  mutable std::unique_ptr<GuardedCompilation> compilation;
  mutable Findings found;
  mutable EntryCache entries;

  explicit Impl(SourceRequest r) : request(std::move(r)), name(request.name), target(request.target) { parse(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void parse() {
    compilation = std::make_unique<GuardedCompilation>(request);
    const StepOutcome outcome = compilation->run([&] {
      Compilation& c = **compilation;
      found = analyse(c);
      for (const KernelName& kernel : found.kernels) {
        names.push_back(kernel.name);
        lines.push_back(defining_line(*kernel.function));
        const bool is_template = kernel.function->getTemplatedKind() == clang::FunctionDecl::TK_FunctionTemplateSpecialization;
        if (!is_template) (void)read_signature(c, kernel);
      }
      for (const auto& constant : found.constants) constants.push_back(constant.declaration);
      is_parsed = c.has_ast();
      warnings = c.take_diagnostics();
      dependencies = c.files().dependencies();
    });
    if (outcome.is_done()) return;
    is_parsed = false;
    warnings = stopped(outcome);
  }

  static Findings analyse(Compilation& compilation) {
    Findings findings;
    compilation.parse();
    if (!compilation.has_ast()) return findings;
    if (compilation.has_errors()) {
      explain_space_mismatches(compilation);
      return findings;
    }
    check_host_access(compilation);
    check_declarations(compilation);
    if (compilation.has_errors()) return findings;
    findings.kernels = find_kernels(compilation);
    findings.constants = find_function_constants(compilation);
    findings.unusable_names = find_unusable_names(compilation);
    return findings;
  }

  /// What was found before the compiler stopped, and that it did.
  [[nodiscard]] std::vector<Diagnostic> stopped(const StepOutcome& outcome) const {
    std::vector<Diagnostic> diagnostics;
    UserPosition place;
    if (compilation->exists()) {
      (void)run_step({}, [&] {
        place = (*compilation)->last_position();
        diagnostics = (*compilation)->take_diagnostics();
      });
    }
    if (place.line == 0) place = {name, 1, 1, {}, false};
    diagnostics.push_back({Severity::Error, place.file, place.line, place.column, "the compiler " + outcome.reason, place.source_line});
    return diagnostics;
  }

  /// Parses once more: an entry before has stopped the compiler.
  Result<void> renew() const {
    compilation = std::make_unique<GuardedCompilation>(request);
    const StepOutcome outcome = compilation->run([&] {
      found = analyse(**compilation);
      (void)(*compilation)->take_diagnostics();
    });
    if (!outcome.is_done()) return std::unexpected(step_error(outcome, name));
    return {};
  }

  [[nodiscard]] unsigned defining_line(const clang::FunctionDecl& function) const {
    const clang::FunctionDecl* const pattern = function.getTemplateInstantiationPattern();
    const auto location = (pattern != nullptr ? *pattern : function).getLocation();
    const UserPosition position = user_position((*compilation)->instance().getSourceManager(), location, (*compilation)->files());
    return position.file == name ? position.line : 0;
  }

  Result<std::shared_ptr<const EntryModule>> generate(std::string_view entry) const {
    if (std::ranges::find(names, entry) == names.end()) return not_found(entry);
    if (!compilation->is_sound()) {
      if (auto renewed = renew(); !renewed) return std::unexpected(renewed.error());
    }
    const auto kernel = std::ranges::find(found.kernels, entry, &KernelName::name);
    if (kernel == found.kernels.end()) return not_found(entry);
    std::optional<EntryModule> module;
    std::vector<Diagnostic> diagnostics;
    const StepOutcome outcome = compilation->run([&] {
      module = generate_entry(**compilation, *kernel, target, found.constants);
      diagnostics = (*compilation)->take_diagnostics();
    });
    const std::string subject = fmt::format("kernel '{}'", entry);
    if (!outcome.is_done()) return std::unexpected(step_error(outcome, subject));
    if (module && !has_error(diagnostics)) return std::make_shared<const EntryModule>(std::move(*module));
    return compilation_error(subject, std::move(diagnostics));
  }

  std::unexpected<Error> not_found(std::string_view entry) const {
    std::vector<std::string> closest = closest_names(entry, names);
    std::string message = fmt::format("no kernel is named '{}'", entry);
    const auto unusable = std::ranges::find(found.unusable_names, entry, &UnusableName::name);
    if (unusable != found.unusable_names.end()) message = fmt::format("'{}' is {}", entry, unusable->reason);
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
  auto impl = std::make_unique<Impl>(std::move(request));
  if (!impl->is_parsed || has_error(impl->warnings)) {
    return compilation_error(impl->name.empty() ? "source" : impl->name, std::move(impl->warnings));
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
  if (const EntryCache::Entry* known = impl_->entries.find(name)) return *known;
  auto result = impl_->generate(name);
  if (!result) result = std::unexpected(result.error().with_kernel(std::string(name)));
  if (std::ranges::find(impl_->names, name) != impl_->names.end()) impl_->entries.keep(std::string(name), result);
  return result;
}

}  // namespace anymetal::msl
