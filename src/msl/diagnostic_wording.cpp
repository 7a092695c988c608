#include "msl/diagnostic_wording.hpp"

#include "msl/attribute_table.hpp"
#include "msl/other_languages.hpp"

#include <clang/Basic/SourceManager.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace anymetal::msl {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Bytes from a token to the next one of its line; 0 where the text is a macro's.
int distance_to_next_token(const clang::SourceManager& sources, clang::SourceLocation token) {
  bool is_invalid = token.isMacroID();
  const char* begin = is_invalid ? nullptr : sources.getCharacterData(token, &is_invalid);
  if (is_invalid) return 0;
  const char* at = begin;
  while (std::isalnum(static_cast<unsigned char>(*at)) != 0 || *at == '_') ++at;
  while (*at == ' ' || *at == '\t' || *at == '<') ++at;
  return *at == '\n' || *at == '\0' ? 0 : static_cast<int>(at - begin);
}

/// Whether a type is a scalar of MSL's or a vector of them: some function of the name may take it.
bool is_number(std::string_view type) {
  if (!type.empty() && type.back() >= '2' && type.back() <= '4') type.remove_suffix(1);
  static constexpr std::array<std::string_view, 13> kScalars = {"bool", "char", "uchar", "short", "ushort", "int", "uint", "long", "ulong", "size_t", "half", "float", "bfloat"};
  return std::ranges::find(kScalars, type) != kScalars.end() || contains(type, "<");
}

/// Whether a type is a vector or a matrix of numbers.
bool has_components(std::string_view type) {
  if (type.starts_with("packed_")) type.remove_prefix(7);
  const std::size_t shape = type.find_last_not_of("234x") + 1;
  return shape < type.size() && is_number(type.substr(0, shape));
}

/// How a conversion is written that is not made by itself: between numbers, and between vectors of one width.
std::string written_conversion(std::string_view message) {
  constexpr std::string_view kStart = "no viable conversion from '";
  if (!message.starts_with(kStart) || !message.ends_with('\'')) return {};
  const std::size_t middle = message.find("' to '");
  if (middle == std::string_view::npos) return {};
  std::string_view from = message.substr(kStart.size(), middle - kStart.size());
  const std::string_view to = message.substr(middle + 6, message.size() - middle - 7);
  if (from.starts_with("const ")) from.remove_prefix(6);
  const auto width = [](std::string_view type) { return type.back() >= '2' && type.back() <= '4' ? type.back() : '1'; };
  const bool are_numbers = !from.empty() && !to.empty() && is_number(from) && is_number(to) && !contains(from, "<") && !contains(to, "<");
  return are_numbers && width(from) == width(to) ? fmt::format(": write {}(...)", to) : std::string();
}

/// The second type of "[with T = float, S = device half]".
std::string second_type(std::string_view list) {
  for (std::size_t at = list.find(", "); at != std::string_view::npos; at = list.find(", ", at + 2)) {
    const std::string_view rest = list.substr(at + 2);
    const std::size_t name = rest.find_first_of(" ,");
    if (name == std::string_view::npos || !rest.substr(name).starts_with(" = ")) continue;
    const std::string_view type = rest.substr(name + 3);
    const bool is_number = !type.empty() && std::isdigit(static_cast<unsigned char>(type.front())) != 0;
    return is_number ? std::string() : std::string(type.substr(0, type.find(", ")));
  }
  return {};
}

/// The two types of "no known conversion from 'A' to 'B' for 1st argument", and whether it is the first argument.
struct Conversion {
  std::string from;
  std::string to;
  bool is_first = true;
};
std::optional<Conversion> conversion_in(std::string_view note) {
  constexpr std::string_view kStart = "no known conversion from '";
  const std::size_t start = note.find(kStart);
  if (start == std::string_view::npos) return std::nullopt;
  const std::size_t from = start + kStart.size();
  const std::size_t from_end = note.find("' to '", from);
  if (from_end == std::string_view::npos) return std::nullopt;
  const std::size_t to = from_end + 6;
  const std::size_t to_end = note.find('\'', to);
  if (to_end == std::string_view::npos) return std::nullopt;
  std::string_view target = note.substr(to, to_end - to);
  if (target.starts_with("const ")) target.remove_prefix(6);
  if (target.ends_with(" &")) target.remove_suffix(2);
  return Conversion{std::string(note.substr(from, from_end - from)), std::string(target), contains(note, "for 1st argument")};
}

/// The texts in quotes.
std::vector<std::string_view> quoted_texts(std::string_view message) {
  std::vector<std::string_view> texts;
  for (std::size_t begin = message.find('\''); begin != std::string_view::npos;) {
    const std::size_t end = message.find('\'', begin + 1);
    if (end == std::string_view::npos) break;
    texts.push_back(message.substr(begin + 1, end - begin - 1));
    begin = message.find('\'', end + 1);
  }
  return texts;
}

/// The space of what a pointer of this type points to.
std::string_view space_of(std::string_view pointer) {
  for (const std::string_view space : {"device ", "constant ", "threadgroup "}) {
    const std::size_t at = pointer.find(space);
    if (at == 0 || pointer.substr(0, at) == "const " || pointer.substr(0, at) == "volatile ") return space.substr(0, space.size() - 1);
  }
  return "thread";
}

/// What is to be said of a pointer that is given to one in another space; nothing where the message is about something else.
std::string space_mismatch(std::string_view message) {
  const bool initialises = message.starts_with("cannot initialize ") && contains(message, "value of type '");
  if (!initialises && !message.ends_with(" changes address space of pointer")) return {};
  const std::vector<std::string_view> types = quoted_texts(message);
  if (types.size() != 2 || !types[0].ends_with(" *") || !types[1].ends_with(" *")) return {};
  const bool to_first = initialises || message.starts_with("initializing ");
  const auto spelt = [](std::string_view type) {
    const std::string_view space = space_of(type);
    return space == "thread" ? fmt::format("thread {}", type) : std::string(type);
  };
  if (space_of(types[0]) == space_of(types[1])) return {};
  return fmt::format("no conversion from '{}' to '{}': mismatching address spaces", spelt(types[to_first ? 1 : 0]), spelt(types[to_first ? 0 : 1]));
}

/// Takes the first `count` characters of each occurrence away.
void erase_all(std::string& message, std::string_view text, std::size_t count) {
  for (std::size_t at = message.find(text); at != std::string::npos; at = message.find(text, at)) message.erase(at, count);
}

/// What the pre-pass and the library's macros put into the text, as it was written.
void undo_insertions(std::string& message) {
  constexpr std::string_view kMoved = " + __msl_in_constant", kPrefix = "__msl_";
  erase_all(message, kMoved, kMoved.size());
  erase_all(message, "__msl_is_function_constant_defined", kPrefix.size());
  erase_all(message, "std::nullptr_t", 5);
}

}  // namespace

clang::SourceLocation place_of(const clang::Diagnostic& info, std::string_view text) {
  const auto range_begin = [&](unsigned i) { return i < info.getNumRanges() ? info.getRange(i).getBegin() : info.getLocation(); };
  const clang::SourceLocation place = info.getLocation();
  const bool is_read_only = contains(text, "is not assignable") || text.starts_with("cannot assign to");
  const bool is_of_value = text.starts_with("no viable conversion from") || text.starts_with("cannot initialize a variable of type");
  if (is_read_only || is_of_value) return range_begin(0);
  if (text.starts_with("no viable overloaded '='")) return range_begin(1);
  // The member's name stands behind the dot.
  if (text.starts_with("member reference base type") && text.ends_with("is not a structure or union")) return place.getLocWithOffset(1);
  if (place.isInvalid() || place.isMacroID()) return place;
  if (text.starts_with("#endif without #if") || text.starts_with("unterminated conditional directive")) return place.getLocWithOffset(-1);
  if (text.starts_with("constraints not satisfied for class template 'simdgroup_matrix'")) {
    return place.getLocWithOffset(distance_to_next_token(info.getSourceManager(), place));
  }
  bool is_invalid = false;
  const char* written = info.getSourceManager().getCharacterData(place, &is_invalid);
  const bool is_hash_error = !is_invalid && std::strncmp(written, "error ", 6) == 0 && info.getSourceManager().getSpellingColumnNumber(place) > 1 && written[-1] == '#';
  return is_hash_error ? place.getLocWithOffset(distance_to_next_token(info.getSourceManager(), place)) : place;
}

std::string in_msl_terms(std::string message, std::string_view searched) {
  undo_insertions(message);
  if (message == "unknown attribute '__msl_attribute' ignored") return "attributes within another attribute are ignored";
  if (message.starts_with("address of function 'is_function_constant_defined'")) {
    return "is_function_constant_defined asks nothing without the name of a constant: is_function_constant_defined(name)";
  }
  if (message.starts_with("default initialization of an object of const type")) return "a variable in the constant address space must be initialised";
  if (message.starts_with("address of property expression requested")) {
    return "the address of a vector component cannot be taken: cast that of the vector, `(thread float*)&v`";
  }
  if (message.starts_with("taking the address of a temporary object of type 'vec<"))
    return "the address of several components cannot be taken: they are no vector in memory";
  if (message.starts_with("storage class specified for a member declaration")) message += ": function constants are declared at program scope";
  if (const std::string mismatch = space_mismatch(message); !mismatch.empty()) return mismatch;
  if (message.starts_with("blocks support disabled")) return "blocks are not supported in Metal";
  if (message.starts_with("matrix types extension is disabled")) return "matrices have types of their own in Metal: float4x4, matrix<half, 2, 3>";
  if (contains(message, "'annotate' attribute requires parameter")) return "the argument of this attribute must be a constant expression";
  constexpr std::string_view kSetter = "no matching member function for call to '__put_";
  if (message.starts_with(kSetter)) {
    std::string names = message.substr(kSetter.size());
    const bool is_repeated = std::ranges::any_of(names, [&](char c) { return c != '\'' && std::ranges::count(names, c) > 1; });
    return "component '" + names + (is_repeated ? " cannot be assigned: it names a component twice" : " cannot be assigned: the vector is read-only or the types differ");
  }
  constexpr std::string_view kGeneric = "object in generic address space";
  if (const std::size_t at = message.find(kGeneric); at != std::string::npos) message.replace(at, kGeneric.size(), "object in address space 'thread'");
  if (message.starts_with("reference to overloaded function could not be resolved")) {
    return "reference to overloaded function could not be resolved: these template arguments name none of them, or several";
  }
  static constexpr std::string_view kUnknown[] = {"unknown type name '", "use of undeclared identifier '", "no template named '"};
  for (const std::string_view about : kUnknown) {
    if (!message.starts_with(about)) continue;
    constexpr std::string_view kMeant = "did you mean '";
    const std::string name = message.substr(about.size(), message.find('\'', about.size()) - about.size());
    if (const std::size_t meant = message.find(kMeant); meant != std::string::npos) {
      const std::string_view suggestion = std::string_view(message).substr(meant + kMeant.size());
      const bool is_librarys_own = suggestion.starts_with("__msl") || !hint_for(name).empty();
      if (suggestion.starts_with(name + "'")) message.insert(meant + kMeant.size(), "metal::");
      if (!is_librarys_own) continue;
      message.erase(message.rfind(';', meant));
    }
    message += hint_for(name);
    if (find_attribute(name) != nullptr) message += fmt::format("; attributes are written [[{}]]", name);
  }
  if (message.starts_with("invalid literal operator parameter type")) {
    return "the numbers of a literal operator are 'unsigned long long' or 'long double', which Metal has not: write "
           "`template <char... C>`";
  }
  if (contains(message, "in namespace 'std'")) message += " (Metal has no C++ standard library)";
  message += written_conversion(message);
  if (message.starts_with("cannot use builtin operator '<=>'")) return "operator '<=>' is not supported in Metal";
  if (message.starts_with("constraints not satisfied for class template 'atomic'")) {
    return "'atomic' holds int, uint, bool, ulong or float: " + message;
  }
  if (message.starts_with("parameter may not be qualified with an address space"))
    return "a parameter passed by value may not be qualified with an address space";
  const bool names_space = contains(message, "device ") || contains(message, "threadgroup ") || contains(message, "constant ");
  const bool casts_spaces = message.starts_with("reinterpret_cast") && message.ends_with("is not allowed") && names_space;
  if (casts_spaces || message.starts_with("cannot initialize object parameter")) return message + ": mismatching address spaces";
  if (message.starts_with("constraints not satisfied for class template 'simdgroup_matrix'")) {
    return "'simdgroup_matrix' holds half, float or bfloat and is 8x8: " + message;
  }
  if (message.ends_with("' file not found")) message += fmt::format("; searched: {}", searched);
  constexpr std::string_view kConstructor = "no matching constructor for initialization of '";
  if (message.starts_with(kConstructor) && message.ends_with('\'') && has_components(std::string_view(message).substr(kConstructor.size(), message.size() - kConstructor.size() - 1))) {
    message += ": wrong number or types of components";
  }
  constexpr std::string_view kUnqualified = "an object in address space unqualified";
  if (message.ends_with(kUnqualified)) message.replace(message.size() - kUnqualified.size(), kUnqualified.size(), "an object in address space 'thread'");
  if (message.starts_with("value of type 'bool") && message.ends_with("is not contextually convertible to 'bool'")) message += ": use all() or any()";
  if (contains(message, "template instantiation exceeded maximum depth")) message += ": the limit is CompileLimits::template_depth (--limit template_depth=N)";
  if (message.starts_with("constexpr evaluation hit maximum step limit")) message += " The limit is CompileLimits::constexpr_steps (--limit constexpr_steps=N)";
  return message;
}

bool is_helpful_note(std::string_view message, bool in_library) {
  if (message.starts_with("use -ftemplate-depth") || message.starts_with("built-in candidate operator")) return false;
  if (!in_library) return true;
  if (message.starts_with("'__msl") && message.ends_with("declared here")) return false;  // resembles what the user misspelt
  for (const std::string_view about_headers : {"candidate template ignored", "because ", "and ", "has been explicitly marked deleted", "from 'diagnose_if' attribute", "explicitly deleted", "std::initializer_list"}) {
    if (contains(message, about_headers)) return false;
  }
  return true;
}

void explain_call(std::string& error, std::string_view note) {
  constexpr std::string_view kCall = "no matching function for call to '";
  const bool is_unexplained = error.starts_with(kCall) && std::ranges::count(error, '\'') == 2;
  if (!is_unexplained) return;
  constexpr std::array<std::string_view, 3> kTwoResults = {"frexp", "modf", "sincos"};
  const std::string_view name = std::string_view(error).substr(kCall.size(), error.size() - kCall.size() - 1);
  if (std::ranges::find(kTwoResults, name) != kTwoResults.end()) {  // pointers in C, and in Metal references
    if (note.ends_with("; remove &") || note.ends_with(" *'"))
      error += ": its second result is taken by reference, as 'thread T&': pass the variable without '&'";
    return;
  }
  if (!note.starts_with("candidate template ignored: ")) return;
  const auto quoted = [&](std::string_view before, std::string_view after) -> std::string {
    const std::size_t start = note.find(before);
    const std::size_t end = start == std::string_view::npos ? start : note.find(after, start + before.size());
    return end == std::string_view::npos ? std::string() : std::string(note.substr(start + before.size(), end - start - before.size()));
  };
  const std::string first = quoted("('", "' vs. "), second = quoted("' vs. '", "')");
  std::string type = quoted("[with T = ", "]");
  const std::string other_type = second_type(type);
  type = type.substr(0, type.find(", "));
  const std::string wanted = quoted("could not match '", "' against '"), given = quoted("' against '", "'");
  if (contains(note, "deduced conflicting types") && !first.empty()) error += fmt::format(": '{}' and '{}' differ", first, second);
  else if (contains(note, "constraints not satisfied") && !type.empty() && !is_number(type)) error += fmt::format(": it does not take '{}'", type);
  else if (contains(note, "constraints not satisfied") && !other_type.empty()) error += fmt::format(": it takes no '{}' beside '{}'", other_type, type);
  else if (contains(wanted, "vec<") && is_number(given) && !has_components(given)) error += fmt::format(": it takes a vector, not '{}'", given);
  else if (!wanted.empty() && !contains(wanted, "vec<") && !given.empty()) error += fmt::format(": it takes '{}', not '{}'", wanted, given);
}

namespace {

/// Functions of <metal_common>, <metal_math> and <metal_geometric> that have no form for integers.
constexpr auto kOfReals = std::to_array<std::string_view>(
    {"acos",      "acosh", "asin",       "asinh",    "atan",   "atan2",  "atanh", "ceil",     "copysign", "cos",
     "cosh",      "cospi", "cross",      "distance", "divide", "dot",    "exp",   "exp10",    "exp2",     "fabs",
     "fdim",      "floor", "fma",        "fmod",     "fract",  "length", "log",   "log10",    "log2",     "mix",
     "normalize", "pow",   "powr",       "reflect",  "rint",   "round",  "rsqrt", "saturate", "sign",     "sin",
     "sinh",      "sinpi", "smoothstep", "sqrt",     "step",   "tan",    "tanh",  "tanpi",    "trunc"});

/// What a function of the library takes that a call does not give it, where integers or several types were given.
std::string wanted_reals(std::string_view message, std::span<const Diagnostic> notes) {
  const bool is_call = message.ends_with("' is ambiguous")
                           ? message.starts_with("call to '")
                           : message.starts_with("no matching function for call to '") && message.ends_with('\'');
  if (!is_call || notes.empty() || notes[0].severity != Severity::Note || !notes[0].file.starts_with("__msl/"))
    return {};
  const std::size_t begin = message.find('\'') + 1;
  const std::string_view name = message.substr(begin, message.find('\'', begin) - begin);
  if (std::ranges::find(kOfReals, name) == kOfReals.end()) return {};
  return ": it takes half or float, or vectors of them, all of one type; integers are converted first, as in float(i)";
}

}  // namespace

std::string with_types(std::string message, std::span<const Diagnostic> notes) {
  message += wanted_reals(message, notes);
  const bool is_assignment = message == "no viable overloaded '='";
  const bool is_operator = message.starts_with("overload resolution selected deleted operator '");
  if (!is_assignment && !is_operator) return message;
  for (const Diagnostic& note : notes) {
    if (note.severity != Severity::Note) break;
    const auto conversion = conversion_in(note.message);
    if (!conversion) continue;
    if (is_assignment) return fmt::format("{}: cannot convert '{}' to '{}'", message, conversion->from, conversion->to);
    const auto& [from, to, is_first] = *conversion;
    return fmt::format("invalid operands '{}' and '{}' to operator {}", is_first ? from : to, is_first ? to : from, message.substr(message.find('\'')));
  }
  return message;
}

}  // namespace anymetal::msl
