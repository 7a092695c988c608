#pragma once
/// \file
/// Every attribute of MSL: where it may stand and what it takes.

#include <cstdint>
#include <string>
#include <string_view>

namespace anymetal::msl {

/// In an annotation, before the name of an attribute that MSL does not have: what the word became, if it is a macro's,
/// follows in an annotation of its own.
inline constexpr std::string_view kWrittenPrefix = "written:";

/// What an attribute takes in parentheses.
enum class AttributeArguments : std::uint8_t {
  None,
  Integer,    ///< one integer constant
  UpToThree,  ///< one to three of them
  String,     ///< one
  Constant,   ///< one: the index of a function constant, or its name where it guards something
  Words,      ///< words of the attribute's own, no expressions: `user(locn0)`, `depth(any)`
  NotRead,    ///< of a stage that is not compiled here
};

/// Kinds of declarations; an attribute may stand on several.
namespace attribute_places {
inline constexpr unsigned kKernels = 1;
inline constexpr unsigned kFunctions = 2;
inline constexpr unsigned kParameters = 4;
inline constexpr unsigned kMembers = 8;
inline constexpr unsigned kVariables = 16;  ///< of program scope
inline constexpr unsigned kAnywhere = 255;
}  // namespace attribute_places

struct AttributeRule {
  std::string_view name;
  unsigned places = attribute_places::kAnywhere;
  AttributeArguments arguments = AttributeArguments::NotRead;
};

/// Nullptr where MSL has no attribute of this name.
const AttributeRule* find_attribute(std::string_view name);

/// Whether it is one of C++'s own, which Clang reads itself.
bool is_standard_attribute(std::string_view name);

/// The attribute that was probably meant, or nothing.
std::string closest_attribute(std::string_view name);

/// Whether the name is so near that of an attribute that it is a misspelling.
bool is_misspelt(std::string_view name, std::string_view meant);

}  // namespace anymetal::msl
