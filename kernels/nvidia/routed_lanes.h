// A token's experts chosen by a simdgroup that keeps the logits in registers, for NVIDIA GPUs.
#pragma once
#include "common/softmax.h"

namespace anymetal {

constant constexpr uint kRoutedExperts = 256;

// What lane `slot` has of the choice; the sum is that of all k probabilities.
struct RoutedLane {
  uint id;
  float probability, sum;
};

// Larger for larger values, both zeros being one; 0 for NaN, which is never chosen, and for nothing else.
inline uint choice_key(float value) {
  uint bits = as_type<uint>(value);
  if (bits << 1 == 0) bits = 0;
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0;
  return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

inline float value_of_key(uint key) { return as_type<float>(key >> 31 != 0 ? key & 0x7fffffffu : ~key); }

// Of 32 * kOwned experts at most.
template <uint kOwned>
RoutedLane route_lanes(device const float* logits, uint experts, uint k, uint lane) {
  float own[kOwned], top = -INFINITY, sum = 0.0f;
#pragma unroll
  for (uint i = 0; i < kOwned; ++i) own[i] = logits[metal::min(lane + 32 * i, experts - 1)];
#pragma unroll
  for (uint i = 0; i < kOwned; ++i) {
    if (lane + 32 * i >= experts) own[i] = -INFINITY;
    top = metal::max(top, own[i]);
  }
  top = metal::simd_max(top);
  uint keys[kOwned];
#pragma unroll
  for (uint i = 0; i < kOwned; ++i) {
    const bool there = lane + 32 * i < experts;
    sum += there ? metal::exp(own[i] - top) : 0.0f;
    keys[i] = there ? choice_key(own[i]) : 0;
  }
  const SoftmaxScale scale = {top, 1.0f / metal::simd_sum(sum)};
  const bool defined = scale.inverse_sum > 0.0f;
  RoutedLane routed = {0, 0.0f, 0.0f};
  uint best = 0, place = 0;  // of this lane
  const auto find_best = [&] {
    best = keys[0], place = 0;
#pragma unroll
    for (uint i = 1; i < kOwned; ++i) {
      if (keys[i] > best) best = keys[i], place = i;
    }
  };
  find_best();
  for (uint slot = 0; slot < k; ++slot) {
    const uint largest = metal::simd_max(best), expert = metal::simd_min(best == largest ? lane + 32 * place : ~0u);
    const float probability = defined && largest != 0 ? scale(value_of_key(largest)) : 0.0f;
    routed.sum += probability;
    if (lane == slot) {
      routed.id = defined && largest != 0 ? expert : 0u;
      routed.probability = probability;
    }
    if (lane == expert % 32) {  // it is gone
#pragma unroll
      for (uint i = 0; i < kOwned; ++i) {
        if (i == place) keys[i] = 0;
      }
      find_best();
    }
  }
  return routed;
}

// route for at most kRoutedExperts experts, of which k <= 32 are chosen. All 32 lanes must call.
inline RoutedLane route_in_registers(device const float* logits, uint experts, uint k, uint lane) {
  return experts <= 128 ? route_lanes<4>(logits, experts, k, lane) : route_lanes<8>(logits, experts, k, lane);
}

}  // namespace anymetal
