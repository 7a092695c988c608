#pragma once
/// \file
/// "Did you mean": the known names closest to a wrong one.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::msl {

/// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// Up to three names within half of the wrong name's length, best first.
std::vector<std::string> closest_names(std::string_view wrong, std::span<const std::string> known);

}  // namespace anymetal::msl
