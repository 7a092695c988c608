#pragma once
/// \file
/// Collects the compiler's messages in the user's terms.

#include "msl/source_files.hpp"

#include <anymetal/error.hpp>

#include <clang/Basic/Diagnostic.h>

#include <functional>
#include <utility>
#include <vector>

namespace anymetal::msl {

/// A place in the user's own text.
struct UserPosition {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  std::string source_line;
  bool in_library = false;  ///< the place is inside a library header
};

/// Maps a compiler location (macro uses count as where they are expanded) through `#line` and the column maps.
UserPosition user_position(const clang::SourceManager& sources, clang::SourceLocation location, const SourceFiles& files);

/// Thread contract: one thread at a time.
class DiagnosticCollector : public clang::DiagnosticConsumer {
 public:
  /// `reader`: where the parser is; there stand errors that the compiler reports without a place.
  DiagnosticCollector(const SourceFiles& files, std::function<clang::SourceLocation()> reader) : files_(files), reader_(std::move(reader)) {}
  void HandleDiagnostic(clang::DiagnosticsEngine::Level level, const clang::Diagnostic& info) override;

  /// Replaces the error that stands at `old`, with its notes, by one at `place`.
  void restate(const UserPosition& old, const UserPosition& place, std::string message);

  /// What was collected since the last call, one error per place. An error inside a library header stands where the user's text led there.
  std::vector<Diagnostic> take();

 private:
  struct Entry {
    Diagnostic diagnostic;
    bool in_library = false;
    std::optional<UserPosition> inclusion = std::nullopt;  ///< of the library's header it stands in, in the user's text
  };
  [[nodiscard]] std::optional<UserPosition> inclusion(const clang::SourceManager& sources, clang::SourceLocation place) const;
  void add(Severity severity, const UserPosition& position, std::string message);
  void add_macros(const clang::SourceManager& sources, clang::SourceLocation place);

  const SourceFiles& files_;
  std::function<clang::SourceLocation()> reader_;
  std::vector<Entry> entries_;
};

}  // namespace anymetal::msl
