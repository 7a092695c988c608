#pragma once
/// \file
/// Did you mean ...?

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::registry {

/// Up to three of `names` that are likely meant by `name`, best first: few edits away, or longer by a suffix.
std::vector<std::string> closest_names(std::string_view name, std::span<const std::string> names);

/// " Did you mean 'a', 'b' or 'c'?", or nothing.
std::string did_you_mean(std::span<const std::string> suggestions);

}  // namespace anymetal::registry
