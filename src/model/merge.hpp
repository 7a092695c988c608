#pragma once
/// \file
/// The merging step of SentencePiece encoding.

#include <string_view>
#include <vector>

#include "model/vocabulary.hpp"

namespace anymetal::model {

/// Appends the tokens of `text`, well-formed UTF-8 without special tokens whose spaces are spelt U+2581. A character
/// the vocabulary lacks becomes its byte tokens, or the unknown token. O(n log n) in the text's length.
void merge_pieces(const Vocabulary& vocabulary, std::string_view text, std::vector<Token>& tokens);

}  // namespace anymetal::model
