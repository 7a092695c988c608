#pragma once
/// \file
/// Sources through the front end, for tests of the library headers.

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "msl/parsed_source.hpp"

namespace anymetal::tests {

/// The two lines every snippet starts with.
inline std::string with_library(const std::string& text) {
  return "#include <metal_stdlib>\nusing namespace metal;\n" + text;
}

inline Result<std::shared_ptr<const msl::ParsedSource>> parse(std::string text, unsigned max_errors = 20) {
  msl::SourceRequest request;
  request.name = "test.metal";
  request.text = std::move(text);
  request.options.max_errors = max_errors;
  return msl::ParsedSource::parse(std::move(request));
}

/// What the compiler had to say, for a failed assertion.
inline std::string explain(const Error& error) { return error.message() + '\n' + render(error.diagnostics()); }

inline std::size_t count_errors(const Error& error) {
  std::size_t count = 0;
  for (const Diagnostic& d : error.diagnostics()) count += d.severity == Severity::Error ? 1 : 0;
  return count;
}

}  // namespace anymetal::tests
