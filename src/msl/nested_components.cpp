#include "msl/nested_components.hpp"

#include <algorithm>
#include <set>
#include <string>

namespace anymetal::msl {
namespace {

constexpr std::size_t kMostComponents = 4;
constexpr std::size_t kMostOfIndex = 64;   // tokens
constexpr std::size_t kMostOfObject = 64;  // tokens

/// Where a letter stands in its set, "xyzw" or "rgba".
std::size_t place_of(char letter) {
  const std::size_t place = std::string_view("xyzwrgba").find(letter);
  return place == std::string_view::npos ? place : place % kMostComponents;
}

/// Whether this may name components.
bool is_components(std::string_view word) {
  const bool is_of_one_set = word.find_first_not_of("xyzw") == std::string_view::npos || word.find_first_not_of("rgba") == std::string_view::npos;
  return !word.empty() && word.size() <= kMostComponents && is_of_one_set;
}

/// Several, each once: they may be assigned.
bool is_part(std::string_view word) {
  return word.size() > 1 && is_components(word) && std::set<char>(word.begin(), word.end()).size() == word.size();
}

class Writer {
 public:
  Writer(std::string_view text, std::span<const Token> tokens, TextEdits& edits) : text_(text), tokens_(tokens), edits_(edits) {}

  void run() {
    if (!has_chain() || includes_users_files()) return;
    find_names();
    for (std::size_t i = 1; i < tokens_.size(); ++i) {
      if (is_member(i) && is_part(spelling(i)) && !names_.contains(spelling(i))) i = chain(i);
    }
  }

 private:
  [[nodiscard]] std::string_view spelling(std::size_t i) const {
    return i < tokens_.size() ? text_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin) : std::string_view();
  }
  [[nodiscard]] bool joins(std::size_t i, std::string_view first, std::string_view second) const {
    return spelling(i) == first && spelling(i + 1) == second && tokens_[i].end == tokens_[i + 1].begin;
  }
  /// Whether `.` or `->` stands before.
  [[nodiscard]] bool is_member(std::size_t i) const { return i > 0 && (spelling(i - 1) == "." || (i > 1 && joins(i - 2, "-", ">"))); }

  [[nodiscard]] bool has_chain() const {
    for (std::size_t i = 1; i + 2 < tokens_.size(); ++i) {
      if (!is_part(spelling(i))) continue;
      if (spelling(i + 1) == "[" || (spelling(i + 1) == "." && is_components(spelling(i + 2)))) return true;
    }
    return false;
  }

  [[nodiscard]] bool includes_users_files() const {
    for (std::size_t i = 0; i + 2 < tokens_.size(); ++i) {
      if (spelling(i) != "#" || tokens_[i].directive == 0 || (spelling(i + 1) != "include" && spelling(i + 1) != "import")) continue;
      const std::string_view name = spelling(i + 3);
      if (spelling(i + 2) != "<" || !(name.starts_with("metal") || name.starts_with("Metal") || name == "simd" || name == "TargetConditionals")) return true;
    }
    return false;
  }

  /// Words that stand for something of the file's own.
  void find_names() {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].kind == TokenKind::Identifier && !is_member(i) && is_part(spelling(i))) names_.insert(spelling(i));
    }
  }

  /// Whether an assignment, an increment or a decrement follows.
  [[nodiscard]] bool assigns(std::size_t i) const {
    if (joins(i, "+", "+") || joins(i, "-", "-")) return true;
    if (joins(i, "<", "<") || joins(i, ">", ">")) return joins(i + 1, spelling(i), "=");
    if (spelling(i) == "=") return !joins(i, "=", "=");
    return spelling(i).size() == 1 && std::string_view("+-*/%&|^").contains(spelling(i)[0]) && joins(i, spelling(i), "=");
  }

  /// Whether `++` or `--` stands before the expression that the member at `part` belongs to.
  [[nodiscard]] bool is_stepped(std::size_t part) const {
    std::size_t begin = part;
    while (begin > 0 && part - begin < kMostOfObject) {
      if (is_member(begin)) {
        begin -= spelling(begin - 1) == "." ? 2 : 3;
        if (begin < tokens_.size() && (spelling(begin) == "]" || spelling(begin) == ")")) begin = opening(begin);
      } else if (begin > 0 && (spelling(begin) == "[" || spelling(begin) == "(") &&
                 (tokens_[begin - 1].kind == TokenKind::Identifier || spelling(begin - 1) == "]" ||
                  spelling(begin - 1) == ")")) {
        begin = spelling(begin - 1) == "]" || spelling(begin - 1) == ")" ? opening(begin - 1) : begin - 1;
      } else {
        break;
      }
    }
    if (begin < 2 || begin > part || !(joins(begin - 2, "+", "+") || joins(begin - 2, "-", "-"))) return false;
    return begin < 3 || spelling(begin - 3) != spelling(begin - 2) ||
           tokens_[begin - 3].end != tokens_[begin - 2].begin;  // `a+++v` is `a++ + v`
  }

  /// The bracket that opens what the one at `close` closes, or the beginning.
  [[nodiscard]] std::size_t opening(std::size_t close) const {
    std::size_t depth = 0;
    for (std::size_t i = close; i > 0 && close - i < kMostOfObject; --i) {
      if (spelling(i) == "]" || spelling(i) == ")") ++depth;
      if ((spelling(i) == "[" || spelling(i) == "(") && --depth == 0) return i;
      if (spelling(i) == ";" || spelling(i) == "{") break;
    }
    return 0;
  }

  /// The bracket that closes the one at `open`, or the end.
  [[nodiscard]] std::size_t closing(std::size_t open) const {
    std::size_t depth = 0;
    for (std::size_t i = open; i < tokens_.size() && i - open < kMostOfIndex; ++i) {
      if (spelling(i) == "[") ++depth;
      if (spelling(i) == "]" && --depth == 0) return i;
      if (spelling(i) == ";" || spelling(i) == "{") break;
    }
    return tokens_.size();
  }

  /// Rewrites the element of a part, `part[index]`, that is assigned, where `first` to `last` name the components of
  /// the part: a number names a component; else the place of the element in the vector is looked up, in a number with
  /// four bits for each component. Returns the last token that it looked at.
  std::size_t element(std::size_t first, std::size_t last, std::string_view components) {
    const std::size_t open = last + 1;
    const std::size_t close = closing(open);
    if (close >= tokens_.size() || !(assigns(close + 1) || is_stepped(first))) return last;
    const std::string_view index = spelling(open + 1);
    if (close == open + 2 && index.size() == 1 && index[0] >= '0' && index[0] <= '9') {
      const auto number = static_cast<std::size_t>(index[0] - '0');
      if (number < components.size())
        edits_.replace(tokens_[first].begin, tokens_[close].end, std::string(1, components[number]));
      return close;
    }
    std::size_t places = 0;
    bool is_run = true;  // components that follow each other
    for (std::size_t i = 0; i < components.size(); ++i) {
      places |= place_of(components[i]) << (4 * i);
      is_run = is_run && place_of(components[i]) == place_of(components[0]) + i;
    }
    const std::string before =
        is_run ? std::to_string(place_of(components[0])) + " + (" : std::to_string(places) + " >> 4 * (";
    edits_.replace(tokens_[first].begin, tokens_[open].end, "operator[](" + before);
    edits_.replace(tokens_[close].begin, tokens_[close].end, is_run ? "))" : ") & 3)");
    return open;
  }

  /// Rewrites the chain that begins at a part; returns its last token.
  std::size_t chain(std::size_t first) {
    std::string components(spelling(first));
    std::size_t last = first;
    while (spelling(last + 1) == "." && is_components(spelling(last + 2)) && components.size() > 1) {
      std::string chosen;
      for (const char letter : spelling(last + 2)) {
        if (place_of(letter) >= components.size()) return last;
        chosen += components[place_of(letter)];
      }
      components = chosen;
      last += 2;
    }
    if (spelling(last + 1) == "[" && components.size() > 1) return element(first, last, components);
    if (last != first && (assigns(last + 1) || is_stepped(first)))
      edits_.replace(tokens_[first].begin, tokens_[last].end, components);
    return last;
  }

  std::string_view text_;
  std::span<const Token> tokens_;
  TextEdits& edits_;
  std::set<std::string_view> names_;
};

}  // namespace

void write_nested_components(std::string_view text, std::span<const Token> tokens, TextEdits& edits) { Writer(text, tokens, edits).run(); }

}  // namespace anymetal::msl
