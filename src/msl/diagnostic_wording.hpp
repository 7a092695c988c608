#pragma once
/// \file
/// The compiler's messages in words of MSL, at the token that is at fault.

#include <anymetal/error.hpp>

#include <clang/Basic/Diagnostic.h>

#include <span>
#include <string>
#include <string_view>

namespace anymetal::msl {

/// The compiler points at operators, declarators and directives where MSL's own messages point at the operand at fault.
clang::SourceLocation place_of(const clang::Diagnostic& info, std::string_view text);

/// Messages that would speak of C++ where the rule is MSL's. `searched` says where included files are looked for.
std::string in_msl_terms(std::string message, std::string_view searched);

/// Whether a note helps who writes MSL. `in_library`: it points into the library headers.
bool is_helpful_note(std::string_view message, bool in_library);

/// Adds to an error why a function of the library is not the one that is called, of which the note speaks.
void explain_call(std::string& error, std::string_view note);

/// An error whose notes know more than it says, e.g. the types that do not convert.
std::string with_types(std::string message, std::span<const Diagnostic> notes);

}  // namespace anymetal::msl
