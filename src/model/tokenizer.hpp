#pragma once
/// \file
/// Text to tokens and back.

#include <anymetal/error.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/vocabulary.hpp"

namespace anymetal::model {

struct EncodeOptions {
  std::optional<bool> add_begin;  ///< put <bos> first; unset: as the model file says
  bool control_tokens = true;     ///< text spelt like a control token ("<start_of_turn>") becomes that token
};

/// SentencePiece byte-pair encoding: the two neighbours whose union has the best score merge first, leftmost among
/// equals (T. Kudo and J. Richardson, 2018, arXiv:1808.06226). Thread contract: immutable; safe from any thread.
/// \code
///   auto tokens = tokenizer.encode("The capital of France is");   // 2, 818, 5279, 529, 7001, 563
/// \endcode
class Tokenizer {
 public:
  static Result<Tokenizer> read(const Gguf& file);
  explicit Tokenizer(std::shared_ptr<const Vocabulary> vocabulary) : vocabulary_(std::move(vocabulary)) {}

  [[nodiscard]] const std::shared_ptr<const Vocabulary>& vocabulary() const { return vocabulary_; }
  /// InvalidArgument where `text` is not well-formed UTF-8; the message gives the offset of the first bad byte.
  [[nodiscard]] Result<std::vector<Token>> encode(std::string_view text, EncodeOptions options = {}) const;
  /// Whole text of the tokens; control tokens have none. InvalidArgument for a number outside the vocabulary.
  [[nodiscard]] Result<std::string> decode(std::span<const Token> tokens) const;

 private:
  std::shared_ptr<const Vocabulary> vocabulary_;
};

/// Decodes one token at a time: what it returns is always well-formed UTF-8; bytes of an unfinished character are held
/// back until it is whole, and bytes that can never become one turn into U+FFFD. Thread contract: one thread.
class TextStream {
 public:
  explicit TextStream(std::shared_ptr<const Vocabulary> vocabulary) : vocabulary_(std::move(vocabulary)) {}

  /// Text that `token` completes. A number outside the vocabulary gives no text.
  std::string push(Token token);
  /// What is still held back, as U+FFFD.
  std::string finish();

 private:
  std::string release(bool all);

  std::shared_ptr<const Vocabulary> vocabulary_;
  std::string held_;
  bool at_start_ = true;
};

}  // namespace anymetal::model
