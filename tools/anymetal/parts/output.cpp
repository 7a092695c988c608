#include "parts/output.hpp"

#include <fmt/color.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace anymetal::cli {

namespace {

bool use_colour() {
  if (std::getenv("NO_COLOR") != nullptr) return false;
  return ::isatty(STDERR_FILENO) == 1 || std::getenv("CLICOLOR_FORCE") != nullptr;
}

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::Note:
      return "note";
    case Severity::Warning:
      return "warning";
    case Severity::Error:
      return "error";
  }
  return "error";
}

fmt::text_style style_of(Severity severity) {
  switch (severity) {
    case Severity::Note:
      return fmt::emphasis::bold | fg(fmt::terminal_color::cyan);
    case Severity::Warning:
      return fmt::emphasis::bold | fg(fmt::terminal_color::magenta);
    case Severity::Error:
      return fmt::emphasis::bold | fg(fmt::terminal_color::red);
  }
  return {};
}

/// Spaces that reach below `column` (1-based, bytes) of `line`: tabs stay tabs, UTF-8 continuation bytes take no room.
std::string indent_to(std::string_view line, unsigned column) {
  std::string indent;
  for (const char c : line.substr(0, column > 0 ? column - 1 : 0)) {
    if (c == '\t')
      indent += '\t';
    else if ((static_cast<unsigned char>(c) & 0xc0U) != 0x80U)
      indent += ' ';
  }
  return indent;
}

}  // namespace

void note(std::string_view text) { fmt::print(stderr, "{}\n", text); }

void print_json(const nlohmann::ordered_json& object) {
  fmt::print("{}\n", object.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  std::fflush(stdout);
}

void print_diagnostics(const std::vector<Diagnostic>& diagnostics) {
  if (!use_colour()) {
    fmt::print(stderr, "{}", render(diagnostics));
    return;
  }
  for (const Diagnostic& d : diagnostics) {
    fmt::print(stderr, fmt::emphasis::bold, "{}:{}:{}: ", d.file, d.line, d.column);
    fmt::print(stderr, style_of(d.severity), "{}: ", name_of(d.severity));
    fmt::print(stderr, fmt::emphasis::bold, "{}\n", d.message);
    if (d.source_line.empty()) continue;
    fmt::print(stderr, "{}\n{}", d.source_line, indent_to(d.source_line, d.column));
    fmt::print(stderr, fmt::emphasis::bold | fg(fmt::terminal_color::green), "^\n");
  }
}

nlohmann::ordered_json to_json(const std::vector<Diagnostic>& diagnostics) {
  auto array = nlohmann::ordered_json::array();
  for (const Diagnostic& d : diagnostics) {
    array.push_back({{"severity", name_of(d.severity)},
                     {"file", d.file},
                     {"line", d.line},
                     {"column", d.column},
                     {"message", d.message},
                     {"source_line", d.source_line}});
  }
  return array;
}

nlohmann::ordered_json to_json(const Error& error) {
  nlohmann::ordered_json object{{"code", to_string(error.code())}, {"message", error.message()}};
  if (!error.kernel().empty()) object["kernel"] = error.kernel();
  if (!error.device().empty()) object["device"] = error.device();
  if (!error.suggestions().empty()) object["suggestions"] = error.suggestions();
  if (!error.diagnostics().empty()) object["diagnostics"] = to_json(error.diagnostics());
  return object;
}

Exit report(const Error& error, bool json) {
  print_diagnostics(error.diagnostics());
  // The message of a compilation repeats what was just shown.
  const auto first_line =
      error.message().substr(0, error.diagnostics().empty() ? std::string::npos : error.message().find('\n'));
  fmt::print(stderr, "anymetal: {}\n",
             first_line.ends_with(':') ? first_line.substr(0, first_line.size() - 1) : first_line);
  if (json) print_json({{"error", to_json(error)}});
  return error.code() == ErrorCode::DeviceNotFound ? Exit::NoSuchDevice : Exit::InputAtFault;
}

Exit report_option(const Error& error, bool json) {
  const Exit exit = report(error, json);
  return error.code() == ErrorCode::InvalidArgument ? Exit::WrongUsage : exit;
}

}  // namespace anymetal::cli
