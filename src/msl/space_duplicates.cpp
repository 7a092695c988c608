#include "msl/space_duplicates.hpp"

#include <map>
#include <set>
#include <string>

namespace anymetal::msl {
namespace {

/// Walks the declarations of namespace and class scopes; function bodies are skipped.
class Walker {
 public:
  Walker(std::string_view text, std::span<const Token> tokens) : text_(text), tokens_(tokens) {}

  SpaceDuplicates run() {
    scope(0, tokens_.size(), false);
    return std::move(result_);
  }

 private:
  struct Unit {
    std::size_t end = 0;         ///< one past its last token
    std::size_t body = 0;        ///< first token inside its braces where it opens a scope
    std::size_t body_end = 0;
    bool is_class = false;
    std::size_t name = 0;        ///< of a function definition; 0 where it is none
    std::size_t signature_end = 0;
  };
  struct First {
    std::set<std::string> spellings;  ///< with the spaces
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  using Seen = std::map<std::string, First>;

  [[nodiscard]] std::string_view spelling(std::size_t i) const {
    return i < tokens_.size() ? text_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin) : std::string_view();
  }

  void scope(std::size_t begin, std::size_t end, bool in_class) {
    Seen seen;
    Seen signatures;
    std::map<std::string, unsigned, std::less<>> variant_counts;
    for (std::size_t i = begin; i < end;) {
      const std::string_view s = spelling(i);
      if ((s == "public" || s == "private" || s == "protected") && spelling(i + 1) == ":") {
        i += 2;
        continue;
      }
      const Unit unit = read_unit(i, end);
      if (!drop_if_repeated(i, unit.end, seen)) {
        if (unit.body != 0) scope(unit.body, unit.body_end, unit.is_class);
        if (unit.name != 0 && !in_class) rename_if_variant(i, unit, signatures, variant_counts);
      }
      i = unit.end;
    }
  }

  /// One declaration: up to its `;`, or to the brace that ends a function or namespace.
  [[nodiscard]] Unit read_unit(std::size_t begin, std::size_t end) const {
    Unit unit;
    bool is_class = false;
    bool is_namespace = false;
    std::size_t angle_guard = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const std::string_view s = spelling(i);
      if (s == "template" && spelling(i + 1) == "<") {
        i = skip_angles(i + 1, end);
      } else if (s == "(" || s == "[") {
        if (s == "(" && unit.name == 0 && i > begin && names_function(i - 1)) unit.name = i - 1;
        i = skip_group(i, end);
        angle_guard = i;
      } else if (s == "struct" || s == "class" || s == "union" || s == "enum") {
        is_class = angle_guard == 0;
      } else if (s == "namespace" || (s == "extern" && i + 1 < end && tokens_[i + 1].kind == TokenKind::String)) {
        is_namespace = true;
      } else if (s == ";") {
        unit.end = i + 1;
        unit.name = 0;
        return unit;
      } else if (s == "{") {
        const std::size_t close = skip_group(i, end);
        unit.signature_end = i;
        unit.is_class = is_class;
        if (is_class || is_namespace) {
          unit.name = 0;
          unit.body = i + 1;
          unit.body_end = close;
        }
        i = close;
        const std::string_view next = spelling(i + 1);
        if (is_class || next == ";" || next == "," || next == "{") continue;
        unit.end = i + 1;
        return unit;
      } else if (s == "}") {
        unit.end = i + 1;
        return unit;
      }
    }
    unit.end = end;
    return unit;
  }

  [[nodiscard]] bool names_function(std::size_t i) const {
    const std::string_view s = spelling(i);
    return tokens_[i].kind == TokenKind::Identifier && s != "operator" && s != "decltype" && s != "alignas" && s != "requires" && s != "noexcept" &&
           s != "explicit" && s != "__attribute__";
  }

  /// Index of the bracket that closes the one at `open`, or the last token where none does.
  [[nodiscard]] std::size_t skip_group(std::size_t open, std::size_t end) const {
    std::size_t depth = 0;
    for (std::size_t i = open; i < end; ++i) {
      const std::string_view s = spelling(i);
      if (s == "(" || s == "[" || s == "{") ++depth;
      if ((s == ")" || s == "]" || s == "}") && --depth == 0) return i;
    }
    return end - 1;
  }

  [[nodiscard]] std::size_t skip_angles(std::size_t open, std::size_t end) const {
    std::size_t depth = 0;
    for (std::size_t i = open; i < end; ++i) {
      const std::string_view s = spelling(i);
      if (s == "<") ++depth;
      if (s == ">" && --depth == 0) return i;
      if (s == "(") i = skip_group(i, end);
      if (s == "{" || s == ";") return i - 1;
    }
    return end - 1;
  }

  struct Spellings {
    std::string erased;  ///< without address spaces
    std::string full;
    bool names_space = false;
  };

  [[nodiscard]] Spellings spellings(std::size_t begin, std::size_t end) const {
    Spellings s;
    for (std::size_t i = begin; i < end; ++i) {
      s.full.append(spelling(i)).push_back(' ');
      s.names_space = s.names_space || is_address_space(spelling(i));
      const std::string_view token = spelling(i) == "constant" ? "const" : is_address_space(spelling(i)) ? "" : spelling(i);
      if (!token.empty() && !(token == "const" && s.erased.ends_with(" const "))) s.erased.append(token).push_back(' ');
    }
    return s;
  }

  void rename_if_variant(std::size_t begin, const Unit& unit, Seen& signatures, std::map<std::string, unsigned, std::less<>>& counts) {
    auto [erased, full, names_space] = spellings(begin, unit.signature_end);
    if (!names_space) return;
    const auto [entry, is_first] = signatures.try_emplace(std::move(erased), First{{}, begin, unit.end});
    const bool is_new_spelling = entry->second.spellings.insert(std::move(full)).second;
    if (!is_first && is_new_spelling) result_.variants.push_back({tokens_[unit.name], ++counts[std::string(spelling(unit.name))]});
  }

  bool drop_if_repeated(std::size_t begin, std::size_t end, Seen& seen) {
    auto [erased, full, names_space] = spellings(begin, end);
    if (!names_space) return false;
    const auto [entry, is_first] = seen.try_emplace(std::move(erased), First{{}, begin, end});
    First& first = entry->second;
    const bool is_new_spelling = first.spellings.insert(std::move(full)).second;
    if (is_first || !is_new_spelling) return false;
    for (std::size_t i = begin; i < end; ++i) result_.repeated.push_back(tokens_[i]);
    for (std::size_t i = first.begin; i < first.end; ++i) {
      if (is_address_space(spelling(i))) result_.merged_spaces.push_back(tokens_[i]);
    }
    return true;
  }

  std::string_view text_;
  std::span<const Token> tokens_;
  SpaceDuplicates result_;
};

}  // namespace

bool is_address_space(std::string_view identifier) {
  return identifier == "device" || identifier == "constant" || identifier == "threadgroup" || identifier == "thread";
}

SpaceDuplicates find_space_duplicates(std::string_view text, std::span<const Token> tokens) {
  return Walker(text, tokens).run();
}

}  // namespace anymetal::msl
