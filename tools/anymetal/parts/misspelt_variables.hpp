#pragma once
/// \file
/// Environment variables whose names are nearly those of anymetal's.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::cli {

/// A sentence for each entry of `environment` (`NAME=value`, up to a null pointer) that begins with ANYMETAL_ and is no
/// name in `known`, but within a quarter of the rest's letters of one: such a variable would be left out without a word.
/// Others are somebody's own.
std::vector<std::string> misspelt_variables(const char* const* environment, std::span<const std::string_view> known);

}  // namespace anymetal::cli
