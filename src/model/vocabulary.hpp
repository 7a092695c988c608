#pragma once
/// \file
/// The tokens a model knows.

#include <anymetal/error.hpp>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/gguf.hpp"

namespace anymetal::model {

using Token = std::uint32_t;

/// The numbers are those stored in GGUF files.
enum class TokenKind : std::int32_t {
  Normal = 1,       ///< may come out of merging
  Unknown = 2,      ///< stands for text that nothing else covers
  Control = 3,      ///< has a meaning and no text, like <eos>
  UserDefined = 4,  ///< found whole in the text before anything is merged
  Unused = 5,
  Byte = 6,  ///< one raw byte, spelt <0xHH>
};

/// A SentencePiece vocabulary from GGUF metadata (`tokenizer.ggml.*`).
/// Thread contract: immutable; safe from any thread. Texts are views into the file's mapping, which it keeps alive.
class Vocabulary {
 public:
  /// InvalidFile where a key is missing, lengths disagree, or the tokenizer is not of the SentencePiece kind.
  static Result<Vocabulary> read(const Gguf& file);

  [[nodiscard]] std::size_t size() const { return texts_.size(); }
  [[nodiscard]] std::string_view text(Token token) const { return texts_[token]; }
  [[nodiscard]] float score(Token token) const { return scores_[token]; }
  [[nodiscard]] TokenKind kind(Token token) const { return kinds_[token]; }

  /// The token that merging may make out of `text` (spaces spelt U+2581); nullopt if there is none.
  [[nodiscard]] std::optional<Token> find_piece(std::string_view text) const;
  /// The control or user-defined token with this spelling.
  [[nodiscard]] std::optional<Token> find_special(std::string_view text) const;
  /// The longest control (if `control`) or user-defined token that `text` begins with.
  [[nodiscard]] std::optional<Token> special_prefix(std::string_view text, bool control) const;
  /// The token of one raw byte.
  [[nodiscard]] std::optional<Token> byte_token(unsigned char byte) const { return bytes_[byte]; }
  /// The byte that a Byte token stands for.
  [[nodiscard]] unsigned char byte_of(Token token) const;

  [[nodiscard]] std::optional<Token> begin_of_sequence() const { return begin_; }
  [[nodiscard]] std::optional<Token> unknown() const { return unknown_; }
  /// Whether generation ends with this token: end of sequence or, in a conversation, end of turn.
  [[nodiscard]] bool is_end(Token token) const;
  [[nodiscard]] bool adds_begin() const { return adds_begin_; }
  [[nodiscard]] bool adds_space_prefix() const { return adds_space_prefix_; }

 private:
  Vocabulary() = default;
  Result<void> index_tokens();
  Result<void> read_settings(const Gguf& file);

  std::shared_ptr<const void> owner_;
  std::vector<std::string_view> texts_;
  std::vector<float> scores_;
  std::vector<TokenKind> kinds_;
  std::unordered_map<std::string_view, Token> pieces_;
  std::unordered_map<std::string_view, Token> specials_;
  std::array<std::vector<std::size_t>, 256> special_lengths_;  ///< by first byte, longest first
  std::array<std::optional<Token>, 256> bytes_{};
  std::optional<Token> begin_;
  std::optional<Token> unknown_;
  std::vector<Token> ends_;
  bool adds_begin_ = true;
  bool adds_space_prefix_ = true;
};

}  // namespace anymetal::model
