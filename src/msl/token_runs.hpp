#pragma once
/// \file
/// The parts of a text that the pre-pass rewrites, each by itself.

#include <cstddef>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "msl/text_edits.hpp"
#include "msl/tokens.hpp"

namespace anymetal::msl {

struct TokenRuns {
  std::vector<std::vector<Token>> runs;  ///< all text outside directives, then each macro body
  std::set<std::size_t> contracts_off;   ///< offsets of texts in `_Pragma(...)` where `contract(off)` is in force
};

/// Splits a text, and writes its directives `#pragma METAL fp` and `#undef` of a keyword in Clang's words.
TokenRuns split_into_runs(std::string_view text, std::span<const Token> tokens, TextEdits& edits);

}  // namespace anymetal::msl
