#include "support/file_check.hpp"

#include <fmt/format.h>

#include <map>
#include <regex>
#include <sstream>
#include <vector>

namespace anymetal::test {
namespace {

using Variables = std::map<std::string, std::string>;

struct Directive {
  enum class Kind { Later, Next, Same, Not };
  Kind kind = Kind::Later;
  unsigned count = 1;
  std::string pattern;
};

std::vector<std::string> lines_of(std::string_view text) {
  static const std::regex kBlanks("[ \t]+");
  std::vector<std::string> lines;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) lines.push_back(std::regex_replace(line, kBlanks, " "));
  return lines;
}

std::vector<Directive> directives_of(std::string_view checks, std::string_view prefix) {
  const std::regex form(fmt::format(R"((^|[^\w-]){}(-NEXT|-SAME|-NOT|-COUNT-([0-9]+))?: ?(.*?) ?$)", prefix));
  std::vector<Directive> found;
  for (const auto& line : lines_of(checks)) {
    std::smatch match;
    if (!std::regex_search(line, match, form)) continue;
    Directive directive;
    directive.pattern = match[4];
    if (match[3].matched) directive.count = static_cast<unsigned>(std::stoul(match[3]));
    if (match[2] == "-NEXT") directive.kind = Directive::Kind::Next;
    if (match[2] == "-SAME") directive.kind = Directive::Kind::Same;
    if (match[2] == "-NOT") directive.kind = Directive::Kind::Not;
    found.push_back(std::move(directive));
  }
  return found;
}

std::string literal(std::string_view text) {
  static const std::regex kSpecial(R"([.^$|()\[\]{}*+?\\])");
  return std::regex_replace(std::string(text), kSpecial, R"(\$&)");
}

/// A pattern as a regular expression, and the variables its groups set.
struct Expression {
  std::regex regex;
  std::vector<std::string> sets;
};

Expression expression(const std::string& pattern, const Variables& variables) {
  static const std::regex kPart(R"(\{\{(.*?)\}\}|\[\[(\w+)(:(.*?))?\]\])");
  Expression made;
  std::string text;
  auto rest = pattern.begin();
  for (std::sregex_iterator part(pattern.begin(), pattern.end(), kPart), end; part != end; ++part) {
    text += literal({rest, part->operator[](0).first});
    rest = part->operator[](0).second;
    const auto& match = *part;
    if (match[1].matched) {
      text += "(?:" + match[1].str() + ")";
    } else if (match[3].matched) {
      text += "(" + match[4].str() + ")";
      made.sets.push_back(match[2]);
    } else {
      const auto known = variables.find(match[2]);
      text += known == variables.end() ? std::string("(?!)") : literal(known->second);
    }
  }
  made.regex = std::regex(text + literal({rest, pattern.end()}));
  return made;
}

/// Where in `line`, from `from` on, the pattern ends; npos where it does not match.
std::size_t match_in(const std::string& line, std::size_t from, const std::string& pattern, Variables& variables) {
  const auto wanted = expression(pattern, variables);
  std::smatch match;
  if (!std::regex_search(line.begin() + static_cast<std::ptrdiff_t>(from), line.end(), match, wanted.regex))
    return std::string::npos;
  for (std::size_t i = 0; i < wanted.sets.size(); ++i) variables[wanted.sets[i]] = match[i + 1];
  return static_cast<std::size_t>(match[0].second - line.begin());
}

}  // namespace

std::string file_check(std::string_view text, std::string_view checks, std::string_view prefix) {
  const auto lines = lines_of(text);
  const auto directives = directives_of(checks, prefix);
  if (directives.empty()) return fmt::format("no '{}:' among the checks", prefix);
  Variables variables;
  std::size_t next = 0;    // first line not yet matched
  std::size_t column = 0;  // where the match in the line before it ended
  std::vector<const Directive*> absent;
  const auto unwanted = [&](std::size_t end) -> std::string {
    for (const auto* directive : absent)
      for (auto at = next; at < end; ++at)
        if (match_in(lines[at], 0, directive->pattern, variables) != std::string::npos)
          return fmt::format("line {} is not wanted ({}-NOT: {}): {}", at + 1, prefix, directive->pattern, lines[at]);
    absent.clear();
    return {};
  };
  for (const auto& directive : directives) {
    if (directive.kind == Directive::Kind::Not) {
      absent.push_back(&directive);
      continue;
    }
    for (unsigned i = 0; i < directive.count; ++i) {
      auto at = directive.kind == Directive::Kind::Same ? next - 1 : next;
      auto found = std::string::npos;
      const bool later = directive.kind == Directive::Kind::Later;
      const auto from = directive.kind == Directive::Kind::Same ? column : 0;
      for (; at < lines.size() && found == std::string::npos; ++at) {
        found = match_in(lines[at], from, directive.pattern, variables);
        if (!later) break;
        if (found != std::string::npos) break;
      }
      if (found == std::string::npos) return fmt::format("below line {} nothing matches '{}'", next, directive.pattern);
      if (auto problem = unwanted(at); !problem.empty()) return problem;
      next = at + 1;
      column = found;
    }
  }
  return unwanted(lines.size());
}

}  // namespace anymetal::test
