#pragma once
// Mutants of MSL programs that stay programs for the most part: tokens, statements and declarations are exchanged, so that
// they reach semantic analysis and code generation and not only the lexer.

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace fuzz {

using Random = std::mt19937_64;

/// A mutant of `text`, at most `longest` bytes; `other` is a program to take parts from.
std::string mutate(std::string_view text, std::string_view other, std::size_t longest, Random& random);

}  // namespace fuzz
