#include "msl/prepass.hpp"

#include "msl/array_parameters.hpp"
#include "msl/attribute_macros.hpp"
#include "msl/attribute_table.hpp"
#include "msl/nested_components.hpp"
#include "msl/number_suffixes.hpp"
#include "msl/plain_spelling.hpp"
#include "msl/pragmas.hpp"
#include "msl/text_edits.hpp"
#include "msl/token_runs.hpp"
#include "msl/tokens.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace anymetal::msl {
namespace {

/// One attribute of a `[[a, b(c)]]` list; token indices.
struct Attribute {
  std::size_t name = 0;
  std::size_t open = 0;   ///< its "(", or 0
  std::size_t close = 0;  ///< its ")"
};

/// What is known of the whole file while its runs are rewritten.
struct FileFacts {
  std::set<std::string, std::less<>> late_constants;   ///< names of function constants and of what is derived from them
  bool folds_branches = true;                          ///< `if constexpr` on late constants is left to specialisation
  std::set<std::size_t> contracts_off;                 ///< as in TokenRuns
};

/// Rewrites one run of tokens: the text outside directives, or the body of one macro.
class Rewriter {
 public:
  Rewriter(std::string_view text, std::span<const Token> tokens, FileFacts& facts, TextEdits& edits)
      : text_(text), tokens_(tokens), facts_(facts), edits_(edits), partners_(partners()) {}

  void run() {
    for (std::size_t i = 0; i < tokens_.size();) {
      const std::string_view s = spelling(i);
      if (opens_attributes(i)) {
        i = attributes(i);
        continue;
      }
      if (s == "(") ++parentheses_;
      if (s == ")" && parentheses_ > 0) --parentheses_;
      if (s == "{" || s == "}") brace(i);
      if (parentheses_ == 0 && (s == ";" || s == "{" || s == "}")) declaration_ = i + 1;
      if (tokens_[i].kind == TokenKind::Number) write_number_suffix(text_, tokens_[i], edits_);
      if (s == "template") instantiation(i);
      if (s == "constexpr" || s == "constant") derived_constant(i);
      // `constant bool b FLAG(0);`: if FLAG makes it no function constant, the check of declarations says that it has no value.
      if (const std::size_t macro = s == "constant" && is_at_program_scope() ? find_attribute_macro(text_, tokens_, i) : 0) make_late_constant(macro);
      if (s == "_Pragma") pragma_operator(i);
      if (s == "__asm" || s == "__asm__" || s == "asm") air_name(i);
      if (s == "if" && spelling(i + 1) == "constexpr" && spelling(i + 2) == "(") late_branch(i + 1);
      if (s == "coherent" && spelling(i + 1) != "(") edits_.insert(tokens_[i].end, "(device)");
      if (is_address_space(s)) space(i);
      ++i;
    }
  }

 private:
  [[nodiscard]] std::string_view spelling(std::size_t i) const {
    return i < tokens_.size() ? text_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin) : std::string_view();
  }
  /// Two brackets in a row begin attributes, whatever space stands between.
  [[nodiscard]] bool opens_attributes(std::size_t i) const { return spelling(i) == "[" && spelling(i + 1) == "["; }

  /// For every bracket the index of its partner, or of the end.
  [[nodiscard]] std::vector<std::size_t> partners() const {
    std::vector<std::size_t> others(tokens_.size(), tokens_.size());
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const std::string_view s = spelling(i);
      if (s == "(" || s == "[" || s == "{") open.push_back(i);
      if ((s != ")" && s != "]" && s != "}") || open.empty()) continue;
      others[open.back()] = i;
      others[i] = open.back();
      open.pop_back();
    }
    return others;
  }
  [[nodiscard]] std::size_t matching(std::size_t bracket) const { return bracket < partners_.size() ? partners_[bracket] : tokens_.size(); }
  /// Rewrites the list at `first`; returns the index after it.
  std::size_t attributes(std::size_t first) {
    const std::size_t inner_close = matching(first + 1);
    if (spelling(inner_close) != "]" || spelling(inner_close + 1) != "]") return first + 2;
    std::vector<Attribute> list;
    for (std::size_t i = first + 2; i < inner_close; ++i) {
      if (tokens_[i].kind != TokenKind::Identifier || spelling(i + 1) == ":") return inner_close + 2;
      Attribute attribute{i, 0, 0};
      if (spelling(i + 1) == "(") {
        attribute.open = i + 1;
        attribute.close = matching(i + 1);
        i = attribute.close;
      }
      list.push_back(attribute);
      ++i;
      if (i < inner_close && spelling(i) != ",") return inner_close + 2;
    }
    // Between a name and its extents no attribute may stand as Clang's.
    const bool before_extents = spelling(inner_close + 2) == "[" && !opens_attributes(inner_close + 2);
    const bool all_standard = std::ranges::all_of(list, [&](const Attribute& a) { return is_standard_attribute(spelling(a.name)); });
    if (is_before_statement(inner_close + 2) || spans_directive(first, inner_close + 1)) return inner_close + 2;
    const bool follows_clangs = first > 0 && first == rewritten_end_;  // which no standard ones may follow
    if (all_standard && follows_clangs) edits_.blank(tokens_[first].begin, tokens_[inner_close + 1].end);
    if (follows_clangs) rewritten_end_ = inner_close + 2;
    if (all_standard) return inner_close + 2;
    const bool is_of_call = list.size() == 1 && spelling(list[0].name) == "function_groups";  // an expression takes none of Clang's
    if (is_of_call || (before_extents && !binds(list))) edits_.blank(tokens_[first].begin, tokens_[inner_close + 1].end);
    else rewrite(list, first, inner_close);
    return inner_close + 2;
  }

  /// Attributes of statements are the compiler's own.
  [[nodiscard]] bool is_before_statement(std::size_t i) const {
    static constexpr std::array<std::string_view, 7> kStatements = {"for", "while", "do", "if", "switch", "return", "goto"};
    return std::ranges::find(kStatements, spelling(i)) != kStatements.end();
  }
  /// Whether a directive may stand between two of these tokens: what is replaced must not hold one.
  [[nodiscard]] bool spans_directive(std::size_t first, std::size_t last) const {
    for (std::size_t i = first; i < last; ++i) {
      if (text_.substr(tokens_[i].end, tokens_[i + 1].begin - tokens_[i].end).find('#') != std::string_view::npos) return true;
    }
    return false;
  }

  [[nodiscard]] bool binds(std::span<const Attribute> list) const {
    return std::ranges::any_of(list, [&](const Attribute& a) {
      return spelling(a.name) == "buffer" || spelling(a.name) == "threadgroup" || spelling(a.name) == "texture" ||
             spelling(a.name) == "sampler";
    });
  }

  /// Whether nothing beside `function_constant` is said of Metal's: then it declares one, else it says when its parameter or member is there.
  [[nodiscard]] bool stands_alone(std::span<const Attribute> list) const {
    return std::ranges::none_of(list, [&](const Attribute& a) {
      return spelling(a.name) != "function_constant" && !is_standard_attribute(spelling(a.name));
    });
  }

  void rewrite(std::span<const Attribute> list, std::size_t first, std::size_t inner_close) {
    rewritten_end_ = inner_close + 2;
    edits_.replace(tokens_[first].begin, tokens_[first + 1].end, " __msl_attribute((");
    for (const Attribute& a : list) {
      const AttributeRule* rule = find_attribute(spelling(a.name));
      if (rule == nullptr) {  // a macro that stands for one, or a mistake
        edits_.insert(tokens_[a.name].begin, "__msl_annotate(\"msl:" + std::string(kWrittenPrefix) + std::string(spelling(a.name)) + (parentheses_ > 0 ? "\"), __msl_written_parameter(" : "\"), __msl_written("));
        edits_.insert(tokens_[a.open != 0 ? a.close : a.name].end, ")");
        const bool ends_constant = spelling(inner_close + 2) == ";" && is_at_program_scope() && first > declaration_ + 1;
        if (ends_constant && holds(declaration_, first, "constant")) make_late_constant(first);
        continue;
      }
      if (rule->arguments == AttributeArguments::Words && a.open != 0) {
        edits_.replace(tokens_[a.name].begin, tokens_[a.close].end, "__msl_annotate(\"msl:" + std::string(spelling(a.name)) + "\")");
        continue;
      }
      const bool is_constant = spelling(a.name) == "function_constant";
      const bool is_guard = is_constant && (parentheses_ > 0 || !stands_alone(list) || (a.open != 0 && facts_.late_constants.contains(spelling(a.open + 1))));
      const std::string name = is_guard ? "function_constant_guard" : annotation_of(spelling(a.name));
      const bool has_arguments = a.open != 0 && a.close > a.open + 1;
      const std::size_t end = a.open != 0 ? tokens_[a.open].end : tokens_[a.name].end;
      const bool is_named = is_guard && has_arguments && tokens_[a.open + 1].kind == TokenKind::Identifier;
      edits_.replace(tokens_[a.name].begin, end,
                     "__msl_annotate(\"msl:" + name + (has_arguments ? is_named ? "\", &(" : "\", " : a.open != 0 ? "\"" : "\")"));
      if (is_named) edits_.replace(tokens_[a.close].begin, tokens_[a.close].end, "))");
      if (is_constant && !is_guard) {
        const bool leads = first == declaration_;  // `[[function_constant(0)]] constant int n;`
        const std::size_t behind_name = leads ? end_of_declaration(inner_close + 2) : first;
        declare_external(leads ? inner_close + 2 : declaration_, behind_name);
        if (behind_name > 0) facts_.late_constants.emplace(spelling(behind_name - 1));
      }
    }
    edits_.replace(tokens_[inner_close].begin, tokens_[inner_close + 1].end, "))");
  }

  [[nodiscard]] bool is_at_program_scope() const { return parentheses_ == 0 && inner_scopes_ == 0; }
  void brace(std::size_t i) {
    const bool opens = spelling(i) == "{";
    if (opens) is_inner_.push_back(parentheses_ > 0 || !opens_namespace(i));
    if (!is_inner_.empty() && is_inner_.back()) inner_scopes_ += opens ? 1 : std::size_t{0} - 1;
    if (!opens && !is_inner_.empty()) is_inner_.pop_back();
  }
  [[nodiscard]] bool holds(std::size_t begin, std::size_t end, std::string_view word) const {
    while (begin < end && spelling(begin) != word) ++begin;
    return begin < end;
  }
  /// Whether the brace at `i` begins a namespace or what is `extern "C"`.
  [[nodiscard]] bool opens_namespace(std::size_t i) const {
    return holds(declaration_, i, "namespace") || (i > 1 && tokens_[i - 1].kind == TokenKind::String && spelling(i - 2) == "extern");
  }
  void make_late_constant(std::size_t behind_name) {
    declare_external(declaration_, behind_name);
    facts_.late_constants.emplace(spelling(behind_name - 1));
  }
  /// The attribute `threadgroup` shares its name with a keyword that is an annotation too.
  static std::string annotation_of(std::string_view attribute) {
    return attribute == "threadgroup" ? "threadgroup_index" : std::string(attribute);
  }
  /// Where the declarator after the token `begin` ends.
  [[nodiscard]] std::size_t end_of_declaration(std::size_t begin) const {
    static constexpr std::array<std::string_view, 6> kEnds = {";", ",", "=", "{", "[", "("};
    std::size_t end = begin;
    while (end < tokens_.size() && std::ranges::find(kEnds, spelling(end)) == kEnds.end()) ++end;
    return end;
  }

  /// Makes the declaration whose specifiers start at the token `begin` and whose declarator ends before `end` an
  /// external one.
  void declare_external(std::size_t begin, std::size_t end) {
    while (begin < end && opens_attributes(begin)) begin = matching(begin) + 1;
    if (begin >= end || external_declaration_ == declaration_ + 1) return;
    external_declaration_ = declaration_ + 1;
    bool is_external = false;
    for (std::size_t i = begin; i < end; ++i) {
      const std::string_view s = spelling(i);
      is_external = is_external || s == "extern";
      if (s == "static" || s == "constexpr" || s == "inline") edits_.blank(tokens_[i].begin, tokens_[i].end);
    }
    if (!is_external) edits_.insert(tokens_[begin].begin, "__msl_extern ");
  }

  /// `template [[...]]` and `template kernel`: explicit instantiations of kernels.
  void instantiation(std::size_t i) {
    const bool is_kernel = opens_attributes(i + 1) || spelling(i + 1) == "kernel";
    const std::string_view before = i > 0 ? spelling(i - 1) : std::string_view();
    if (is_kernel && before != "extern" && before != "." && before != ">" && before != ":") {
      edits_.insert(tokens_[i].begin, "__msl_extern ");
    }
  }

  /// Whether the qualifier at `i` belongs to the object a member function is called on.
  [[nodiscard]] bool trails_method(std::size_t i) const {
    constexpr std::size_t kMost = 8;  // qualifiers in a row
    std::size_t before = i;
    while (before > 0 && i - before < kMost && is_qualifier(spelling(before - 1))) --before;
    if (before == 0 || spelling(before - 1) != ")") return false;
    std::size_t after = i + 1;
    while (after - i < kMost && is_qualifier(spelling(after))) ++after;
    static constexpr std::array<std::string_view, 9> kFollowers = {"{", ":", "noexcept", "=", ";", "-", "override", "requires", "&"};
    const std::string_view s = spelling(after);
    if (s == "&") return spelling(after + 1) == "{" || spelling(after + 1) == ";";
    return after == tokens_.size() || std::ranges::find(kFollowers, s) != kFollowers.end();
  }
  static bool is_qualifier(std::string_view s) { return s == "const" || s == "volatile" || is_address_space(s); }
  /// A constant computed from function constants is no constant expression before specialisation.
  void derived_constant(std::size_t i) {
    if (constant_declaration_ != declaration_ + 1) {
      constant_declaration_ = declaration_ + 1;
      is_late_constant_ = finds_late_constant(i);
    }
    if (is_late_constant_ && spelling(i) == "constexpr") edits_.replace(tokens_[i].begin, tokens_[i].end, "__msl_const");
  }

  /// Whether the declaration whose first such keyword is at `i` is computed from function constants; then it is one itself.
  bool finds_late_constant(std::size_t i) {
    std::size_t name = 0;
    bool is_late = false;
    for (std::size_t k = i + 1; k < tokens_.size() && spelling(k) != ";"; ++k) {
      const std::string_view s = spelling(k);
      if (name == 0 && (s == "(" || s == "{" || s == "}")) return false;
      if (name == 0 && s == "=") {
        name = k - 1;
        while (spelling(name) == "]" && matching(name) < name) name = matching(name) - 1;  // before its extents and attributes
      }
      if (name != 0 && facts_.late_constants.contains(s)) is_late = true;
    }
    if (name == 0 || !is_late) return false;
    facts_.late_constants.emplace(spelling(name));
    return true;
  }

  /// Behind a member function no annotation may stand, so that `thread` becomes a keyword too (method_spaces.hpp).
  void space(std::size_t i) {
    const std::string_view s = spelling(i);
    if (s == "thread" && trails_method(i)) edits_.replace(tokens_[i].begin, tokens_[i].end, "__msl_thread_object");
    if (s == "constant" && trails_method(i)) edits_.replace(tokens_[i].begin, tokens_[i].end, "__msl_constant_object");
    if (s == "threadgroup" && parentheses_ == 0) late_array(i);
    if (s != "thread" && parentheses_ > 0) array_parameter(i);
  }

  /// The name of an intrinsic of Apple's IR behind a declaration (air_functions.hpp).
  void air_name(std::size_t i) {
    const bool is_air = spelling(i + 1) == "(" && spelling(i + 2).starts_with("\"air.") && spelling(i + 3) == ")";
    if (!is_air || spans_directive(i, i + 3)) return;
    edits_.replace(tokens_[i].begin, tokens_[i + 2].begin, " __msl_attribute((__msl_annotate(\"msl:air\", ");
    edits_.replace(tokens_[i + 3].begin, tokens_[i + 3].end, ")))");
  }

  /// `if constexpr` on what is known at specialisation only is folded there.
  void late_branch(std::size_t keyword) {
    const std::size_t close = matching(keyword + 1);
    if (!facts_.folds_branches || keyword < late_branch_end_ || close == tokens_.size()) return;
    late_branch_end_ = close;
    for (std::size_t k = keyword + 2; k < close; ++k) {
      if (facts_.late_constants.contains(spelling(k))) return edits_.blank(tokens_[keyword].begin, tokens_[keyword].end);
    }
  }

  /// `constant T a[3]` among parameters is a pointer, but Clang sees an array in an address space first.
  void array_parameter(std::size_t i) {
    const auto array = find_array_parameter(text_, tokens_, partners_, i);
    if (!array || spans_directive(array->open, array->close)) return;
    const std::string star = array->is_row ? "(*" : "*";
    if (array->name) edits_.insert(tokens_[*array->name].begin, star);
    edits_.replace(tokens_[array->open].begin, tokens_[array->close].end, (array->name ? "" : star) + (array->is_row ? ")" : ""));
  }

  /// `threadgroup T a[n][4];`, where n depends on function constants, as a pointer to memory reserved at
  /// specialisation: `threadgroup T (*a)[4] = (__msl_threadgroup T (*)[4])__msl_threadgroup_array(__msl_sizeof(T) * (n) * (4));`
  void late_array(std::size_t i) {
    if (i < late_array_end_) return;
    std::size_t end = i + 1;
    while (end < tokens_.size() && spelling(end) != ";" && spelling(end) != "{" && spelling(end) != "(" && spelling(end) != "=") ++end;
    late_array_end_ = end;
    if (spelling(end) != ";") return;
    std::size_t first = i + 1;
    while (first < end && spelling(first) != "[") ++first;
    bool is_late = false;
    for (std::size_t k = first; k < end; ++k) is_late = is_late || facts_.late_constants.contains(spelling(k));
    if (!is_late || first < i + 3 || spans_directive(i, end)) return;
    const std::size_t name = first - 1;
    const std::string element = one_line(i + 1, name);
    std::string count = "__msl_sizeof(" + element + ")";
    for (std::size_t k = first; k < end; k = matching(k) + 1) {
      if (spelling(k) != "[" || matching(k) >= end) return;
      count += " * (" + one_line(k + 1, matching(k)) + ")";
    }
    const std::string rest = one_line(matching(first) + 1, end);
    edits_.insert(tokens_[name].begin, "(*");
    edits_.replace(tokens_[first].begin, tokens_[matching(first)].end, ")");
    edits_.insert(tokens_[end].begin, " = (__msl_threadgroup " + element + " (*)" + rest + ")__msl_threadgroup_array(" + count + ")");
  }

  /// The tokens from `first` to before `last` again, for another place: without comments and line breaks.
  [[nodiscard]] std::string one_line(std::size_t first, std::size_t last) const {
    std::string text;
    for (std::size_t i = first; i < last; ++i) {
      text += i > first && tokens_[i - 1].end < tokens_[i].begin ? " " : "";
      for (const char c : spelling(i)) text += c == '\n' ? ' ' : c;
    }
    return text;
  }

  static bool is_address_space(std::string_view s) { return s == "device" || s == "constant" || s == "threadgroup" || s == "thread"; }
  void pragma_operator(std::size_t i) {
    if (spelling(i + 1) != "(" || i + 2 >= tokens_.size() || tokens_[i + 2].kind != TokenKind::String) return;
    const std::string_view quoted = spelling(i + 2);
    if (quoted.size() < 2 || quoted.front() != '"') return;
    const std::string pragma = metal_pragma(quoted.substr(1, quoted.size() - 2));
    if (pragma.empty()) return;
    const std::string text = pragma_operators(pragma, facts_.contracts_off.contains(tokens_[i + 2].begin));
    const std::size_t quote = text.find('"');  // the written `_Pragma(` and `)` stay
    edits_.replace(tokens_[i + 2].begin, tokens_[i + 2].end, text.substr(quote, text.size() - quote - 1));
  }

  std::string_view text_;
  std::span<const Token> tokens_;
  FileFacts& facts_;
  TextEdits& edits_;
  std::vector<std::size_t> partners_;
  std::size_t declaration_ = 0;  ///< first token of the declaration the cursor is in
  std::size_t parentheses_ = 0;
  std::vector<bool> is_inner_;     ///< of every brace that is open, whether it is no namespace's
  std::size_t inner_scopes_ = 0;   ///< how many are not
  std::size_t rewritten_end_ = 0;  ///< behind the last list that became attributes of Clang's
  // Each declaration is looked through once; one past its first token.
  std::size_t external_declaration_ = 0;
  std::size_t constant_declaration_ = 0;
  std::size_t late_array_end_ = 0;
  std::size_t late_branch_end_ = 0;
  bool is_late_constant_ = false;
};

}  // namespace

Prepassed prepass(std::string_view written, LateConstants constants) {
  const std::optional<std::string> plain = plain_spelling(written);
  const std::string_view text = plain ? *plain : written;
  const std::vector<Token> tokens = tokenize(text);
  FileFacts facts;
  facts.folds_branches = constants == LateConstants::Open;
  TextEdits edits(text);
  if (text.starts_with(kByteOrderMark)) edits.blank(0, kByteOrderMark.size());  // Clang knows one only where a file begins
  write_nested_components(text, tokens, edits);
  TokenRuns split = split_into_runs(text, tokens, edits);
  facts.contracts_off = std::move(split.contracts_off);
  for (const auto& run : split.runs) Rewriter(text, run, facts, edits).run();
  return edits.apply();
}

}  // namespace anymetal::msl
