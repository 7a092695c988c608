#include "model/generate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace anymetal::model {

namespace {

constexpr std::size_t kReservedAhead = 1024;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double rate(std::size_t count, double seconds) { return seconds > 0.0 ? static_cast<double>(count) / seconds : 0.0; }

/// Sets the model's cancellation flag for the length of one generation.
class CancellationScope {
 public:
  CancellationScope(Gemma3& model, const std::atomic<bool>* flag) : model_(model) { model_.set_cancellation(flag); }
  ~CancellationScope() { model_.set_cancellation(nullptr); }
  CancellationScope(const CancellationScope&) = delete;
  CancellationScope& operator=(const CancellationScope&) = delete;

 private:
  Gemma3& model_;
};

}  // namespace

std::string_view to_string(StopReason reason) {
  switch (reason) {
    case StopReason::Length:
      return "length";
    case StopReason::EndOfSequence:
      return "end_of_sequence";
    case StopReason::Context:
      return "context";
    case StopReason::Cancelled:
      return "cancelled";
  }
  return "unknown";
}

double Generation::prefill_tokens_per_second() const { return rate(prompt_tokens.size(), prefill_seconds); }
double Generation::decode_tokens_per_second() const { return rate(decode_steps, decode_seconds); }

Result<Generation> generate(Gemma3& model, const Tokenizer& tokenizer, std::span<const Token> prompt,
                            const GenerateOptions& options) {
  if (auto done = check(options.sampling); !done) return std::unexpected(done.error());
  if (prompt.size() > model.context_limit()) {
    return fail(ErrorCode::InvalidArgument,
                fmt::format("the prompt has {} tokens, more than the context of {} can take", prompt.size(),
                            model.context_limit()));
  }
  Generation result;
  result.prompt_tokens.assign(prompt.begin(), prompt.end());
  const CancellationScope scope(model, options.cancellation);
  model.rewind();
  // Room for a usual answer at once; a very long one grows the cache on its way.
  const auto wanted = std::min({options.max_tokens, kReservedAhead, model.context_limit() - prompt.size()});
  if (auto done = model.reserve(prompt.size() + wanted); !done) return std::unexpected(done.error());

  model.prepare_ahead(prompt.size(), wanted > 1);
  Sampler sampler(options.sampling);
  // The likeliest token is the model's to find: on a GPU it stays there, and the next pass starts with it at once.
  const auto following = [&](std::span<const Token> tokens) -> Result<Token> {
    const bool more = result.tokens.size() + 1 < options.max_tokens;
    if (is_greedy(options.sampling)) return model.next_token(tokens, more ? Gemma3::Next::Likely : Gemma3::Next::Unknown);
    const auto logits = model.forward(tokens);
    if (!logits) return std::unexpected(logits.error());
    return sampler.next(*logits);
  };
  const auto first = [&]() -> Result<Token> {
    if (!options.on_prompt_logits) return following(prompt);
    const auto logits = model.forward(prompt, options.on_prompt_logits);
    if (!logits) return std::unexpected(logits.error());
    return sampler.next(*logits);
  };
  auto start = Clock::now();
  auto token = first();
  result.prefill_seconds = seconds_since(start);

  TextStream stream(tokenizer.vocabulary());
  start = Clock::now();
  while (token && result.tokens.size() < options.max_tokens) {
    const Token chosen = *token;
    if (options.stop_at_end && tokenizer.vocabulary()->is_end(chosen)) {
      result.stop = StopReason::EndOfSequence;
      break;
    }
    result.tokens.push_back(chosen);
    const auto text = stream.push(chosen);
    result.text += text;
    if (options.on_token) options.on_token(chosen, text);
    if (result.tokens.size() == options.max_tokens) break;
    if (model.position() == model.context_limit()) {
      result.stop = StopReason::Context;
      break;
    }
    token = following(std::span(&chosen, 1));
    if (token) ++result.decode_steps;
  }
  result.decode_seconds = seconds_since(start);
  if (!token && token.error().code() != ErrorCode::Cancelled) return std::unexpected(token.error());
  if (!token) result.stop = StopReason::Cancelled;
  result.text += stream.finish();
  return result;
}

}  // namespace anymetal::model
