#include "fuzz/front_end.hpp"

#include "device/cpu/cpu_backend.hpp"
#include "msl/parsed_source.hpp"

#include <anymetal/compile_limits.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace fuzz {
namespace {

using namespace anymetal;  // NOLINT(google-build-using-namespace): a program, not a header

/// A refusal is an answer; a crash that the guard caught, or IR that does not verify, is not.
std::string defect_of(const Error& error) {
  if (error.code() == ErrorCode::InternalError) return error.message();
  for (const Diagnostic& d : error.diagnostics()) {
    if (d.message.starts_with("the compiler crashed")) return d.message;
  }
  const bool has_reason = error.code() != ErrorCode::ShaderCompilationError || !error.message().empty();
  return has_reason ? std::string() : "an error without a word";
}

/// Errors of a parse stand at places of the user's, but for the one that says that there are more.
std::string misplaced(const Error& error) {
  for (const Diagnostic& d : error.diagnostics()) {
    if (d.message.starts_with("too many errors emitted")) continue;
    if (d.severity == Severity::Error && (d.line == 0 || d.column == 0)) return fmt::format("an error without a place: {}", d.message);
  }
  return error.diagnostics().empty() ? "a refused source without a message" : std::string();
}

/// What is said of a program speaks of it: at a place in it, and not in the words that MSL is made with here.
std::string foreign_word(std::string_view text, const std::vector<Diagnostic>& diagnostics) {
  for (const Diagnostic& d : diagnostics) {
    for (const std::string_view word : {"__msl", "__global", "__local", "__private", "__generic", "annotate", "ext_vector_type", "_Float16", "SYCL", "opencl",
                                        "OpenCL", "address_space", "__e[", "__lane"}) {
      const bool is_users = text.find(word) != std::string_view::npos;
      if (!is_users && d.message.find(word) != std::string::npos) return fmt::format("a message with '{}': {}", word, d.message);
    }
    const bool is_users_file = d.file == "fuzz.metal" || text.find('"' + d.file + '"') != std::string_view::npos;  // by a line marker
    if (d.severity == Severity::Error && d.line != 0 && !is_users_file) {
      return fmt::format("an error in {}: {}", d.file, d.message);
    }
  }
  return {};
}

}  // namespace

Outcome run_front_end(std::string_view text) {
  static const auto backend = device::cpu::make_cpu_backend({1, std::nullopt});
  msl::SourceRequest request;
  request.name = "fuzz.metal";
  request.text = text;
  Outcome outcome;
  const auto source = msl::ParsedSource::parse(request);
  if (!source) {
    outcome.defect = defect_of(source.error());
    if (outcome.defect.empty()) outcome.defect = misplaced(source.error());
    if (outcome.defect.empty()) outcome.defect = foreign_word(text, source.error().diagnostics());
    return outcome;
  }
  outcome.reached = Reached::Parsed;
  std::vector<FunctionConstant> constants;
  for (const auto& constant : (*source)->constants()) {
    if (constant.type == ConstantType::Int && constant.components == 1) constants.push_back({constant.index, 3});
    if (constant.type == ConstantType::Bool && constant.components == 1) constants.push_back({constant.index, true});
  }
  constexpr std::size_t kMostEntries = 4;
  for (const std::string& name : (*source)->entry_names().first(std::min(kMostEntries, (*source)->entry_names().size()))) {
    const auto entry = (*source)->entry(name, constants);
    if (!entry) {
      outcome.defect = defect_of(entry.error());
      if (outcome.defect.empty()) outcome.defect = foreign_word(text, entry.error().diagnostics());
      if (!outcome.defect.empty()) return outcome;
      continue;
    }
    outcome.reached = std::max(outcome.reached, Reached::Entry);
    auto kernel = msl::specialise(**entry, constants);
    if (!kernel) {
      outcome.defect = defect_of(kernel.error());
      if (!outcome.defect.empty()) return outcome;
      continue;
    }
    outcome.reached = std::max(outcome.reached, Reached::Specialised);
    const auto artifact = (*backend)->compile(std::move(*kernel), name);
    if (!artifact) {
      outcome.defect = defect_of(artifact.error());
      if (!outcome.defect.empty()) return outcome;
      continue;
    }
    outcome.reached = Reached::Code;
  }
  return outcome;
}

}  // namespace fuzz
