// Choosing a token's experts.
#pragma once
#include "common/softmax.h"
#include "common/top_k.h"

namespace anymetal {

// Lane 0 runs note(slot, expert, logit) for the k experts of largest logit, of equal ones the lowest first; the logits are
// -inf where no expert is left, and the expert is 0. `team` is one simdgroup.
template <class Logit, class Note>
void choose_experts(uint experts, uint k, Team team, Logit logit, Note note) {
  Candidate last = kBeforeAll;
  for (uint slot = 0; slot < k; ++slot) {
    last = simd_next_largest(experts, last, team.lane, team.size, logit);
    if (team.lane == 0) note(slot, last.index == kAfterAll.index ? 0u : uint(last.index), last.value);
  }
}

// Experts of one token and their probabilities softmax(logits): 0 and 0 where softmax is undefined or no expert is left.
// Returns the sum of the k probabilities on lane 0, which alone writes. `team` is one simdgroup.
inline float route(device const float* logits, uint experts, uint k, Team team, device uint* ids,
                   device float* probabilities) {
  const auto logit = [&](uint e) { return logits[e]; };
  const SoftmaxScale scale = softmax_scale(experts, (threadgroup float*)nullptr, team, logit);
  const bool defined = scale.inverse_sum > 0.0f;
  float chosen = 0.0f;
  choose_experts(experts, k, team, logit, [&](uint slot, uint expert, float value) {
    ids[slot] = defined ? expert : 0;
    chosen += probabilities[slot] = defined ? scale(value) : 0.0f;
  });
  return chosen;
}

#if ANYMETAL_NVIDIA
// use(token, team) for the tokens below `tokens` of a threadgroup, four of which one does, by a simdgroup each.
template <class Use>
void for_token(uint group, uint tokens, Team team, Use use) {
  constexpr uint kEach = 4;
  nvidia::take_every_threadgroup<kEach>();
  if (group % kEach != 0) return;
  for (uint t = group + team.simdgroup; t < metal::min(group + kEach, tokens); t += (team.size + 31) / 32) use(t, own_simdgroup(team));
}
#else
// use(token, team) for the threadgroup's token, by its first simdgroup.
template <class Use>
void for_token(uint group, uint tokens, Team team, Use use) {
  if (team.simdgroup == 0 && group < tokens) use(group, own_simdgroup(team));
}
#endif

}  // namespace anymetal
