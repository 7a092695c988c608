#include "msl/pragmas.hpp"

#include "msl/tokens.hpp"

namespace anymetal::msl {
namespace {

constexpr std::string_view kContract = "clang fp contract(";

/// Clang's pragma that is an error with these words.
std::string refusal(std::string_view words) { return "GCC error \"" + std::string(words) + '"'; }

}  // namespace

std::string metal_pragma(std::string_view text) {
  std::string squeezed;
  for (const Token& t : tokenize(text)) squeezed += std::string(text.substr(t.begin, t.end - t.begin)) + ' ';
  if (squeezed == "METAL fp math_mode ( safe ) ") return "float_control(precise, on)";
  if (squeezed == "METAL fp math_mode ( relaxed ) " || squeezed == "METAL fp math_mode ( fast ) ") {
    return "clang fp reassociate(on) reciprocal(on) contract(fast)";
  }
  for (const std::string_view mode : {"off", "on", "fast"}) {
    if (squeezed == "METAL fp contract ( " + std::string(mode) + " ) ")
      return std::string(kContract) + std::string(mode) + ')';
  }
  if (squeezed.starts_with("METAL fp math_mode "))
    return refusal("'#pragma METAL fp math_mode' takes (safe), (relaxed) or (fast)");
  if (squeezed.starts_with("METAL fp contract "))
    return refusal("'#pragma METAL fp contract' takes (off), (on) or (fast)");
  return {};
}

std::string pragma_operators(std::string_view pragma, bool contracts_off) {
  std::string text = std::string(kPragmaOperator) + "(\"";
  for (const char c : pragma) text += c == '"' ? std::string("\\\"") : std::string(1, c);
  text += "\")";
  if (contracts_off && !pragma.starts_with(kContract))
    text += " " + std::string(kPragmaOperator) + "(\"" + std::string(kContract) + "off)\")";
  return text;
}

void Contraction::token(std::string_view spelling) {
  if (spelling == "{") off_.push_back(off_.back());
  if (spelling == "}" && off_.size() > 1) off_.pop_back();
}

void Contraction::pragma(std::string_view text, std::string_view replacement) {
  if (replacement.starts_with(kContract)) off_.back() = replacement.ends_with("(off)");
  if (text.starts_with("STDC") && text.contains("FP_CONTRACT")) off_.back() = text.ends_with("OFF");
}

}  // namespace anymetal::msl
