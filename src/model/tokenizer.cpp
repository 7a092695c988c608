#include "model/tokenizer.hpp"

#include <fmt/format.h>

#include "model/merge.hpp"
#include "model/utf8.hpp"

namespace anymetal::model {

namespace {

constexpr std::string_view kSpaceMark = "\u2581";
constexpr std::string_view kReplacement = "\uFFFD";

std::string mark_spaces(std::string_view text) {
  std::string marked;
  marked.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (c == ' ') {
      marked += kSpaceMark;
    } else {
      marked += c;
    }
  }
  return marked;
}

std::string unmark_spaces(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    if (text.starts_with(kSpaceMark)) {
      plain += ' ';
      text.remove_prefix(kSpaceMark.size());
    } else {
      plain += text.front();
      text.remove_prefix(1);
    }
  }
  return plain;
}

}  // namespace

Result<Tokenizer> Tokenizer::read(const Gguf& file) {
  auto vocabulary = Vocabulary::read(file);
  if (!vocabulary) return std::unexpected(vocabulary.error());
  return Tokenizer(std::make_shared<const Vocabulary>(std::move(*vocabulary)));
}

Result<std::vector<Token>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  if (const auto good = well_formed_length(text); good != text.size()) {
    return fail(ErrorCode::InvalidArgument,
                fmt::format("the text is not valid UTF-8: byte {} (0x{:02X}) fits no character", good,
                            static_cast<unsigned char>(text[good])));
  }
  std::vector<Token> tokens;
  if (const auto begin = vocabulary_->begin_of_sequence();
      begin && options.add_begin.value_or(vocabulary_->adds_begin())) {
    tokens.push_back(*begin);
  }
  bool space_pending = vocabulary_->adds_space_prefix();
  const auto flush = [&](std::string_view run) {
    if (run.empty()) return;
    std::string marked = space_pending ? std::string(kSpaceMark) : std::string();
    space_pending = false;
    marked += mark_spaces(run);
    merge_pieces(*vocabulary_, marked, tokens);
  };
  std::size_t run_start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto special = vocabulary_->special_prefix(text.substr(at), options.control_tokens);
    if (!special) {
      ++at;
      continue;
    }
    flush(text.substr(run_start, at - run_start));
    tokens.push_back(*special);
    at += vocabulary_->text(*special).size();
    run_start = at;
  }
  flush(text.substr(run_start));
  return tokens;
}

Result<std::string> Tokenizer::decode(std::span<const Token> tokens) const {
  TextStream stream(vocabulary_);
  std::string text;
  for (const auto token : tokens) {
    if (token >= vocabulary_->size()) {
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("token {} is outside the vocabulary of {}", token, vocabulary_->size()));
    }
    text += stream.push(token);
  }
  return text + stream.finish();
}

std::string TextStream::push(Token token) {
  if (token >= vocabulary_->size()) return {};
  switch (vocabulary_->kind(token)) {
    case TokenKind::Control:
      return {};
    case TokenKind::Unknown:
      held_ += kReplacement;
      break;
    case TokenKind::Byte:
      held_ += static_cast<char>(vocabulary_->byte_of(token));
      break;
    case TokenKind::UserDefined:
      held_ += vocabulary_->text(token);
      break;
    case TokenKind::Unused:
    case TokenKind::Normal: {
      auto text = unmark_spaces(vocabulary_->text(token));
      if (at_start_ && vocabulary_->adds_space_prefix() && text.starts_with(' ')) text.erase(0, 1);
      held_ += text;
      break;
    }
  }
  at_start_ = false;
  return release(false);
}

std::string TextStream::finish() { return release(true); }

std::string TextStream::release(bool all) {
  std::string out;
  std::string_view rest = held_;
  while (!rest.empty()) {
    const auto character = first_character(rest);
    if (character.state == Utf8State::Incomplete && !all) break;
    out += character.state == Utf8State::Whole ? rest.substr(0, character.length) : kReplacement;
    rest.remove_prefix(character.length);
  }
  held_.erase(0, held_.size() - rest.size());
  return out;
}

}  // namespace anymetal::model
