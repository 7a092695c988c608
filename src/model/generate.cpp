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

  if (wanted > 1) model.prepare_decoding();
  auto start = Clock::now();
  auto logits = model.forward(prompt, options.on_prompt_logits);
  result.prefill_seconds = seconds_since(start);

  Sampler sampler(options.sampling);
  TextStream stream(tokenizer.vocabulary());
  start = Clock::now();
  while (logits && result.tokens.size() < options.max_tokens) {
    const auto token = sampler.next(*logits);
    if (!token) return std::unexpected(token.error());
    if (options.stop_at_end && tokenizer.vocabulary()->is_end(*token)) {
      result.stop = StopReason::EndOfSequence;
      break;
    }
    result.tokens.push_back(*token);
    const auto text = stream.push(*token);
    result.text += text;
    if (options.on_token) options.on_token(*token, text);
    if (result.tokens.size() == options.max_tokens) break;
    if (model.position() == model.context_limit()) {
      result.stop = StopReason::Context;
      break;
    }
    logits = model.forward(std::span(&*token, 1));
    if (logits) ++result.decode_steps;
  }
  result.decode_seconds = seconds_since(start);
  if (!logits && logits.error().code() != ErrorCode::Cancelled) return std::unexpected(logits.error());
  if (!logits) result.stop = StopReason::Cancelled;
  result.text += stream.finish();
  return result;
}

}  // namespace anymetal::model
