// Writing, coding and reading caches of keys and values: kernels/attention/kv_cache_*.metal, kernels/turboquant.
#include <algorithm>
#include <cstring>

#include "cases/plain/blocks.hpp"
#include "cases/turboquant.hpp"

namespace anymetal::cases::plain {
namespace {

using U16 = std::uint16_t;
using U32 = std::uint32_t;

template <class T>
void token_major(const Arguments& a) {
  const std::size_t start = a.value<U32>(2), row = a.value<U32>(3), tokens = a.value<U32>(4),
                    capacity = a.value<U32>(5);
  for (std::size_t t = 0; t < tokens; ++t) {
    const std::size_t slot = a.value<U32>(6) != 0 ? (start + t) % capacity : start + t;
    if (slot < capacity) std::memcpy(a.at<T>(1) + slot * row, a.at<T>(0) + t * row, row * sizeof(T));
  }
}

/// kSources: 1, or 2 for keys and values.
template <class S, class T, unsigned kSources, bool kMany>
void head_major(const Arguments& a) {
  const auto arg = [&](unsigned i) { return std::size_t{a.value<U32>(2 * kSources + i)}; };
  const std::size_t heads = arg(0), dim = arg(1), capacity = arg(2), start = arg(3);
  const std::size_t tokens = kMany ? arg(4) : 1, offset = kMany ? arg(5) : 0;
  for (unsigned source = 0; source < kSources; ++source) {
    for (std::size_t t = 0; t < tokens; ++t) {
      for (std::size_t h = 0; h < heads; ++h) {
        const S* from = a.at<S>(source) + ((offset + t) * heads + h) * dim;
        T* to = a.at<T>(kSources + source) + (h * capacity + (start + t) % capacity) * dim;
        for (std::size_t e = 0; e < dim; ++e) to[e] = T(float(from[e]));
      }
    }
  }
}

void to_q8_0(const Arguments& a) {
  const auto arg = [&](unsigned i) { return std::size_t{a.value<U32>(2 + i)}; };
  const std::size_t heads = arg(0), dim = arg(1), capacity = arg(2), start = arg(3), tokens = arg(4), offset = arg(5);
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t h = 0; h < heads; ++h) {
      const float* x = a.at<float>(0) + ((offset + t) * heads + h) * dim;
      Byte* block = a.at<Byte>(1) + (h * capacity + (start + t) % capacity) * (dim / 32) * Q8_0::kBytes;
      for (std::size_t i = 0; i < dim; i += 32, block += Q8_0::kBytes) {
        float peak = 0;
        for (std::size_t j = i; j < i + 32; ++j) peak = std::max(peak, std::fabs(x[j]));
        const float d = peak / 127, inverse = d != 0 ? 1 / d : 0;
        const auto held = Half(d);
        std::memcpy(block, &held, sizeof held);
        for (std::size_t j = 0; j < 32; ++j) {
          block[2 + j] = static_cast<Byte>(static_cast<signed char>(std::round(x[i + j] * inverse)));
        }
      }
    }
  }
}

void move_rows(const Arguments& a) {
  const auto arg = [&](unsigned i) { return std::size_t{a.value<U32>(i)}; };
  const std::size_t heads = arg(1), row = arg(2), capacity = arg(3), from = arg(4), to = arg(5);
  if (std::max(from, to) >= capacity) return;
  const std::size_t count = std::min(arg(6), capacity - std::max(from, to));
  for (std::size_t h = 0; h < heads; ++h) {
    U16* cache = a.at<U16>(0) + h * capacity * row;
    std::memmove(cache + to * row, cache + from * row, count * row * sizeof(U16));
  }
}

void transform(float* x, std::size_t dim) {
  for (std::size_t step = 1; step < dim; step *= 2) {
    for (std::size_t block = 0; block < dim; block += 2 * step) {
      for (std::size_t i = block; i < block + step; ++i) {
        const float low = x[i], high = x[i + step];
        x[i] = low + high, x[i + step] = low - high;
      }
    }
  }
  const float scale = 1 / std::sqrt(static_cast<float>(dim));
  for (std::size_t i = 0; i < dim; ++i) x[i] *= scale;
}
void flip(float* x, std::size_t dim) {
  for (std::size_t i = 0; i < dim; ++i) x[i] *= static_cast<float>(turbo_sign(i));
}
enum class Signs : std::uint8_t { None, First, Last };
template <std::size_t kDim, Signs kSigns>
void rotate(const Arguments& a) {
  for (std::size_t h = 0; h < a.elements(0) / kDim; ++h) {
    float* x = a.at<float>(0) + h * kDim;
    if (kSigns == Signs::First) flip(x, kDim);
    transform(x, kDim);
    if (kSigns == Signs::Last) flip(x, kDim);
  }
}

struct Centroids {
  Row<float> values;
  explicit Centroids(std::size_t bits) : values(std::size_t{1} << bits) {
    for (std::size_t c = 0; c < values.size(); ++c) values[c] = static_cast<float>(turbo_centroid(c, bits));
  }
  /// Codes lie between the means of neighbours.
  [[nodiscard]] std::size_t code_of(float v) const {
    std::size_t code = 0;
    for (std::size_t step = values.size() / 2; step > 0; step /= 2) {
      if (v > (values[code + step - 1] + values[code + step]) / 2) code += step;
    }
    return code;
  }
};

struct Quantize {
  U32 head_dim, heads, position, capacity, sliding;
  float scale;
  U32 option;
};
template <std::size_t kDim>
void quantize(const Quantize& p, const Centroids& table, const float* src, Byte* packed, float* norms, float* probe) {
  const std::size_t position = p.sliding != 0 ? p.position % p.capacity : p.position;
  if (position >= p.capacity) return;
  const bool nibbles = table.values.size() == 16;
  float x[kDim];
  for (std::size_t h = 0; h < p.heads; ++h) {
    const std::size_t row = h * p.capacity + position;
    std::copy_n(src + h * kDim, kDim, x);
    flip(x, kDim);
    transform(x, kDim);
    for (std::size_t b = 0; b < kDim / 256; ++b) {
      float* part = x + b * 256;
      const float squares = dot_product(part, part, 256), norm = std::sqrt(kDim == 256 ? squares : squares / 256);
      norms[row * (kDim / 256) + b] = norm;
      const float scale = (kDim == 256 ? 16 : p.scale) / norm;
      for (std::size_t i = 0; i < 256; ++i) part[i] = norm <= 1e-10f ? 0 : part[i] * scale;
    }
    for (std::size_t i = 0; i < kDim; i += 2) {
      const std::size_t low = table.code_of(x[i]), high = table.code_of(x[i + 1]);
      if (nibbles) {
        packed[row * kDim / 2 + i / 2] = static_cast<Byte>(low | high << 4);
      } else {
        packed[row * kDim + i] = static_cast<Byte>(low);
        packed[row * kDim + i + 1] = static_cast<Byte>(high);
      }
    }
    if (probe != nullptr) std::copy_n(x, kDim, probe + h * kDim);
  }
}
template <std::size_t kDim>
void quantize_nibbles(const Arguments& a) {
  const auto p = a.value<Quantize>(3);
  quantize<kDim>(p, Centroids(4), a.at<float>(0), a.at<Byte>(1), a.at<float>(2),
                 p.option != 0 ? a.at<float>(4) : nullptr);
}
template <std::size_t kDim, unsigned kSources>
void quantize_bytes(const Arguments& a) {
  const auto p = a.value<Quantize>(3 * kSources);
  const Centroids table(p.option == 5 || p.option == 6 ? p.option : 8);
  for (unsigned i = 0; i < kSources; ++i) {
    quantize<kDim>(p, table, a.at<float>(i), a.at<Byte>(kSources + i), a.at<float>(2 * kSources + i), nullptr);
  }
}

struct Read {
  U32 dim, heads, start, tokens, capacity, norms;
  float scale;
  U32 bits;
};
void read(const Arguments& a, const Read& p, std::size_t bits) {
  const Centroids table(bits);
  const std::size_t dim = p.dim, bytes = bits == 4 ? dim / 2 : dim;
  for (std::size_t row = 0; row < std::size_t{p.heads} * p.tokens; ++row) {
    const std::size_t at = row / p.tokens * p.capacity + p.start + row % p.tokens;
    const Byte* codes = a.at<Byte>(0) + at * bytes;
    float* out = a.at<float>(2) + row * dim;
    if (p.start + row % p.tokens >= p.capacity) {
      std::fill_n(out, dim, 0.0f);
      continue;
    }
    for (std::size_t d = 0; d < dim; ++d) {
      const std::size_t code = bits == 4 ? codes[d / 2] >> d % 2 * 4 & 15 : codes[d] & (table.values.size() - 1);
      const float norm = a.at<float>(1)[at * p.norms + (dim > 256 ? std::min<std::size_t>(d / 256, p.norms - 1) : 0)];
      out[d] = table.values[code] * (dim <= 256 ? norm / std::sqrt(static_cast<float>(dim)) : norm / p.scale);
    }
  }
}
void read_position(const Arguments& a, bool bytes) {
  struct Params {
    U32 dim, heads, position, capacity, norms;
    float scale;
    U32 bits;
  };
  Params p = {};
  std::memcpy(&p, a.at<Byte>(3), bytes ? 28 : 24);
  read(a, {p.dim, p.heads, p.position, 1, p.capacity, p.norms, p.scale, 0},
       !bytes                       ? 4
       : p.bits == 5 || p.bits == 6 ? p.bits
                                    : 8);
}
void read_nibbles(const Arguments& a) { read_position(a, false); }
void read_bytes(const Arguments& a) { read_position(a, true); }
void read_range(const Arguments& a) {
  const auto p = a.value<Read>(3);
  read(a, p, p.bits == 5 || p.bits == 6 ? p.bits : 8);
}

}  // namespace

void caches_loops(LoopList& list) {
  list.add("kv_cache_copy", token_major<U16>);
  list.add("kv_cache_copy_f32", token_major<float>);
  list.add("kv_cache_copy_batch_f32", head_major<float, float, 1, false>);
  list.add("kv_cache_copy_batch_f32_to_f16", head_major<float, Half, 1, false>);
  list.add("kv_cache_copy_batch_f32_kv_dual", head_major<float, float, 2, false>);
  list.add("kv_cache_copy_batch_f32_to_f16_kv_dual", head_major<float, Half, 2, false>);
  list.add("kv_cache_copy_seq_f32", head_major<float, float, 1, true>);
  list.add("kv_cache_copy_seq_f32_to_f16", head_major<float, Half, 1, true>);
  list.add("kv_cache_copy_seq_f32_to_bf16", head_major<float, Bfloat, 1, true>);
  list.add("kv_cache_copy_seq_bf16", head_major<Bfloat, float, 1, true>);
  list.add("kv_cache_copy_seq_f32_kv_dual", head_major<float, float, 2, true>);
  list.add("kv_cache_copy_seq_f32_to_f16_kv_dual", head_major<float, Half, 2, true>);
  list.add("kv_cache_copy_seq_f32_to_q8_0", to_q8_0);
  list.add("kv_cache_move", move_rows);
  list.add("fwht_standalone_f32_d256", rotate<256, Signs::None>);
  list.add("fwht_standalone_f32_d512", rotate<512, Signs::None>);
  list.add("fwht_sign_premult_f32_d256", rotate<256, Signs::First>);
  list.add("fwht_sign_premult_f32_d512", rotate<512, Signs::First>);
  list.add("fwht_sign_undo_f32_d256", rotate<256, Signs::Last>);
  list.add("fwht_sign_undo_f32_d512", rotate<512, Signs::Last>);
  list.add("hadamard_quantize_kv_fast_d256", quantize_nibbles<256>);
  list.add("hadamard_quantize_kv_fast_d512", quantize_nibbles<512>);
  list.add("hadamard_quantize_kv_hb_d256", quantize_bytes<256, 1>);
  list.add("hadamard_quantize_kv_hb_d512", quantize_bytes<512, 1>);
  list.add("hadamard_quantize_kv_hb_dual_d256", quantize_bytes<256, 2>);
  list.add("hadamard_quantize_kv_hb_dual_d512", quantize_bytes<512, 2>);
  list.add("tq_dequantize_kv", read_nibbles);
  list.add("tq_dequantize_hb_kv", read_bytes);
  list.add("tq_dequantize_hb_kv_seq", read_range);
}

}  // namespace anymetal::cases::plain
