#include "msl/type_names.hpp"

#include <array>
#include <cctype>
#include <utility>

namespace anymetal::msl {
namespace {

using Renaming = std::pair<std::string_view, std::string_view>;

/// Longer spellings first.
constexpr std::array<Renaming, 22> kWords = {{{"const __restrict __private", "constant"},
                                              {"__restrict ", ""},  // before a space: method_spaces.cpp has put it there
                                              {"const __private", "constant"},
                                              {"__private", "constant"},
                                              {"__global", "device"},
                                              {"__local", "threadgroup"},
                                              {"__generic", "thread"},
                                              {"const SYprivate", "constant"},  // as in the names of functions
                                              {"SYprivate", "constant"},
                                              {"SYglobal", "device"},
                                              {"SYlocal", "threadgroup"},
                                              {"unsigned char", "uchar"},
                                              {"unsigned short", "ushort"},
                                              {"unsigned int", "uint"},
                                              {"unsigned long", "ulong"},
                                              {"signed char", "char"},
                                              {"_Float16", "half"},
                                              {"_Bool", "bool"},
                                              {"unsigned", "uint"},
                                              {"metal::", ""},
                                              {"__msl::", ""},
                                              {"(anonymous namespace)::", ""}}};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string rename_words(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const bool starts_word = i == 0 || !is_word(text[i - 1]);
    const Renaming* match = nullptr;
    for (const Renaming& r : kWords) {
      if (!starts_word || !text.substr(i).starts_with(r.first)) continue;
      const std::size_t end = i + r.first.size();
      if (is_word(r.first.back()) && end < text.size() && is_word(text[end])) continue;
      match = &r;
      break;
    }
    if (match == nullptr) {
      result.push_back(text[i++]);
    } else {
      result += match->second;
      i += match->first.size();
    }
  }
  return result;
}

/// Reads digits at `at`; 0 where there are none.
unsigned number_at(std::string_view text, std::size_t& at) {
  unsigned value = 0;
  for (; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0; ++at) value = value * 10 + static_cast<unsigned>(text[at] - '0');
  return value;
}

/// `vec<float, 4>` at `at` -> `float4`; returns the length consumed, 0 where it is something else.
std::size_t rename_template(std::string_view text, std::size_t at, std::string& out) {
  struct Shape {
    std::string_view name, prefix;
    bool is_matrix;
  };
  static constexpr std::array<Shape, 4> kShapes = {
      {{"vec<", "", false}, {"packed_vec<", "packed_", false}, {"matrix<", "", true}, {"atomic<", "atomic_", false}}};
  for (const Shape& shape : kShapes) {
    if (!text.substr(at).starts_with(shape.name)) continue;
    std::size_t i = at + shape.name.size();
    const std::size_t begin = i;
    while (i < text.size() && is_word(text[i])) ++i;
    std::string spelled = std::string(shape.prefix) + std::string(text.substr(begin, i - begin));
    if (shape.prefix != "atomic_") {
      for (int extent = 0; extent < (shape.is_matrix ? 2 : 1); ++extent) {
        if (!text.substr(i).starts_with(", ")) return 0;
        i += 2;
        const unsigned n = number_at(text, i);
        const std::string aka = " aka " + std::to_string(n);  // of a template parameter that has this value
        if (text.substr(i).starts_with(aka)) i += aka.size();
        if (n < 2 || n > 4) return 0;
        spelled += (extent == 1 ? "x" : "") + std::to_string(n);
      }
    }
    if (i >= text.size() || text[i] != '>') return 0;
    out += spelled;
    return i + 1 - at;
  }
  return 0;
}

/// The library's name for a parameter that takes whatever converts to a type: `converted<float4>` -> `float4`.
std::string without_alias(std::string text) {
  constexpr std::string_view kAlias = "converted<";
  for (std::size_t at = text.find(kAlias); at != std::string::npos; at = text.find(kAlias, at)) {
    std::size_t end = at + kAlias.size();
    for (int depth = 1; end < text.size(); ++end) {
      depth += text[end] == '<' ? 1 : text[end] == '>' ? -1 : 0;
      if (depth == 0) break;
    }
    if (end == text.size()) break;
    text.erase(end, 1);
    text.erase(at, kAlias.size());
  }
  return text;
}

/// Where an object lies says nothing about its value: `device float` -> `float`.
std::string without_space(std::string type) {
  if (type.find_first_of("*&(") != std::string::npos) return type;
  const std::size_t begin = type.starts_with("const ") ? 6 : 0;
  for (const std::string_view space : {"device ", "threadgroup ", "constant "}) {
    if (std::string_view(type).substr(begin).starts_with(space)) return type.erase(begin, space.size());
  }
  return type;
}

}  // namespace

std::string msl_spelling(std::string_view text) {
  constexpr std::string_view kRestrict = " __restrict";  // behind the type of a member function: method_spaces.cpp too
  if (text.ends_with(kRestrict)) text.remove_suffix(kRestrict.size());
  const std::string words = without_alias(rename_words(text));
  std::string result;
  for (std::size_t i = 0; i < words.size();) {
    const bool starts_word = i == 0 || !is_word(words[i - 1]);
    const std::size_t consumed = starts_word ? rename_template(words, i, result) : 0;
    if (consumed == 0) result.push_back(words[i++]);
    else i += consumed;
  }
  return result;
}

namespace {

/// `[with T = _Float16]` stands outside quotes.
std::string in_brackets(std::string_view text) {
  const std::size_t open = text.find("[with ");
  const std::size_t close = open == std::string_view::npos ? open : text.find(']', open);
  if (close == std::string_view::npos) return std::string(text);
  return std::string(text.substr(0, open)) + msl_spelling(text.substr(open, close - open)) + std::string(text.substr(close));
}

}  // namespace

std::string msl_message(std::string_view message, bool is_compilers) {
  std::string result;
  const bool keeps_spaces = !is_compilers || message.find("address space") != std::string_view::npos || message.find("object parameter") != std::string_view::npos;
  for (std::size_t i = 0; i < message.size();) {
    const std::size_t open = message.find('\'', i);
    const std::size_t close = open == std::string_view::npos ? open : message.find('\'', open + 1);
    if (close == std::string_view::npos) return result + in_brackets(message.substr(i));
    result += in_brackets(message.substr(i, open - i));
    const auto spelled = [&](std::string_view type) { return keeps_spaces ? msl_spelling(type) : without_space(msl_spelling(type)); };
    const std::string inner = spelled(message.substr(open + 1, close - open - 1));
    result += '\'' + inner + '\'';
    i = close + 1;
    // "'uint' (aka 'unsigned int')" says the same twice.
    const std::string aka = " (aka '";
    if (message.substr(i).starts_with(aka)) {
      const std::size_t end = message.find("')", i + aka.size());
      if (end != std::string_view::npos && spelled(message.substr(i + aka.size(), end - i - aka.size())) == inner) i = end + 2;
    }
  }
  return result;
}

}  // namespace anymetal::msl
