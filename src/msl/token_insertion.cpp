#include "msl/token_insertion.hpp"

#include <clang/Lex/Preprocessor.h>

#include <memory>

namespace anymetal::msl {

void insert_tokens(clang::Preprocessor& preprocessor, clang::SourceLocation place,
                   std::span<const InsertedToken> tokens) {
  auto stream = std::make_unique<clang::Token[]>(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    stream[i].startToken();
    stream[i].setKind(tokens[i].kind);
    stream[i].setLocation(place);
    if (tokens[i].name != nullptr) stream[i].setIdentifierInfo(preprocessor.getIdentifierInfo(tokens[i].name));
  }
  preprocessor.EnterTokenStream(std::move(stream), static_cast<unsigned>(tokens.size()),
                                /*DisableMacroExpansion=*/true, /*IsReinject=*/true);
}

}  // namespace anymetal::msl
