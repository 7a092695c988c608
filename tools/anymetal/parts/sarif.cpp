#include "parts/sarif.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

namespace anymetal::cli {

namespace {

using Json = nlohmann::ordered_json;

/// Bytes that are no unreserved character or separator of a URI reference (RFC 3986), percent-encoded.
std::string uri_of(std::string_view path) {
  static constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    if (kPlain.find(c) != std::string_view::npos) {
      uri += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      uri += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return uri;
}

/// A column in bytes as one in code points.
unsigned code_point_column(std::string_view line, unsigned column) {
  const auto before = line.substr(0, column > 0 ? column - 1 : 0);
  const auto continued =
      std::ranges::count_if(before, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; });
  return std::max(1U, column - static_cast<unsigned>(continued));
}

Json location_of(const Diagnostic& d) {
  Json physical{{"artifactLocation", {{"uri", uri_of(d.file)}}}};
  if (d.line > 0) {
    Json region{{"startLine", d.line}};
    if (d.column > 0) region["startColumn"] = code_point_column(d.source_line, d.column);
    if (!d.source_line.empty()) region["snippet"] = {{"text", d.source_line}};
    physical["region"] = std::move(region);
  }
  return {{"physicalLocation", std::move(physical)}};
}

}  // namespace

nlohmann::ordered_json to_sarif(const std::vector<Diagnostic>& diagnostics) {
  auto results = Json::array();
  for (const Diagnostic& d : diagnostics) {
    if (d.severity == Severity::Note && !results.empty()) {
      Json related = location_of(d);
      related["message"] = {{"text", d.message}};
      results.back()["relatedLocations"].push_back(std::move(related));
      continue;
    }
    const char* level = d.severity == Severity::Error ? "error" : d.severity == Severity::Warning ? "warning" : "note";
    Json result{{"ruleId", "metal"}, {"level", level}, {"message", {{"text", d.message}}}};
    if (!d.file.empty()) result["locations"] = Json::array({location_of(d)});
    results.push_back(std::move(result));
  }
  Json driver{{"name", "anymetal"},
              {"rules", Json::array({{{"id", "metal"}, {"shortDescription", {{"text", "Metal Shading Language"}}}}})}};
  Json run{
      {"tool", {{"driver", std::move(driver)}}}, {"columnKind", "unicodeCodePoints"}, {"results", std::move(results)}};
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", Json::array({std::move(run)})}};
}

}  // namespace anymetal::cli
