#pragma once
// Programs with the token marked that the first error has to carry.
#include "msl_front_end/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace front_end {

/// `«` stands before the token, `»` behind it; both are taken out. The two lines of the head come first.
struct Malformed {
  const char* program;
  const char* message;      ///< what the first error says
  const char* note = "";    ///< what one of the notes says that follow
};

inline void PrintTo(const Malformed& row, std::ostream* out) { *out << row.program; }

struct Marked {
  std::string text;
  unsigned line = kHeadLines + 1;
  unsigned column = 1;
};

inline Marked unmarked(std::string_view program) {
  constexpr std::string_view kOpen = "«";
  constexpr std::string_view kClose = "»";
  Marked marked;
  const std::size_t open = program.find(kOpen);
  for (const char c : program.substr(0, open)) {
    marked.column = c == '\n' ? 1 : marked.column + 1;
    if (c == '\n') ++marked.line;
  }
  marked.text = program.substr(0, open);
  if (open == std::string_view::npos) return marked;
  std::string_view rest = program.substr(open + kOpen.size());
  const std::size_t close = rest.find(kClose);
  marked.text.append(rest.substr(0, close)).append(rest.substr(close + kClose.size()));
  return marked;
}

/// The messages of parsing the program, or else of making and specialising the first of its kernels that fails.
inline std::vector<anymetal::Diagnostic> errors_of(const anymetal::msl::SourceRequest& source_request) {
  using anymetal::ErrorCode;
  auto source = anymetal::msl::ParsedSource::parse(source_request);
  if (!source) {
    EXPECT_EQ(source.error().code(), ErrorCode::ShaderCompilationError);
    return source.error().diagnostics();
  }
  for (const std::string& name : (*source)->entry_names()) {
    const auto entry = (*source)->entry(name);
    if (!entry) return entry.error().diagnostics();
    const auto specialised = anymetal::msl::specialise(**entry, {});
    if (!specialised) return specialised.error().diagnostics();
  }
  return {};
}
inline std::vector<anymetal::Diagnostic> errors_of(const std::string& text) { return errors_of(request(text)); }

/// Expects that the program is refused as the row says, in words of MSL.
inline void expect_refused(const Malformed& row) {
  using anymetal::Severity;
  const Marked program = unmarked(row.program);
  const auto diagnostics = errors_of(kHead + program.text);
  ASSERT_FALSE(diagnostics.empty()) << "accepted:\n" << program.text;
  const anymetal::Diagnostic& first = diagnostics.front();
  EXPECT_EQ(first.severity, Severity::Error);
  EXPECT_EQ(first.file, "t.metal");
  EXPECT_EQ(std::pair(first.line, first.column), std::pair(program.line, program.column)) << render(diagnostics);
  EXPECT_THAT(first.message, testing::HasSubstr(row.message));
  std::string notes;
  for (const auto& d : diagnostics) {
    if (d.severity == Severity::Note) notes += d.message + '\n';
  }
  EXPECT_THAT(notes, testing::HasSubstr(row.note)) << render(diagnostics);
  for (const char* internal : {"ext_vector_type", "vec<", "_Float16", "annotate", "__msl", "unsigned"}) {
    if (program.text.find(internal) != std::string::npos) continue;  // the user's own word
    for (const auto& d : diagnostics) EXPECT_THAT(d.message, testing::Not(testing::HasSubstr(internal))) << render(diagnostics);
  }
}

}  // namespace front_end
