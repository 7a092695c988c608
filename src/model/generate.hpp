#pragma once
/// \file
/// Text generation: a prompt, then one token after another.

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/gemma3.hpp"
#include "model/sampler.hpp"
#include "model/tokenizer.hpp"

namespace anymetal::model {

/// Why a generation ended.
enum class StopReason : std::uint8_t {
  Length,         ///< as many tokens as asked for
  EndOfSequence,  ///< the model said it is done
  Context,        ///< the context is full
  Cancelled,      ///< the caller asked to stop
};
std::string_view to_string(StopReason reason);

struct GenerateOptions {
  std::size_t max_tokens = 128;
  SamplingOptions sampling = {};
  bool stop_at_end = true;  ///< false goes on past end-of-sequence, for measurements
  const std::atomic<bool>* cancellation = nullptr;
  /// Called for each token with the text it completes (often empty for part of a character).
  std::function<void(Token token, std::string_view text)> on_token = {};
  /// Where set, receives the logits after every prompt token.
  Gemma3::LogitsSink on_prompt_logits = {};
};

/// What came out. An end-of-sequence token is not among `tokens`.
struct Generation {
  std::vector<Token> prompt_tokens;
  std::vector<Token> tokens;
  std::string text;
  StopReason stop = StopReason::Length;
  double prefill_seconds = 0.0;  ///< from the prompt to the token that follows it
  double decode_seconds = 0.0;   ///< of the `decode_steps` tokens after that
  std::size_t decode_steps = 0;

  [[nodiscard]] double prefill_tokens_per_second() const;
  [[nodiscard]] double decode_tokens_per_second() const;  ///< 0 where nothing was decoded
};

/// Starts a new text from `prompt`. InvalidArgument for an empty prompt, tokens outside the vocabulary, options out of
/// range, or a prompt that leaves no room in the context. Being cancelled is no error: it gives what there is so far.
Result<Generation> generate(Gemma3& model, const Tokenizer& tokenizer, std::span<const Token> prompt,
                            const GenerateOptions& options = {});

}  // namespace anymetal::model
