#pragma once
/// \file
/// What a command prints and how it ends. Results go to standard output, everything said to a person to standard error.

#include <anymetal/error.hpp>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::cli {

/// Exit codes of the program; part of its interface.
enum class Exit : int { Done = 0, InputAtFault = 1, WrongUsage = 2, NoSuchDevice = 3 };

/// A line for a person, on standard error; control characters are shown, not sent.
void note(std::string_view text);
/// The same for what went wrong, after the program's name.
void complain(std::string_view text);
/// Writes out what stands in standard output's buffer; throws std::system_error, as fmt::print does, where that fails:
/// half a result must not pass for all of it.
void flush_output();
/// The one JSON object of a `--json` run, on standard output. Invalid UTF-8 inside strings is replaced, never fatal.
void print_json(const nlohmann::ordered_json& object);
/// Compiler messages with source line and caret, in colour where standard error is a terminal.
void print_diagnostics(const std::vector<Diagnostic>& diagnostics);
/// The same as a JSON array of {severity, file, line, column, message}.
nlohmann::ordered_json to_json(const std::vector<Diagnostic>& diagnostics);
/// {code, message, kernel?, device?, suggestions?, diagnostics?}
nlohmann::ordered_json to_json(const Error& error);

/// Says what went wrong (and prints {"error": ...} in a `--json` run) and gives the exit code that fits.
Exit report(const Error& error, bool json = false);
/// The same for the text of an option: a text that is no value of its kind is wrong usage, a file it names the input.
Exit report_option(const Error& error, bool json = false);

}  // namespace anymetal::cli
