#pragma once
/// \file
/// Reads the annotations the pre-pass made of MSL's attributes and keywords.

#include <clang/AST/Attr.h>
#include <clang/AST/Decl.h>

#include <optional>
#include <string>
#include <string_view>

namespace anymetal::msl {

/// Name of an annotation without its "msl:"; empty where the attribute is not one of MSL's.
std::string_view annotation_name(const clang::AnnotateAttr& attribute);

/// The declaration's first annotation of that name, or nullptr.
const clang::AnnotateAttr* find_annotation(const clang::Decl& declaration, std::string_view name);

/// Argument `index` as an integer; empty where absent or no integer constant.
std::optional<std::int64_t> integer_argument(const clang::ASTContext& ast, const clang::AnnotateAttr& attribute, unsigned index = 0);

/// The first argument as a string literal.
std::optional<std::string> string_argument(const clang::AnnotateAttr& attribute);

/// The variable the first argument is the address of, or nullptr.
clang::VarDecl* variable_argument(const clang::AnnotateAttr& attribute);

/// "device", "constant", "threadgroup"; empty for the default space, which is that of `thread` (docs/address-spaces.md).
std::string_view space_name(clang::LangAS space);

/// What a reference or the elements of an array of any rank refer to; other types themselves.
clang::QualType object_type(const clang::ASTContext& ast, clang::QualType type);

/// "device", "constant", "threadgroup", "thread" of the memory behind a pointer or reference, else of the declared
/// object; empty where none is written.
std::string_view address_space(const clang::Decl& declaration);

/// Whether the variable itself lies in threadgroup memory (it is no pointer or reference to such memory).
bool is_threadgroup_variable(const clang::VarDecl& variable);

}  // namespace anymetal::msl
