#include "msl/diagnostics.hpp"

#include "msl/clang_invocation.hpp"
#include "msl/type_names.hpp"

#include <clang/Basic/SourceManager.h>
#include <llvm/ADT/SmallString.h>

#include <algorithm>
#include <set>
#include <tuple>

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

namespace {

/// The compiler points at operators and declarators where MSL's own messages point at the operand at fault.
clang::SourceLocation place_of(const clang::Diagnostic& info, std::string_view text) {
  const auto range_begin = [&](unsigned i) { return i < info.getNumRanges() ? info.getRange(i).getBegin() : info.getLocation(); };
  const bool is_read_only = text.find("is not assignable") != std::string_view::npos || text.starts_with("cannot assign to");
  if (is_read_only || text.starts_with("no viable conversion from")) return range_begin(0);
  if (text.starts_with("no viable overloaded '='")) return range_begin(1);
  // The member's name stands behind the dot.
  if (text.starts_with("member reference base type") && text.ends_with("is not a structure or union")) return info.getLocation().getLocWithOffset(1);
  return info.getLocation();
}

/// Messages that would speak of C++ where the rule is MSL's.
std::string in_msl_terms(std::string message) {
  if (message.starts_with("default initialization of an object of const type")) return "a variable in the constant address space must be initialised";
  if (message.find("'annotate' attribute requires parameter") != std::string::npos) return "the argument of this attribute must be a constant expression";
  if (message.starts_with("implicit instantiation of undefined template 'texture") || message.starts_with("implicit instantiation of undefined template 'depth")) {
    const std::size_t type = message.find('\'');
    return "type " + message.substr(type) + " is not supported: textures are outside anymetal's compute subset";
  }
  if (message.starts_with("parameter may not be qualified with an address space")) return "a parameter passed by value may not be qualified with an address space";
  for (const std::string_view type : {"'tensor<", "'imageblock<", "'acceleration_structure", "'visible_function_table", "'intersection_function_table", "'mesh<", "'command_buffer", "'mpp::tensor_ops::convolution2d"}) {
    const bool is_undefined = message.starts_with("implicit instantiation of undefined") || message.find("incomplete type") != std::string::npos;
    if (is_undefined && message.find(type) != std::string::npos) return "type " + message.substr(message.find(type)) + " is not supported: it is outside anymetal's compute subset";
  }
  const bool casts_spaces = message.starts_with("reinterpret_cast") && message.ends_with("is not allowed") &&
                            (message.find("device ") != std::string::npos || message.find("threadgroup ") != std::string::npos || message.find("constant ") != std::string::npos);
  if (casts_spaces || message.starts_with("cannot initialize object parameter")) return message + ": mismatching address spaces";
  if (message.starts_with("no matching constructor for initialization of '")) message += ": wrong number or types of components";
  if (message.starts_with("value of type 'bool") && message.ends_with("is not contextually convertible to 'bool'")) message += ": use all() or any()";
  return message;
}

}  // namespace

void DiagnosticCollector::HandleDiagnostic(clang::DiagnosticsEngine::Level level, const clang::Diagnostic& info) {
  DiagnosticConsumer::HandleDiagnostic(level, info);
  if (level <= clang::DiagnosticsEngine::Ignored || level == clang::DiagnosticsEngine::Remark) return;
  llvm::SmallString<256> text;
  info.FormatDiagnostic(text);
  UserPosition position;
  if (info.hasSourceManager()) position = user_position(info.getSourceManager(), place_of(info, std::string_view(text)), files_);
  entries_.push_back({{severity_of(level), std::move(position.file), position.line, position.column,
                       in_msl_terms(msl_message(std::string_view(text), info.getID() < clang::diag::DIAG_UPPER_LIMIT)), std::move(position.source_line)},
                      position.in_library});
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
      break;
    }
  }
  std::vector<Diagnostic> result;
  std::set<std::tuple<std::string, unsigned, unsigned>> places;
  bool is_repeated = false;
  for (Entry& entry : entries_) {
    Diagnostic& d = entry.diagnostic;
    if (d.severity == Severity::Error) is_repeated = d.line != 0 && !places.insert({d.file, d.line, d.column}).second;
    if (d.severity == Severity::Warning) is_repeated = false;
    if (!is_repeated) result.push_back(std::move(d));
  }
  entries_.clear();
  return result;
}

}  // namespace anymetal::msl
