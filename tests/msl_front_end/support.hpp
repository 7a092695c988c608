#pragma once
// Requests of the front-end tests.
#include "msl/parsed_source.hpp"

#include <fstream>
#include <sstream>
#include <string>

namespace front_end {

inline constexpr const char* kHead = "#include <metal_stdlib>\nusing namespace metal;\n";
inline constexpr unsigned kHeadLines = 2;

inline anymetal::msl::SourceRequest request(std::string text, anymetal::msl::Target target = anymetal::msl::Target::Host) {
  anymetal::msl::SourceRequest r;
  r.name = "t.metal";
  r.text = std::move(text);
  r.target = target;
  return r;
}

/// Parses the head and `text`.
inline auto parse(const std::string& text) { return anymetal::msl::ParsedSource::parse(request(kHead + text)); }

inline std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace front_end
