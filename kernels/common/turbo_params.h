// What the forms of the attention over a TurboQuant cache share.
#pragma once
#include <metal_stdlib>

namespace anymetal {

struct TurboAttentionParams {
  uint n_heads;
  uint n_kv_heads;
  uint head_dim;  // unused: fixed by the name
  uint kv_seq_len;
  uint kv_capacity;
  float scale;
  uint mask_type;  // 0 and 1: all keys; 2: the last sliding_window ones
  uint sliding_window;
  float softcap;  // 0: none
  uint nwg;
  uint ring_start;
  float scale_factor_d512;
  uint codebook_bits;
  uint fuse_fwht_pre;
  uint nsg;
};
static_assert(sizeof(TurboAttentionParams) == 60, "layout");

// Which slots of a ring of `capacity` the query sees: those whose place in time is in [first, length).
struct Ring {
  uint start, capacity, first, length;

  bool sees(uint slot) const {
    const uint place = slot >= start ? slot - start : slot + (capacity - start);
    return slot < length && place >= first && place < length;
  }
};

// The ring as the query of these parameters sees it.
inline Ring seen_ring(constant TurboAttentionParams& p) {
  const uint capacity = p.kv_capacity, length = metal::min(p.kv_seq_len, capacity);
  const bool slides = p.mask_type == 2 && p.sliding_window > 0 && length > p.sliding_window;
  return {capacity > 0 ? p.ring_start % capacity : 0, capacity, slides ? length - p.sliding_window : 0, length};
}

}  // namespace anymetal
