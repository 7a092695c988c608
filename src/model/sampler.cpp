#include "model/sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace anymetal::model {

Result<void> check(const SamplingOptions& options) {
  const auto refuse = [](const char* name, float value, const char* range) {
    return fail(ErrorCode::InvalidArgument, fmt::format("{} is {}, outside {}", name, value, range));
  };
  // Written so that NaN is refused too.
  if (!(options.temperature >= 0.0F) || std::isinf(options.temperature)) {
    return refuse("temperature", options.temperature, "0 and above");
  }
  if (!(options.top_p > 0.0F && options.top_p <= 1.0F)) return refuse("top_p", options.top_p, "(0, 1]");
  if (!(options.min_p >= 0.0F && options.min_p <= 1.0F)) return refuse("min_p", options.min_p, "[0, 1]");
  return {};
}

Token likeliest(std::span<const float> logits) {
  // The largest one first, in columns that are vectors to the compiler; where it stands is found in a second look.
  constexpr std::size_t kColumns = 32;
  std::array<float, kColumns> largest;
  largest.fill(-std::numeric_limits<float>::infinity());
  const auto keep = [&](std::size_t column, float logit) {
    largest[column] = logit > largest[column] ? logit : largest[column];
  };
  const std::size_t whole = logits.size() / kColumns * kColumns;
  for (std::size_t i = 0; i < whole; i += kColumns) {
    for (std::size_t column = 0; column < kColumns; ++column) keep(column, logits[i + column]);
  }
  for (std::size_t i = whole; i < logits.size(); ++i) keep(i - whole, logits[i]);
  return static_cast<Token>(std::ranges::find(logits, std::ranges::max(largest)) - logits.begin());
}

Result<Token> Sampler::next(std::span<const float> logits) {
  const Token best = likeliest(logits);
  if (best == logits.size()) return fail(ErrorCode::InvalidArgument, "the logits hold no number to choose by");
  // With an infinite logit every difference to it is infinite or NaN: it simply wins.
  if (is_greedy(options_) || std::isinf(logits[best])) return best;
  weigh(logits, logits[best]);
  keep_top_k();
  keep_top_p();
  std::erase_if(candidates_, [this](const Candidate& c) { return c.weight < static_cast<double>(options_.min_p); });
  return draw();
}

bool Sampler::is_likelier(const Candidate& a, const Candidate& b) {
  return a.weight > b.weight || (a.weight == b.weight && a.token < b.token);
}

void Sampler::weigh(std::span<const float> logits, float top) {
  const double scale = 1.0 / static_cast<double>(options_.temperature);
  candidates_.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i])) continue;
    const double distance = static_cast<double>(logits[i]) - static_cast<double>(top);
    // The likeliest weighs 1 even at a temperature so small that the scale overflows.
    candidates_.push_back({static_cast<Token>(i), distance == 0.0 ? 1.0 : std::exp(distance * scale)});
  }
}

void Sampler::keep_top_k() {
  if (options_.top_k == 0 || options_.top_k >= candidates_.size()) return;
  const auto end = candidates_.begin() + options_.top_k;
  // Sorted, since the order decides what a random number means.
  std::partial_sort(candidates_.begin(), end, candidates_.end(), is_likelier);
  candidates_.erase(end, candidates_.end());
}

void Sampler::keep_top_p() {
  if (options_.top_p >= 1.0F) return;
  double total = 0.0;
  for (const auto& candidate : candidates_) total += candidate.weight;
  // A heap hands out the few likeliest without sorting the whole vocabulary.
  const auto is_less_likely = [](const Candidate& a, const Candidate& b) { return is_likelier(b, a); };
  std::ranges::make_heap(candidates_, is_less_likely);
  auto end = candidates_.end();
  double mass = 0.0;
  do {
    std::pop_heap(candidates_.begin(), end, is_less_likely);
    mass += (--end)->weight;
  } while (end != candidates_.begin() && mass < static_cast<double>(options_.top_p) * total);
  candidates_.erase(candidates_.begin(), end);
}

Token Sampler::draw() {
  double total = 0.0;
  for (const auto& candidate : candidates_) total += candidate.weight;
  // 53 random bits in [0, 1): std::uniform_real_distribution differs between standard libraries.
  double left = static_cast<double>(random_() >> 11) * 0x1p-53 * total;
  for (const auto& candidate : candidates_) {
    left -= candidate.weight;
    if (left < 0.0) return candidate.token;
  }
  return candidates_.back().token;
}

}  // namespace anymetal::model
