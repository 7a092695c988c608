// Causal attention of 32 queries of a head by one simdgroup of an NVIDIA GPU: four queries and eight keys at a time. A lane owns
// kDim / 32 neighbouring elements of every row, so that a row is one run of memory, and the score of one query and key.
#pragma once
#include "common/chunk_attention.h"
#include "nvidia/vec_attention.h"

namespace anymetal {

// Neighbouring elements as floats; with kAligned they lie at a multiple of their size together, or of 16 bytes.
template <bool kAligned, uint kCount>
void load_floats(thread float (&to)[kCount], device const float* p) {
  constexpr uint kStep = !kAligned ? 1 : kCount % 4 == 0 ? 4 : 2;
  for (uint i = 0; i < kCount; i += kStep) {
    const metal::vec<float, kStep> v = *(device const metal::vec<float, kStep>*)(p + i);
    for (uint e = 0; e < kStep; ++e) to[i + e] = v[e];
  }
}
// The words of pairs of 16-bit elements.
template <bool kAligned, uint kPairs, class T>
void load_pairs(thread uint (&to)[kPairs], device const T* p) {
  if (!kAligned) {
    for (uint i = 0; i < kPairs; ++i) {
      to[i] = uint(metal::as_type<ushort>(p[2 * i])) | uint(metal::as_type<ushort>(p[2 * i + 1])) << 16;
    }
    return;
  }
  constexpr uint kStep = kPairs % 4 == 0 ? 4 : kPairs % 2 == 0 ? 2 : 1;
  for (uint i = 0; i < kPairs; i += kStep) {
    const metal::vec<uint, kStep> v = *(device const metal::vec<uint, kStep>*)(p + 2 * i);
    for (uint e = 0; e < kStep; ++e) to[i + e] = v[e];
  }
}
template <bool kAligned, uint kCount>
void load_floats(thread float (&to)[kCount], device const bfloat* p) {
  uint pairs[kCount / 2];
  load_pairs<kAligned>(pairs, p);
  for (uint i = 0; i < kCount; i += 2) {
    to[i] = metal::as_type<float>(pairs[i / 2] << 16);
    to[i + 1] = metal::as_type<float>(pairs[i / 2] & 0xffff0000u);
  }
}
template <bool kAligned, uint kCount>
void load_floats(thread float (&to)[kCount], device const half* p) {
  uint pairs[kCount / 2];
  load_pairs<kAligned>(pairs, p);
  for (uint i = 0; i < kCount; i += 2) {
    const metal::half2 pair = metal::as_type<metal::half2>(pairs[i / 2]);
    to[i] = float(pair.x);
    to[i + 1] = float(pair.y);
  }
}

// Where the rows of a head are and what each query sees of them.
template <class T>
struct CausalHead {
  device const T* queries;
  device const T* keys;
  device const T* values;
  device T* out;
  uint query_count, key_count, capacity;
  uint back;  // how many keys before its own a query sees
  float scale;

  uint own_end(uint query) const {
    const ulong after = ulong(key_count) + query + 1;
    return after > query_count ? uint(after - query_count) : 0;
  }
  uint begin(uint query) const {
    const uint end = own_end(query);
    return end > back ? end - 1 - back : 0;
  }
  uint end(uint query) const { return metal::min(own_end(query), capacity); }
};

// Rows of keys or values, `stride` elements apart.
template <class T, bool kAligned>
struct StridedRows {
  device const T* base;
  long stride;
  template <uint kCount>
  void load(thread float (&to)[kCount], uint row, uint lane) const {
    load_floats<kAligned>(to, base + long(row) * stride + lane * kCount);
  }
};

// The softmax is of base 2.
template <int kDim>
struct QueryBlock {
  static constexpr uint kOwned = kDim / 32, kQueries = 4, kKeys = 8;

  float query[kQueries][kOwned];
  float out[kQueries][kOwned] = {};  // not normalised
  float top = kLowest, sum = 0.0f;   // of the lane's query, lane / 8; the sum of its own weights

  // Products with keys `key` .. key + 7, the lane's one; rows past the last repeat it.
  template <class Rows>
  float score(Rows keys, uint key, uint last, uint lane) const {
    float parts[32];
    for (uint j = 0; j < kKeys; ++j) {
      float row[kOwned];
      keys.load(row, metal::min(key + j, last), lane);
      for (uint q = 0; q < kQueries; ++q) {
        float part = query[q][0] * row[0];
        for (uint i = 1; i < kOwned; ++i) part = metal::fma(query[q][i], row[i], part);  // in this order, whatever the loads are
        parts[q * kKeys + j] = part;
      }
    }
    return spread_sums(parts, lane);
  }

  // Takes in these keys; `score` is the lane's, -inf where its query does not see its key.
  template <class Rows>
  void add(float score, Rows values, uint key, uint last, uint lane) {
    float highest = metal::max(top, score);
    for (ushort distance = 1; distance < kKeys; distance *= 2) highest = metal::max(highest, metal::simd_shuffle_xor(highest, distance));
    const float rescale = metal::exp2(top - highest), weight = metal::exp2(score - highest);
    top = highest;
    sum = sum * rescale + weight;
    for (uint q = 0; q < kQueries; ++q) {
      const float by = metal::simd_shuffle(rescale, ushort(q * kKeys));
      for (uint i = 0; i < kOwned; ++i) out[q][i] *= by;
    }
    for (uint j = 0; j < kKeys; ++j) {
      float row[kOwned];
      values.load(row, metal::min(key + j, last), lane);
      for (uint q = 0; q < kQueries; ++q) {
        const float w = metal::simd_shuffle(weight, ushort(q * kKeys + j));
        if (w == 0.0f) continue;  // a value the query does not see may be anything
        for (uint i = 0; i < kOwned; ++i) out[q][i] = metal::fma(w, row[i], out[q][i]);
      }
    }
  }

  // What the outputs of the lane's query are multiplied by; 0 where it saw no key.
  float factor() const {
    float total = sum;
    for (ushort distance = 1; distance < kKeys; distance *= 2) total += metal::simd_shuffle_xor(total, distance);
    return total > 0.0f ? 1.0f / total : 0.0f;
  }

  // The lane's elements of query q, if it is there; `factor` is the lane's.
  template <class T>
  void store(device T* row, uint q, float factor, bool is_there, uint lane) const {
    const float by = metal::simd_shuffle(factor, ushort(q * kKeys));
    if (!is_there) return;
    for (uint i = 0; i < kOwned; ++i) row[lane * kOwned + i] = T(out[q][i] * by);
  }
};

// The block's queries, from `first` on, times `scale`; of a 16-bit type both rounded to it. Rows past the last repeat it.
template <bool kAligned, int kDim, class T>
void load_scaled_queries(thread QueryBlock<kDim>& block, StridedRows<T, kAligned> queries, int first, int last, float scale, uint lane) {
  for (int i = 0; i < int(QueryBlock<kDim>::kQueries); ++i) {
    queries.load(block.query[i], uint(metal::min(first + i, last)), lane);
    for (uint e = 0; e < QueryBlock<kDim>::kOwned; ++e) {
      thread float& x = block.query[i][e];
      x = metal::is_same_v<T, float> ? x * scale : float(T(x * float(T(scale))));
    }
  }
}

// Queries [first, first + 32) of the head, as far as there are so many. The whole simdgroup must call.
template <int kDim, bool kAligned, class T>
void attend_queries(CausalHead<T> head, uint first, uint lane) {
  typedef QueryBlock<kDim> Block;
  const StridedRows<T, kAligned> queries = {head.queries, kDim}, keys = {head.keys, kDim}, values = {head.values, kDim};
  const uint queries_end = metal::min(head.query_count, first + 32), last_query = queries_end - 1;
  for (uint at = first; at < queries_end; at += Block::kQueries) {
    Block block;
    for (uint q = 0; q < Block::kQueries; ++q) queries.load(block.query[q], metal::min(at + q, last_query), lane);
    const uint own = metal::min(at + lane / Block::kKeys, last_query), begin = head.begin(own), end = head.end(own);
    const uint last_end = head.end(metal::min(at + Block::kQueries - 1, last_query));
    for (uint key = head.begin(at); key < last_end; key += Block::kKeys) {
      const float found = block.score(keys, key, last_end - 1, lane) * (head.scale * 1.44269504089f);
      const uint own_key = key + lane % Block::kKeys;
      block.add(own_key >= begin && own_key < end ? found : -INFINITY, values, key, last_end - 1, lane);
    }
    const float factor = block.factor();
    for (uint q = 0; q < Block::kQueries; ++q) block.store(head.out + ulong(at + q) * kDim, q, factor, at + q <= last_query, lane);
  }
}

// Calls attend.run<dim, aligned>() for the head sizes there is a form for; false for any other.
template <class Attend>
bool attend_of(uint dim, bool aligned, Attend attend) {
  if (dim == 64) {
    aligned ? attend.template run<64, true>() : attend.template run<64, false>();
  } else if (dim == 128) {
    aligned ? attend.template run<128, true>() : attend.template run<128, false>();
  } else if (dim == 256) {
    aligned ? attend.template run<256, true>() : attend.template run<256, false>();
  } else {
    return false;
  }
  return true;
}

template <class T>
struct AttendQueries {
  CausalHead<T> head;
  uint first, lane;
  template <int kDim, bool kAligned>
  void run() const { attend_queries<kDim, kAligned>(head, first, lane); }
};

template <class T>
bool attend_queries_of(uint dim, CausalHead<T> head, uint first, uint lane) {
  const bool aligned = (((ulong)head.queries | (ulong)head.keys | (ulong)head.values) & 15) == 0;
  return attend_of(dim, aligned, AttendQueries<T>{head, first, lane});
}

}  // namespace anymetal
