// Choice of experts by their logits, by one core.
#pragma once
#include "cpu/row_softmax.h"

namespace anymetal {

// A float's bits as an integer in the order of the floats, but that -0 is below +0; and back.
template <class Bits>
Bits in_order(Bits bits) {
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

// Experts that are chosen among by keys, integers in the order of the logits.
struct ExpertKeys {
  static constexpr uint kMost = 512;
  static constexpr int kNone = int(0x80000000u);  // of NaN, of what was chosen and of the row's end
  alignas(64) int keys[kMost];

  template <class Logits>
  ExpertKeys(uint experts, Logits logits) {
    for_each_wide(experts, NAN, [&](uint i) { return Wide::load(logits + i); }, [&](uint i) { return logits[i]; },
                  [&](uint i, WideF value) {
                    const Int16 bits = value == 0.0f ? (Int16)0 : __builtin_bit_cast(Int16, value);  // -0 is +0
                    const Int16 key = in_order(bits);
                    *(thread Int16*)(keys + i) = value == value ? key : (Int16)kNone;
                  });
  }
  // Takes the largest of `experts` keys out, of equal ones the first; logit is what it stands for. False where none is left.
  bool take(uint experts, thread uint& expert, thread float& logit) {
    Int16 best = kNone;
    for (uint i = 0; i < experts; i += 16) best = __builtin_elementwise_max(best, *(thread const Int16*)(keys + i));
    const int top = __builtin_reduce_max(best);
    if (top == kNone) return false;
    // The first of them, without a branch that nobody can foresee.
    for (uint end = (experts + 15) / 16 * 16; end > 0; end -= 16) {
      const uint places = lane_bits(*(thread const Int16*)(keys + end - 16) == top);
      expert = places != 0 ? end - 16 + metal::ctz(places) : expert;
    }
    // A whole vector is written, as one is read next: what is written in part would have to leave for the cache first.
    thread Int16* of_chosen = (thread Int16*)(keys + expert / 16 * 16);
    const Int16 is_chosen = lane_numbers() == int(expert % 16);
    *of_chosen = is_chosen ? (Int16)kNone : *of_chosen;
    logit = metal::as_type<float>(in_order(top));
    return true;
  }
};

// The same for as many experts as registers hold keys.
template <uint kVectors>
struct RegisterKeys {
  static constexpr uint kMost = 16 * kVectors;
  static constexpr int kNone = ExpertKeys::kNone;
  Int16 keys[kVectors];

  // Of keys whose rest is kNone.
  explicit RegisterKeys(thread const int* from) {
#pragma unroll
    for (uint v = 0; v < kVectors; ++v) keys[v] = *(thread const Int16*)(from + 16 * v);
  }
  // Takes the largest out, of equal ones the first; false where none is left.
  bool take(thread uint& expert, thread float& logit) {
    Int16 top = keys[0];
#pragma unroll
    for (uint v = 1; v < kVectors; ++v) top = __builtin_elementwise_max(top, keys[v]);
    top = __builtin_elementwise_max(top, __builtin_shufflevector(top, top, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    top = __builtin_elementwise_max(top, __builtin_shufflevector(top, top, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
    top = __builtin_elementwise_max(top, __builtin_shufflevector(top, top, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
    top = __builtin_elementwise_max(top, __builtin_shufflevector(top, top, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
    ulong places[kVectors / 4] = {};
#pragma unroll
    for (uint v = 0; v < kVectors; ++v) {
      places[v / 4] |= ulong(lane_bits(keys[v] == top)) << v % 4 * 16;
    }
    uint count = 0;
    expert = 0;
#pragma unroll
    for (uint i = kVectors / 4; i-- > 0;) {
      expert = places[i] != 0 ? uint(64 * i + metal::ctz(places[i])) : expert;
      count += uint(metal::popcount(places[i]));
    }
    logit = metal::as_type<float>(in_order(int(top[0])));
    // The next round waits for this only: what is equal goes, or where there are several the first of them.
    if (count == 1) {
#pragma unroll
      for (uint v = 0; v < kVectors; ++v) keys[v] = keys[v] == top ? (Int16)kNone : keys[v];
    } else {
#pragma unroll
      for (uint v = 0; v < kVectors; ++v) keys[v] = lane_numbers() + int(16 * v) == int(expert) ? (Int16)kNone : keys[v];
    }
    return top[0] != kNone;
  }
};

}  // namespace anymetal
