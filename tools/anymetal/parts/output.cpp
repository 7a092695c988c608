#include "parts/output.hpp"

#include <fmt/color.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <system_error>

#include "parts/printable.hpp"

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

/// On standard error. Where nobody can read it, in a closed pipe or on a full disk, there is nobody to tell either.
void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

/// `text` in a style where colour is used.
std::string styled(bool colour, const fmt::text_style& style, const std::string& text) {
  return colour ? fmt::format(style, "{}", text) : text;
}

}  // namespace

void note(std::string_view text) { say(printable(text) + '\n'); }

void complain(std::string_view text) { note(fmt::format("anymetal: {}", text)); }

void flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot write to standard output");
  }
}

void print_json(const nlohmann::ordered_json& object) {
  fmt::print("{}\n", object.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  flush_output();
}

void print_diagnostics(const std::vector<Diagnostic>& diagnostics) {
  const bool colour = use_colour();
  for (const Diagnostic& d : diagnostics) {
    std::string text =
        styled(colour, fmt::emphasis::bold, fmt::format("{}:{}:{}: ", printable(d.file), d.line, d.column)) +
        styled(colour, style_of(d.severity), fmt::format("{}: ", name_of(d.severity))) +
        styled(colour, fmt::emphasis::bold, printable(d.message)) + '\n';
    if (!d.source_line.empty()) {
      const auto [line, indent] = source_excerpt(d.source_line, d.column);
      text += line + '\n' + indent + styled(colour, fmt::emphasis::bold | fg(fmt::terminal_color::green), "^") + '\n';
    }
    say(text);
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
  complain(first_line.ends_with(':') ? first_line.substr(0, first_line.size() - 1) : first_line);
  if (json) print_json({{"error", to_json(error)}});
  return error.code() == ErrorCode::DeviceNotFound ? Exit::NoSuchDevice : Exit::InputAtFault;
}

Exit report_option(const Error& error, bool json) {
  const Exit exit = report(error, json);
  return error.code() == ErrorCode::InvalidArgument ? Exit::WrongUsage : exit;
}

}  // namespace anymetal::cli
