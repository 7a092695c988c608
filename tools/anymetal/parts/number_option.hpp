#pragma once
/// \file
/// Options that take a number. The whole text has to be one, within bounds: CLI11's own conversion lets -1 wrap around
/// and takes the largest number for one that is larger still.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <string>

#include "parts/text.hpp"

namespace anymetal::cli {

/// `name N`, from `smallest` to `largest`; the help shows the value from before. NaN is refused.
template <class T>
CLI::Option* add_number_option(CLI::App& command, const std::string& name, T& value, const std::string& help,
                               T smallest, T largest = std::numeric_limits<T>::max()) {
  const std::string kind = std::integral<T> ? "whole number" : "number";
  const bool is_bounded = largest != std::numeric_limits<T>::max();
  const std::string wanted = is_bounded ? fmt::format("{} from {} to {}", kind, smallest, largest)
                                        : fmt::format("{} from {} on", kind, smallest);
  const auto set = [&value, name, wanted, smallest, largest](const std::string& text) {
    const auto number = parse_number<T>(text);
    if (!number || !(*number >= smallest && *number <= largest)) {
      throw CLI::ValidationError(name, fmt::format("'{}' is not a {}", text, wanted));
    }
    value = *number;
  };
  return command.add_option_function<std::string>(name, set, help)
      ->type_name(is_bounded         ? fmt::format("{}..{}", smallest, largest)
                  : std::integral<T> ? "N"
                                     : "X")
      ->default_str(fmt::format("{}", value));
}

}  // namespace anymetal::cli
