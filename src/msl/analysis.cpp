#include "msl/analysis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "msl/address_spaces.hpp"
#include "msl/air_functions.hpp"
#include "msl/checks.hpp"
#include "msl/entry_codegen.hpp"
#include "msl/outside_subset.hpp"

namespace anymetal::msl {

bool has_error(const std::vector<Diagnostic>& diagnostics) {
  return std::ranges::any_of(diagnostics, [](const Diagnostic& d) { return d.severity == Severity::Error; });
}

Error compilation_error(const std::string& subject, std::vector<Diagnostic> diagnostics) {
  std::string message = fmt::format("{} does not compile:\n", subject) + render(diagnostics);
  while (message.ends_with('\n')) message.pop_back();
  return Error(ErrorCode::ShaderCompilationError, std::move(message)).with_diagnostics(std::move(diagnostics));
}

Analysis::Analysis(const SourceRequest& request)
    : limits_(compile_limits()), name_(request.name), target_(request.target) {
  // Made inside the step: Clang and LLVM crash where they get no memory.
  const StepOutcome outcome = run([&] {
    compilation_ = std::make_unique<Compilation>(request, limits_);
    analyse();
  });
  if (outcome.is_done()) return;
  is_parsed_ = false;
  add_stop(outcome);
}

Analysis::~Analysis() {
  bool is_destroyed = false;
  try {
    is_destroyed = run_step({}, [this] { compilation_.reset(); }).is_done();
  } catch (const std::bad_alloc&) {  // nor is there memory to begin
  }
  if (!is_destroyed) (void)compilation_.release();
}

bool Analysis::has_errors() const { return has_error(diagnostics); }

/// Where that is not done, the compilation is of no more use.
StepOutcome Analysis::run(const std::function<void()>& work) {
  StepOutcome outcome = run_step(limits_, work);
  if (outcome.end == StepOutcome::End::Abandoned) (void)compilation_.release();  // in any state: it cannot be destroyed
  is_sound_ = is_sound_ && outcome.is_done();
  return outcome;
}

void Analysis::analyse() {
  Compilation& c = *compilation_;
  c.parse();
  is_parsed_ = c.has_ast();
  lacks_headers_ = !c.has_begun();
  if (is_parsed_ && c.has_errors()) {
    explain_space_mismatches(c);
    find_unknown_attributes(c);
  } else if (is_parsed_) {
    define_air_functions(c);
    check_host_access(c);
    check_declarations(c);
  }
  const bool is_right = is_parsed_ && !c.has_errors();
  if (is_right) find_names();
  diagnostics = c.take_diagnostics();
  dependencies = c.files().dependencies();
  file_dependencies = c.files().file_dependencies();
  if (!is_parsed_ || is_right) return;
  find_names();  // a source that is wrong for now may be right once its function constants have values
  (void)c.take_diagnostics();
}

void Analysis::find_names() {
  kernels = find_kernels(*compilation_);
  constants = find_function_constants(*compilation_);
  unusable_names = find_unusable_names(*compilation_);
  for (const KernelName& kernel : kernels) {
    lines.push_back(defining_line(*kernel.function));
    const bool is_template =
        kernel.function->getTemplatedKind() == clang::FunctionDecl::TK_FunctionTemplateSpecialization;
    if (!is_template && !is_outside_subset(*kernel.function)) (void)read_signature(*compilation_, kernel);
  }
}

unsigned Analysis::defining_line(const clang::FunctionDecl& function) const {
  const clang::FunctionDecl* const pattern = function.getTemplateInstantiationPattern();
  const auto location = (pattern != nullptr ? *pattern : function).getLocation();
  const UserPosition position =
      user_position(compilation_->instance().getSourceManager(), location, compilation_->files());
  return position.file == name_ ? position.line : 0;
}

/// What was found before the compiler stopped, and that it did.
void Analysis::add_stop(const StepOutcome& outcome) {
  UserPosition place;
  diagnostics.clear();
  if (compilation_ != nullptr) {
    (void)run_step({}, [&] {
      place = compilation_->last_position();
      diagnostics = compilation_->take_diagnostics();
    });
  }
  if (place.line == 0) place = {name_, 1, 1, {}, false};
  diagnostics.push_back(
      {Severity::Error, place.file, place.line, place.column, "the compiler " + outcome.reason, place.source_line});
}

Result<std::shared_ptr<const EntryModule>> Analysis::entry(std::string_view kernel) {
  const std::string subject = fmt::format("kernel '{}'", kernel);
  if (!is_parsed_) return std::unexpected(compilation_error(subject, diagnostics));  // a parse for this entry that was stopped
  const auto found = std::ranges::find(kernels, kernel, &KernelName::name);
  if (found == kernels.end())
    return fail(ErrorCode::KernelNotFound, subject + " does not exist with these values of function constants");
  std::optional<EntryModule> module;
  std::vector<Diagnostic> messages;
  bool is_filled = false;
  const StepOutcome outcome = run([&] {
    module = generate_entry(*compilation_, *found, target_, constants);
    messages = compilation_->take_diagnostics();
    is_filled = compilation_->binding() && compilation_->binding()->others;
  });
  if (!outcome.is_done()) return std::unexpected(step_error(outcome, subject));
  if (module && !has_error(messages)) return std::make_shared<const EntryModule>(std::move(*module));
  is_spent_ = has_failed_ || !has_error(messages);
  has_failed_ = true;
  if (!has_error(messages))
    return fail(ErrorCode::ShaderCompilationError,
                subject + " uses an instantiation that does not compile: see the errors of earlier kernels");
  const auto missing =
      std::ranges::find_if(messages, [](const Diagnostic& d) { return d.message.starts_with("function constant '"); });
  if (!is_filled || missing == messages.end()) return std::unexpected(compilation_error(subject, std::move(messages)));
  std::string text =
      fmt::format("{}: {}:{}:{}: {}", subject, missing->file, missing->line, missing->column, missing->message);
  return std::unexpected(
      Error(ErrorCode::FunctionConstantError, std::move(text)).with_diagnostics(std::move(messages)));
}

}  // namespace anymetal::msl
