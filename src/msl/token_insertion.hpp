#pragma once
/// \file
/// Tokens that the user did not write.

#include <clang/Basic/SourceLocation.h>
#include <clang/Basic/TokenKinds.h>

#include <span>

namespace clang {
class Preprocessor;
}

namespace anymetal::msl {

struct InsertedToken {
  clang::tok::TokenKind kind;
  const char* name = nullptr;  ///< of an identifier or keyword
};

/// The parser reads these next. Each stands at `place`, for messages.
void insert_tokens(clang::Preprocessor& preprocessor, clang::SourceLocation place,
                   std::span<const InsertedToken> tokens);

}  // namespace anymetal::msl
