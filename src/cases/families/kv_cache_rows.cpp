// Rows of caches quantised and moved: kernels/attention/kv_cache_rows.metal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr std::uint32_t u32(std::size_t v) { return static_cast<std::uint32_t>(v); }

struct Store {
  std::size_t heads, dim, capacity, start, tokens, offset;
  Purpose purpose = Purpose::Test;
};

/// What a block of 32 holds of x. Codes hang on single f32 roundings, so this one is computed in f32.
void store_block(const double* x, double* to) {
  float peak = 0;
  for (std::size_t i = 0; i < 32; ++i) peak = std::fmax(peak, std::fabs(static_cast<float>(x[i])));
  const float d = peak / 127.0f, inverse = d != 0 ? 1 / d : 0;
  const double scale = from_half_bits(to_half_bits(static_cast<double>(d)));
  for (std::size_t i = 0; i < 32; ++i) {
    const float scaled = static_cast<float>(x[i]) * inverse;
    to[i] = static_cast<double>(std::round(scaled)) * scale;
  }
}

void store(Problem& p, const Store& s) {
  const auto src = p.input(0, DType::F32, (s.offset + s.tokens) * s.heads * s.dim, normal(0, 3));
  Values cache;
  const auto out = p.inout(1, DType::Q8_0, s.heads * s.capacity * s.dim, normal(), cache);
  unsigned index = 2;
  for (const std::size_t v : {s.heads, s.dim, s.capacity, s.start, s.tokens, s.offset}) p.value(index++, u32(v));
  const std::size_t blocks = flat_threads(s.dim / 32);
  p.threads({s.dim / 32, s.heads, s.tokens}, {blocks, std::min<std::size_t>(s.heads, 256 / blocks)});
  p.expect(out, Tolerance::exact(), [=] {
    Values expected = cache;
    for (std::size_t row = 0; row < s.tokens * s.heads; ++row) {  // in order: a later token wins its slot
      const std::size_t t = row / s.heads, h = row % s.heads, slot = (s.start + t) % s.capacity;
      for (std::size_t d = 0; d < s.dim; d += 32) {
        store_block(&src[((s.offset + t) * s.heads + h) * s.dim + d], &expected[(h * s.capacity + slot) * s.dim + d]);
      }
    }
    return expected;
  });
}

struct Move {
  std::size_t heads, row, capacity, from, to, count;
  Purpose purpose = Purpose::Test;
};

void move(Problem& p, const Move& s) {
  Values cache;
  const auto out = p.inout(0, DType::U16, s.heads * s.capacity * s.row, integers(0, 65535), cache);
  unsigned index = 1;
  for (const std::size_t v : {s.heads, s.row, s.capacity, s.from, s.to, s.count}) p.value(index++, u32(v));
  p.threads({s.row, s.heads}, {flat_threads(s.row)});
  p.traffic(2.0 * 2.0 * static_cast<double>(s.heads * s.row * s.count));
  p.expect(out, Tolerance::exact(), [=] {
    Values expected = cache;
    for (std::size_t h = 0; h < s.heads; ++h) {
      for (std::size_t t = 0; t < s.count && std::max(s.from, s.to) + t < s.capacity; ++t) {
        for (std::size_t e = 0; e < s.row; ++e) {
          expected[(h * s.capacity + s.to + t) * s.row + e] = cache[(h * s.capacity + s.from + t) * s.row + e];
        }
      }
    }
    return expected;
  });
}

}  // namespace

void kv_cache_rows_cases(CaseList& list) {
  for (const Store& s : {Store{1, 32, 1, 0, 1, 0}, Store{2, 64, 9, 8, 1, 0}, Store{3, 96, 5, 2, 3, 2},
                         Store{1, 256, 7, 5, 4, 0}, Store{2, 32, 3, 1, 8, 0}, Store{4, 256, 7, 5, 9, 2},
                         Store{70, 128, 3, 1, 6, 0}, Store{32, 256, 512, 0, 512, 0, Purpose::Benchmark},
                         Store{32, 256, 4096, 0, 4096, 0, Purpose::LargeBenchmark}}) {
    list.add(
        "kv_cache_copy_seq_f32_to_q8_0",
        fmt::format("H={} D={} cap={} at={} new={} from={}", s.heads, s.dim, s.capacity, s.start, s.tokens, s.offset),
        [=](Problem& p) { store(p, s); }, s.purpose);
  }
  // Apart, overlapping either way, in place, past the end, from beyond it.
  for (const Move& s : {Move{1, 1, 2, 0, 1, 1}, Move{2, 37, 20, 0, 10, 10}, Move{3, 17, 20, 4, 0, 15},
                        Move{2, 64, 20, 0, 1, 19}, Move{1, 8, 9, 3, 3, 4}, Move{2, 16, 10, 6, 2, 9},
                        Move{2, 16, 10, 12, 2, 3}, Move{32, 256, 2048, 256, 0, 1792, Purpose::Benchmark},
                        Move{32, 256, 6144, 1024, 0, 5120, Purpose::LargeBenchmark}}) {
    list.add(
        "kv_cache_move",
        fmt::format("H={} row={} cap={} {}->{} n={}", s.heads, s.row, s.capacity, s.from, s.to, s.count),
        [=](Problem& p) { move(p, s); }, s.purpose);
  }
}

}  // namespace anymetal::cases
