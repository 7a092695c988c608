#include "msl/diagnostics.hpp"

#include "msl/attribute_table.hpp"
#include "msl/clang_invocation.hpp"
#include "msl/diagnostic_wording.hpp"
#include "msl/keyword_macros.hpp"
#include "msl/type_names.hpp"

#include <clang/Basic/SourceManager.h>
#include <clang/Lex/Lexer.h>
#include <fmt/format.h>
#include <llvm/ADT/SmallString.h>

#include <algorithm>
#include <set>
#include <span>
#include <tuple>

namespace anymetal::msl {
namespace {

Severity severity_of(clang::DiagnosticsEngine::Level level) {
  if (level >= clang::DiagnosticsEngine::Error) return Severity::Error;
  return level == clang::DiagnosticsEngine::Warning ? Severity::Warning : Severity::Note;
}

/// A keyword of MSL's may become a macro; that it is one already is the library's own affair.
bool redefines_keyword(std::string_view warning) {
  const std::size_t end = warning.find("' macro redefined");
  return end != std::string_view::npos && is_keyword_macro(warning.substr(1, end - 1));
}

/// Whether a reference is to be bound to a vector's component, for Clang a property, whose value is a temporary. It begins
/// at `column` (from 1) of `line`, or behind the `=` of the variable there.
bool binds_component(std::string_view error, std::string_view line, unsigned column) {
  if (!error.starts_with("non-const lvalue reference to type '") || !error.contains("cannot bind to a temporary of type '"))
    return false;
  constexpr std::string_view kWord = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  std::string_view rest = column > 0 && column <= line.size() ? line.substr(column - 1) : std::string_view();
  const std::size_t name_end = std::min(rest.find_first_not_of(kWord), rest.size());
  const std::string_view behind = rest.substr(std::min(rest.find_first_not_of(' ', name_end), rest.size()));
  if (behind.starts_with("= ")) rest = behind.substr(2);
  std::string_view last;
  unsigned parts = 0;
  for (std::size_t length = 0; (length = std::min(rest.find_first_not_of(kWord), rest.size())) != 0;) {
    last = rest.substr(0, length);
    rest.remove_prefix(length);
    ++parts;
    while (rest.starts_with('[') && rest.contains(']')) rest.remove_prefix(rest.find(']') + 1);
    if (rest.starts_with('.')) rest.remove_prefix(1);
    else if (rest.starts_with("->")) rest.remove_prefix(2);
    else break;
  }
  return parts > 1 && last.size() == 1 && std::string_view("xyzwrgba").contains(last[0]);
}

/// Whether Clang ignores an attribute of MSL's: the pre-pass could not read its list.
bool ignores_attribute(std::string_view warning) {
  constexpr std::string_view kStart = "unknown attribute '";
  if (!warning.starts_with(kStart)) return false;
  const std::string_view name = warning.substr(kStart.size(), warning.find('\'', kStart.size()) - kStart.size());
  return find_attribute(name) != nullptr;
}

}  // namespace

UserPosition user_position(const clang::SourceManager& sources, clang::SourceLocation location, const SourceFiles& files) {
  UserPosition position;
  if (location.isInvalid()) return position;
  const clang::SourceLocation place = sources.getFileLoc(location);
  const clang::PresumedLoc presumed = sources.getPresumedLoc(place);
  if (presumed.isInvalid()) return position;
  position.file = presumed.getFilename();
  position.line = presumed.getLine();
  position.column = presumed.getColumn();
  const auto entry = sources.getFileEntryRefForID(sources.getFileID(place));
  if (!entry) return position;
  if (const SourceFile* file = files.find(std::string_view(entry->getName()))) {
    const unsigned physical = sources.getSpellingLineNumber(place);
    const unsigned line = physical > file->head_lines ? physical - file->head_lines : 1;
    position.column = file->columns.original_column(line, position.column);
    position.source_line = file->line(line);
    if (position.file.starts_with(kSourceRoot)) position.file.erase(0, kSourceRoot.size());
  } else {
    position.in_library = true;
    if (position.file.starts_with(kHeaderRoot)) position.file.erase(0, kHeaderRoot.size());
  }
  return position;
}

void DiagnosticCollector::add(Severity severity, const UserPosition& position, std::string message) {
  if (severity == Severity::Note && position.in_library && !entries_.empty()) {
    const auto error = std::find_if(entries_.rbegin(), entries_.rend() - 1, [](const Entry& e) { return e.diagnostic.severity != Severity::Note; });
    explain_call(error->diagnostic.message, message);
    if (error->diagnostic.message.starts_with("no viable conversion from '")) return;  // the library's constructors say nothing more
  }
  if (severity == Severity::Error && binds_component(message, position.source_line, position.column))
    message = "a reference cannot be bound to a vector component: cast the vector's address, `((thread float*)&v)[0]`";
  if (severity == Severity::Note && !is_helpful_note(message, position.in_library)) return;
  if (!entries_.empty() && severity == Severity::Note) {
    const Diagnostic& last = entries_.back().diagnostic;
    if (last.severity == Severity::Note && last.message == message && last.file == position.file && last.line == position.line) return;
  }
  entries_.push_back({{severity, position.file, position.line, position.column, std::move(message), position.source_line}, position.in_library});
}

/// The macros a place in one stands in, from the inside out; those of the library say nothing to the user.
void DiagnosticCollector::add_macros(const clang::SourceManager& sources, clang::SourceLocation place) {
  constexpr int kMost = 4;
  for (int i = 0; i < kMost && place.isMacroID(); ++i) {
    const clang::SourceLocation written = sources.getImmediateSpellingLoc(place);
    const bool is_argument = sources.isMacroArgExpansion(place);
    const clang::SourceLocation name = sources.getImmediateExpansionRange(place).getBegin();
    const UserPosition position = written.isFileID() ? user_position(sources, written, files_) : UserPosition();
    if (!is_argument && position.line != 0 && !position.in_library && !sources.isWrittenInScratchSpace(written)) {
      const std::string_view macro(clang::Lexer::getImmediateMacroName(place, sources, clang::LangOptions()));
      add(Severity::Note, position, fmt::format("expanded from macro '{}'", macro));
    }
    place = is_argument ? written : name;
  }
}

std::optional<UserPosition> DiagnosticCollector::inclusion(const clang::SourceManager& sources, clang::SourceLocation place) const {
  while (place.isValid()) {
    place = sources.getIncludeLoc(sources.getFileID(sources.getFileLoc(place)));
    const UserPosition position = user_position(sources, place, files_);
    if (position.line != 0 && !position.in_library) return position;
  }
  return std::nullopt;
}

void DiagnosticCollector::HandleDiagnostic(clang::DiagnosticsEngine::Level level, const clang::Diagnostic& info) {
  DiagnosticConsumer::HandleDiagnostic(level, info);
  if (level <= clang::DiagnosticsEngine::Ignored || level == clang::DiagnosticsEngine::Remark) return;
  constexpr std::size_t kMost = 2000;
  if (level < clang::DiagnosticsEngine::Error && entries_.size() >= kMost) return;
  llvm::SmallString<256> text;
  info.FormatDiagnostic(text);
  UserPosition position;
  clang::SourceLocation place;
  if (info.hasSourceManager()) {
    place = place_of(info, std::string_view(text));
    const bool needs_place = level >= clang::DiagnosticsEngine::Error && info.getID() != clang::diag::fatal_too_many_errors;
    if (place.isInvalid() && needs_place) place = reader_();
    position = user_position(info.getSourceManager(), place, files_);
  }
  if (level == clang::DiagnosticsEngine::Warning && info.getID() == clang::diag::warn_unknown_attribute_ignored && ignores_attribute(std::string_view(text))) {
    return add(Severity::Error, position, "this attribute cannot be read: attributes have the form [[name]] or [[name(arguments)]], without directives between");
  }
  const Severity severity = severity_of(level);
  const bool is_compilers = info.getID() < clang::diag::DIAG_UPPER_LIMIT;
  add(severity, position, in_msl_terms(msl_message(std::string_view(text), is_compilers), files_.searched()));
  if (severity == Severity::Error && position.in_library) entries_.back().inclusion = inclusion(info.getSourceManager(), place);
  if (severity != Severity::Note && place.isMacroID()) add_macros(info.getSourceManager(), place);
}

void DiagnosticCollector::restate(const UserPosition& old, const UserPosition& place, std::string message) {
  const auto error = std::ranges::find_if(entries_, [&](const Entry& e) {
    return e.diagnostic.severity == Severity::Error && e.diagnostic.file == old.file && e.diagnostic.line == old.line && e.diagnostic.column == old.column;
  });
  if (error == entries_.end()) return;
  const auto notes_end = std::find_if(error + 1, entries_.end(), [](const Entry& e) { return e.diagnostic.severity != Severity::Note; });
  error->diagnostic.file = place.file;
  error->diagnostic.line = place.line;
  error->diagnostic.column = place.column;
  error->diagnostic.source_line = place.source_line;
  error->diagnostic.message = std::move(message);
  entries_.erase(error + 1, notes_end);
}

std::vector<Diagnostic> DiagnosticCollector::take() {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& error = entries_[i];
    if (!error.in_library || error.diagnostic.severity != Severity::Error) continue;
    for (std::size_t k = i + 1; k < entries_.size() && entries_[k].diagnostic.severity == Severity::Note; ++k) {
      if (entries_[k].in_library || entries_[k].diagnostic.line == 0) continue;
      const std::string message = std::move(error.diagnostic.message);
      error.diagnostic = entries_[k].diagnostic;
      error.diagnostic.message = message;
      error.diagnostic.severity = Severity::Error;
      error.in_library = false;
      break;
    }
    if (!error.in_library || !error.inclusion) continue;
    error.diagnostic.file = error.inclusion->file;
    error.diagnostic.line = error.inclusion->line;
    error.diagnostic.column = error.inclusion->column;
    error.diagnostic.source_line = error.inclusion->source_line;
    error.in_library = false;
  }
  std::vector<Diagnostic> result;
  std::set<std::tuple<std::string, unsigned, unsigned>> places;
  bool is_repeated = false;         // or not worth saying
  unsigned library_notes = 0;       // of one error
  constexpr unsigned kMostNotes = 3;
  for (Entry& entry : entries_) {
    Diagnostic& d = entry.diagnostic;
    if (d.severity == Severity::Error) is_repeated = d.line != 0 && !places.insert({d.file, d.line, d.column}).second;
    if (d.severity == Severity::Warning) is_repeated = redefines_keyword(d.message);
    if (d.severity != Severity::Note) library_notes = 0;
    else if (entry.in_library && ++library_notes > kMostNotes) continue;
    if (!is_repeated) result.push_back(std::move(d));
  }
  entries_.clear();
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (result[i].severity == Severity::Error) result[i].message = with_types(std::move(result[i].message), std::span(result).subspan(i + 1));
  }
  return result;
}

}  // namespace anymetal::msl
