#include "model/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>

namespace anymetal::model {

namespace {

/// The byte in "<0xHH>".
std::optional<unsigned char> parse_byte(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data() + 3, text.data() + 5, value, 16);
  if (error != std::errc() || end != text.data() + 5) return std::nullopt;
  return static_cast<unsigned char>(value);
}

std::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::InvalidFile, std::move(message)); }

/// A token number under `key`, nullopt where the key is absent.
Result<std::optional<Token>> token_setting(const Gguf& file, std::string_view key, std::size_t vocabulary_size) {
  if (file.find(key) == nullptr) return std::nullopt;
  const auto value = file.integer(key);
  if (!value) return std::unexpected(value.error());
  if (*value >= vocabulary_size) {
    return invalid(fmt::format("metadata key '{}' names token {} of a vocabulary of {}", key, *value, vocabulary_size));
  }
  return static_cast<Token>(*value);
}

Result<void> bool_setting(const Gguf& file, std::string_view key, bool& setting) {
  if (file.find(key) == nullptr) return {};
  const auto value = file.boolean(key);
  if (!value) return std::unexpected(value.error());
  setting = *value;
  return {};
}

}  // namespace

Result<Vocabulary> Vocabulary::read(const Gguf& file) {
  const auto model = file.text("tokenizer.ggml.model");
  if (!model) return std::unexpected(model.error());
  if (*model != "llama") {
    return invalid(fmt::format("tokenizer kind '{}' is not supported (SentencePiece, spelt 'llama', is)", *model));
  }
  auto texts = file.texts("tokenizer.ggml.tokens");
  if (!texts) return std::unexpected(texts.error());
  auto scores = file.floats("tokenizer.ggml.scores");
  if (!scores) return std::unexpected(scores.error());
  const auto kinds = file.integers("tokenizer.ggml.token_type");
  if (!kinds) return std::unexpected(kinds.error());
  if (texts->empty() || scores->size() != texts->size() || kinds->size() != texts->size()) {
    return invalid(fmt::format("the vocabulary has {} tokens, {} scores and {} token types", texts->size(),
                               scores->size(), kinds->size()));
  }
  Vocabulary result;
  result.owner_ = file.owner();
  result.texts_ = std::move(*texts);
  result.scores_ = std::move(*scores);
  result.kinds_.reserve(kinds->size());
  for (const auto kind : *kinds) result.kinds_.push_back(static_cast<TokenKind>(kind));
  if (auto done = result.index_tokens(); !done) return std::unexpected(done.error());
  if (auto done = result.read_settings(file); !done) return std::unexpected(done.error());
  return result;
}

Result<void> Vocabulary::index_tokens() {
  pieces_.reserve(texts_.size());
  for (Token token = 0; token < texts_.size(); ++token) {
    const auto text = texts_[token];
    switch (kinds_[token]) {
      case TokenKind::Normal:
      case TokenKind::Unused:
        pieces_.emplace(text, token);
        break;
      case TokenKind::Control:
      case TokenKind::UserDefined:
        if (text.empty()) break;
        specials_.emplace(text, token);
        special_lengths_[static_cast<unsigned char>(text[0])].push_back(text.size());
        break;
      case TokenKind::Byte: {
        const auto byte = parse_byte(text);
        if (!byte) return invalid(fmt::format("byte token {} is spelt '{}', not like <0x0A>", token, text));
        bytes_[*byte] = token;
        break;
      }
      case TokenKind::Unknown:
        unknown_ = token;
        break;
      default:
        return invalid(fmt::format("token {} is of unknown type {}", token, static_cast<std::int32_t>(kinds_[token])));
    }
  }
  for (auto& lengths : special_lengths_) {
    std::ranges::sort(lengths, std::greater{});
    const auto repeated = std::ranges::unique(lengths);
    lengths.erase(repeated.begin(), repeated.end());
  }
  return {};
}

Result<void> Vocabulary::read_settings(const Gguf& file) {
  const auto begin = token_setting(file, "tokenizer.ggml.bos_token_id", size());
  if (!begin) return std::unexpected(begin.error());
  begin_ = *begin;
  const auto unknown = token_setting(file, "tokenizer.ggml.unknown_token_id", size());
  if (!unknown) return std::unexpected(unknown.error());
  if (unknown->has_value()) unknown_ = *unknown;
  for (const auto* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
    const auto end = token_setting(file, key, size());
    if (!end) return std::unexpected(end.error());
    if (end->has_value()) ends_.push_back(**end);
  }
  // Conversation models of this family close a turn with this token and say so nowhere in the metadata.
  if (const auto turn = find_special("<end_of_turn>")) ends_.push_back(*turn);
  if (auto done = bool_setting(file, "tokenizer.ggml.add_bos_token", adds_begin_); !done) return done;
  return bool_setting(file, "tokenizer.ggml.add_space_prefix", adds_space_prefix_);
}

std::optional<Token> Vocabulary::find_piece(std::string_view text) const {
  const auto found = pieces_.find(text);
  return found == pieces_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Token> Vocabulary::find_special(std::string_view text) const {
  const auto found = specials_.find(text);
  return found == specials_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Token> Vocabulary::special_prefix(std::string_view text, bool control) const {
  if (text.empty()) return std::nullopt;
  for (const auto length : special_lengths_[static_cast<unsigned char>(text[0])]) {
    if (length > text.size()) continue;
    const auto found = find_special(text.substr(0, length));
    if (found && (control || kind(*found) == TokenKind::UserDefined)) return found;
  }
  return std::nullopt;
}

unsigned char Vocabulary::byte_of(Token token) const { return parse_byte(text(token)).value_or(0); }

bool Vocabulary::is_end(Token token) const { return std::ranges::find(ends_, token) != ends_.end(); }

}  // namespace anymetal::model
