#include <metal_stdlib>
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

struct TopKParams {
  uint n;
  uint k;
};

// The k <= kMost largest elements so far, in the order of choice; what has not been chosen yet is -inf with index 0.
class Largest {
 public:
  static constexpr uint kMost = 128;

  explicit Largest(uint k) : k_(k) {
    for (uint i = 0; i < kSlots; i += 16) Wide::store(values_ + i, (WideF)-INFINITY), put(i, (WideU)0u);
  }
  // What an element must exceed; of equal values the earlier one stays.
  float least() const { return values_[k_ - 1]; }
  // Takes in an element that exceeds least().
  void insert(float value, uint index) {
    uint rank = 0;
    for (uint i = 0; i < k_; i += 16) rank += popcount(lane_bits(Wide::load(values_ + i) >= value));
    // Those from `rank` on move up by one.
    for (uint end = (k_ + 15) / 16 * 16; end > rank / 16 * 16; end -= 16) {
      const uint i = end - 16;
      const Int16 moves = lane_numbers() + int(i) >= int(rank);
      const WideF value_here = Wide::load(values_ + i), value_there = Wide::load(values_ + i + 1);
      const WideU index_here = get(i), index_there = get(i + 1);
      Wide::store(values_ + i + 1, moves ? value_here : value_there);
      put(i + 1, moves ? index_here : index_there);
    }
    values_[rank] = value;
    indices_[rank] = index;
  }
  float value(uint slot) const { return values_[slot]; }
  uint index(uint slot) const { return indices_[slot]; }

 private:
  static constexpr uint kSlots = kMost + 16;
  typedef uint UnalignedUint16 __attribute__((ext_vector_type(16), aligned(4)));
  WideU get(uint i) const { return *(thread const UnalignedUint16*)(indices_ + i); }
  void put(uint i, WideU v) { *(thread UnalignedUint16*)(indices_ + i) = v; }

  uint k_;
  float values_[kSlots];
  uint indices_[kSlots];
};

// The largest of n elements; whole vectors without any that exceeds the last of those chosen so far are passed over.
inline void choose_largest(device const float* x, uint n, thread Largest& largest) {
  float least = -INFINITY;
  const auto offer = [&](uint i) {
    if (!(x[i] > least)) return;
    largest.insert(x[i], i);
    least = largest.least();
  };
  constexpr uint kRun = 64;
  uint i = 0;
  for (; i + kRun <= n; i += kRun) {
    WideF v[kRun / 16];
    Int16 any = 0;
#pragma unroll
    for (uint j = 0; j < kRun / 16; ++j) v[j] = Wide::load(x + i + 16 * j), any |= v[j] > least;
    if (lane_bits(any != 0) == 0) continue;
    for (uint j = 0; j < kRun / 16; ++j) {
      for (uint bits = lane_bits(v[j] > least); bits != 0; bits &= bits - 1) offer(i + 16 * j + ctz(bits));
    }
  }
#pragma clang loop vectorize(disable) unroll(disable)
  for (; i < n; ++i) offer(i);
}

/// sampling/top_k.metal for a core that takes the row: nothing depends on the thread. Where k is above Largest::kMost the
/// elements chosen so far lie in threadgroup memory.
kernel void top_k_f32(device const float* x [[buffer(0)]],
                      device uint* out_indices [[buffer(1)]],
                      device float* out_values [[buffer(2)]],
                      constant TopKParams& p [[buffer(3)]],
                      threadgroup float* values [[threadgroup(0)]],
                      threadgroup uint* indices [[threadgroup(1)]]) {
  const uint n = p.n, k = p.k;
  if (k == 0) return;
  if (k <= Largest::kMost) {
    Largest largest(k);
    choose_largest(x, n, largest);
    for (uint slot = 0; slot < k; ++slot) out_values[slot] = largest.value(slot), out_indices[slot] = largest.index(slot);
    return;
  }
  uint count = 0;
  float least = -INFINITY;  // what an element must exceed; of equal values the earlier one stays
  const auto offer = [&](uint i) {
    const float value = x[i];
    if (!(value > least)) return;
    uint rank = count < k ? count++ : k - 1;
#pragma clang loop vectorize(disable) unroll(disable)
    for (; rank > 0 && value > values[rank - 1]; --rank) {
      values[rank] = values[rank - 1];
      indices[rank] = indices[rank - 1];
    }
    values[rank] = value;
    indices[rank] = i;
    if (count == k) least = values[k - 1];
  };
#pragma clang loop vectorize(disable) unroll(disable)
  for (uint i = 0; i < n; ++i) offer(i);
  for (uint slot = 0; slot < k; ++slot) {
    out_values[slot] = slot < count ? values[slot] : -INFINITY;
    out_indices[slot] = slot < count ? indices[slot] : 0;
  }
}
