#include "msl/diagnostics.hpp"

#include "msl/clang_invocation.hpp"
#include "msl/type_names.hpp"

#include <clang/Basic/SourceManager.h>
#include <llvm/ADT/SmallString.h>

namespace anymetal::msl {
namespace {

std::string line_of(std::string_view text, unsigned line) {
  std::size_t begin = 0;
  for (unsigned i = 1; i < line; ++i) {
    begin = text.find('\n', begin);
    if (begin == std::string_view::npos) return {};
    ++begin;
  }
  const std::size_t end = text.find('\n', begin);
  std::string_view found = text.substr(begin, end == std::string_view::npos ? end : end - begin);
  if (found.ends_with('\r')) found.remove_suffix(1);
  return std::string(found);
}

Severity severity_of(clang::DiagnosticsEngine::Level level) {
  if (level >= clang::DiagnosticsEngine::Error) return Severity::Error;
  return level == clang::DiagnosticsEngine::Warning ? Severity::Warning : Severity::Note;
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
    position.source_line = line_of(file->original, line);
    if (position.file.starts_with(kSourceRoot)) position.file.erase(0, kSourceRoot.size());
  } else {
    position.in_library = true;
    if (position.file.starts_with(kHeaderRoot)) position.file.erase(0, kHeaderRoot.size());
  }
  return position;
}

void DiagnosticCollector::HandleDiagnostic(clang::DiagnosticsEngine::Level level, const clang::Diagnostic& info) {
  DiagnosticConsumer::HandleDiagnostic(level, info);
  if (level <= clang::DiagnosticsEngine::Ignored || level == clang::DiagnosticsEngine::Remark) return;
  llvm::SmallString<256> text;
  info.FormatDiagnostic(text);
  UserPosition position;
  if (info.hasSourceManager()) position = user_position(info.getSourceManager(), info.getLocation(), files_);
  entries_.push_back({{severity_of(level), std::move(position.file), position.line, position.column,
                       msl_message(std::string_view(text)), std::move(position.source_line)},
                      position.in_library});
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
      break;
    }
  }
  std::vector<Diagnostic> result;
  for (Entry& entry : entries_) result.push_back(std::move(entry.diagnostic));
  entries_.clear();
  return result;
}

}  // namespace anymetal::msl
