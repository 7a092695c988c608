// Attention of one query over a TurboQuant cache: kernels/attention/flash_attn_vec_tq_hb.metal.
#include <fmt/format.h>

#include <array>
#include <limits>

#include "cases/attention_reference.hpp"
#include "cases/case_list.hpp"
#include "cases/turboquant.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr std::uint32_t u32(std::size_t v) { return static_cast<std::uint32_t>(v); }

struct Params {
  std::uint32_t n_heads, n_kv_heads, head_dim, kv_seq_len, kv_capacity;
  float scale;
  std::uint32_t mask_type, sliding_window;
  float softcap;
  std::uint32_t nwg, ring_start;
  float scale_factor;
  std::uint32_t codebook_bits, fuse_fwht_pre, nsg;
};
static_assert(sizeof(Params) == 60);

struct Extents {
  std::size_t heads, kv_heads, keys, capacity;
};
struct Options {
  std::uint32_t mask_type = 1;
  std::size_t window = 0, ring_start = 0;
  std::size_t parts = 1, simdgroups = 1;
  bool rotate = false;
  double scale_factor = 1;
  double deviation = 2;      ///< of the query
  std::size_t overhang = 0;  ///< heads and parts of the grid that are none
  double softcap = 0;
  Purpose purpose = Purpose::Test;
};
struct Setup : Extents, Options {
  /// Whether the query sees slot `slot`.
  [[nodiscard]] bool sees(std::size_t slot) const {
    const std::size_t place = (slot + capacity - ring_start) % capacity;
    const std::size_t first = mask_type == 2 && window > 0 && keys > window ? keys - window : 0;
    return slot < keys && place >= first && place < keys;
  }
  [[nodiscard]] std::size_t kv_head(std::size_t head) const { return head / (heads / kv_heads); }
};

/// A cache of random codes, and the values they stand for. Codes have bits above their width too; what the query does
/// not see has no valid norm.
Values cache(Problem& p, unsigned index, std::size_t dim, std::size_t bits, const Setup& s) {
  const std::size_t blocks = dim / kTurboBlock, rows = s.kv_heads * s.capacity;
  const Values codes = p.input(index, DType::U8, rows * dim, integers(0, 255));
  Values norms(rows * blocks);
  const Fill fill = blocks == 1 ? uniform(10, 20) : uniform(0.6 * s.scale_factor, 1.3 * s.scale_factor);
  for (std::size_t i = 0; i < norms.size(); ++i) {
    norms[i] = s.sees(i / blocks % s.capacity) ? fill(p.random(), i) : std::numeric_limits<double>::quiet_NaN();
  }
  norms = p.input(index + 1, DType::F32, norms);
  Values values;
  for (std::size_t row = 0; row < rows; ++row) {
    const Values y = turbo_decode(std::span(codes).subspan(row * dim, dim),
                                  std::span(norms).subspan(row * blocks, blocks), bits, s.scale_factor);
    values.insert(values.end(), y.begin(), y.end());
  }
  return values;
}

void build(Problem& p, std::size_t dim, std::uint32_t bits, const Setup& s) {
  const float scale = 1.0f / 16;
  p.value(0, Params{u32(s.heads), u32(s.kv_heads), u32(dim), u32(s.keys), u32(s.capacity), scale, s.mask_type,
                    u32(s.window), static_cast<float>(s.softcap), u32(s.parts), u32(s.ring_start),
                    static_cast<float>(s.scale_factor), bits, s.rotate ? 1u : 0u, u32(s.simdgroups)});
  Values q = p.input(1, DType::F32, s.heads * dim, normal(0, s.deviation));
  if (s.rotate) {
    for (std::size_t h = 0; h < s.heads; ++h) {
      const Values y = turbo_rotate(std::span(q).subspan(h * dim, dim));
      std::copy(y.begin(), y.end(), &q[h * dim]);
    }
  }
  q = decode(DType::F16, encode(DType::F16, q));
  const std::size_t width = bits == 5 || bits == 6 ? bits : 8;
  const Values keys = cache(p, 2, dim, width, s), values = cache(p, 4, dim, width, s);
  const auto out = p.output(6, DType::F32, s.parts == 1 ? s.heads * dim : s.heads * s.parts * (dim + 2));
  p.threadgroup_memory(0, 2 * (dim + s.simdgroups * (128 + 2 * dim)));
  p.threadgroups({1, s.heads + s.overhang, s.parts + s.overhang}, {32, s.simdgroups});

  const auto row = [=](std::size_t h, std::size_t j) { return (s.kv_head(h) * s.capacity + j) * dim; };
  const auto scores = [=](std::size_t h, std::size_t part) {
    Values own(s.keys, -kInfinity);
    for (std::size_t j = 0; j < s.keys; ++j) {
      const bool taken = j / 32 % (s.parts * s.simdgroups) / s.simdgroups == part;
      if (taken && s.sees(j)) own[j] = soft_capped(dot(&q[h * dim], &keys[row(h, j)], dim) * 0.0625, s.softcap);
    }
    return own;
  };
  const auto value = [=](std::size_t h, std::size_t j) { return &values[row(h, j)]; };
  // A query rotated in f32 rounds to another f16 here and there.
  Tolerance tolerance = {.absolute = 5e-5, .relative = 5e-5};
  if (s.deviation > 2)
    tolerance = {.absolute = 8e-5, .relative = 8e-5};  // exponents are large, and so is their rounding
  if (s.rotate) tolerance = {.absolute = 2e-3, .relative = 1e-3};
  p.expect(out, tolerance, [=] {
    return s.parts == 1 ? attend_heads(
                              s.heads, dim, [&](std::size_t h) { return scores(h, 0); }, value)
                        : partial_attention(s.heads, dim, s.parts, scores, value);
  });
}

}  // namespace

void flash_attn_vec_tq_hb_cases(CaseList& list) {
  const std::array<Setup, 23> setups = {{
      {{1, 1, 1, 1}, {}},
      {{4, 1, 33, 40}, {}},
      {{4, 2, 200, 203}, {.mask_type = 0, .scale_factor = 22.627}},
      {{2, 1, 31, 31}, {.rotate = true}},
      {{2, 1, 129, 140}, {.parts = 2, .simdgroups = 2, .rotate = true}},
      {{2, 1, 65, 65}, {.deviation = 40}},  // one key outweighs all
      {{2, 1, 65, 65}, {.deviation = 0}},   // all weigh the same
      // The last keys of a ring: two runs of slots.
      {{2, 1, 64, 64}, {.mask_type = 2, .window = 40, .ring_start = 20}},
      {{2, 2, 130, 130}, {.mask_type = 2, .window = 37, .ring_start = 129}},
      {{1, 1, 96, 96}, {.mask_type = 2, .window = 1, .ring_start = 33}},
      {{1, 1, 96, 96}, {.mask_type = 2, .window = 96, .ring_start = 96}},
      // A ring that is not full, begun in the middle: slots before its start have no key.
      {{2, 1, 50, 70}, {.ring_start = 10}},
      {{2, 1, 50, 70}, {.ring_start = 60}},
      {{4, 1, 200, 300}, {.parts = 3}},
      {{2, 2, 70, 70}, {.mask_type = 2, .window = 20, .parts = 32}},
      {{2, 1, 63, 70}, {.simdgroups = 4}},  // two of them without keys
      {{2, 1, 300, 300}, {.mask_type = 2, .window = 150, .ring_start = 70, .parts = 2, .simdgroups = 4}},
      {{1, 1, 1, 8}, {.parts = 2, .simdgroups = 4}},
      {{3, 1, 40, 40}, {.parts = 2, .overhang = 1}},
      {{2, 1, 70, 70}, {.parts = 2, .simdgroups = 2, .softcap = 3}},
      {{1, 1, 8192, 8192}, {.parts = 32, .simdgroups = 4, .purpose = Purpose::Full}},
      {{4, 1, 2000, 2048}, {.parts = 32, .simdgroups = 4, .purpose = Purpose::Benchmark}},
      {{32, 8, 32768, 32768}, {.parts = 32, .simdgroups = 4, .purpose = Purpose::LargeBenchmark}},
  }};
  for (const std::size_t dim : {256u, 512u}) {
    for (const Setup& s : setups) {
      for (const std::uint32_t bits : {5u, 6u, 8u, 4u}) {  // 4 stands for 8: there is no byte form of 4 bits
        if (is_timed(s.purpose) && bits != 8) continue;
        list.add(
            fmt::format("flash_attn_vec_tq_hb_dk{}", dim),
            fmt::format(
                "H={}/{} k={} cap={} mask={} window={} ring={} parts={} simdgroups={}{}{} scale={} q={} bits={}",
                s.heads, s.kv_heads, s.keys, s.capacity, s.mask_type, s.window, s.ring_start, s.parts, s.simdgroups,
                s.rotate ? " rotate" : "", s.softcap > 0 ? " capped" : "", s.scale_factor, s.deviation, bits),
            [=](Problem& p) { build(p, dim, bits, s); }, s.purpose);
      }
    }
  }
}

}  // namespace anymetal::cases
