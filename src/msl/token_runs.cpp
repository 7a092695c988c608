#include "msl/token_runs.hpp"

#include <algorithm>

#include "msl/keyword_macros.hpp"
#include "msl/pragmas.hpp"

namespace anymetal::msl {

TokenRuns split_into_runs(std::string_view text, std::span<const Token> tokens, TextEdits& edits) {
  TokenRuns split;
  split.runs.resize(1);
  auto& [runs, contracts_off] = split;
  Contraction contraction;
  const auto spelling = [&](const Token& t) { return text.substr(t.begin, t.end - t.begin); };
  for (std::size_t i = 0; i < tokens.size();) {
    if (tokens[i].directive == 0) {
      const std::string_view s = spelling(tokens[i]);
      contraction.token(s);
      if (i > 1 && tokens[i].kind == TokenKind::String && s.size() > 1 && spelling(tokens[i - 2]) == kPragmaOperator) {
        const std::string_view quoted = s.substr(1, s.size() - 2);
        if (contraction.is_off()) contracts_off.insert(tokens[i].begin);
        contraction.pragma(quoted, metal_pragma(quoted));
      }
      runs[0].push_back(tokens[i++]);
      continue;
    }
    std::size_t end = i;
    while (end < tokens.size() && tokens[end].directive == tokens[i].directive) ++end;
    std::size_t body = i + 3;
    if (end > i + 3 && spelling(tokens[i + 1]) == "define") {
      if (spelling(tokens[body]) == "(" && tokens[body].begin == tokens[body - 1].end) {
        while (body < end && spelling(tokens[body]) != ")") ++body;
        body = std::min(body + 1, end);
      }
      runs.emplace_back(tokens.begin() + static_cast<std::ptrdiff_t>(body),
                        tokens.begin() + static_cast<std::ptrdiff_t>(end));
    } else if (end == i + 3 && spelling(tokens[i + 1]) == "undef") {
      if (is_keyword_macro(spelling(tokens[i + 2])))
        edits.replace(tokens[i + 1].begin, tokens[i + 1].end, std::string(kKeywordPragma));
    } else if (end > i + 3 && spelling(tokens[i + 1]) == "pragma") {
      const std::size_t begin = tokens[i + 2].begin;
      const std::string_view written = text.substr(begin, tokens[end - 1].end - begin);
      const std::string replacement = metal_pragma(written);
      if (!replacement.empty() && contraction.is_off())
        edits.replace(tokens[i].begin, tokens[end - 1].end, pragma_operators(replacement, true));
      else if (!replacement.empty())
        edits.replace(begin, tokens[end - 1].end, replacement);
      contraction.pragma(written, replacement);
    }
    i = end;
  }
  return split;
}

}  // namespace anymetal::msl
