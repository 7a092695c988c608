// Attention with plain tensors: kernels/attention/sdpa.metal, sdpa_decode.metal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include "cases/attention_reference.hpp"
#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr std::uint32_t u32(std::size_t v) { return static_cast<std::uint32_t>(v); }

/// Rows [heads, capacity, dim]; those past `keys`, and poisoned ones, hold NaN, which shows where it is used.
Values cache(Problem& p, unsigned index, DType type, std::size_t heads, std::size_t keys, std::size_t capacity,
             std::size_t dim, const Fill& fill, std::span<const std::size_t> poisoned = {}) {
  Values rows(heads * capacity * dim);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t key = i / dim % capacity;
    const bool held = key < keys && std::ranges::find(poisoned, key) == poisoned.end();
    rows[i] = held ? fill(p.random(), i) : std::numeric_limits<double>::quiet_NaN();
  }
  return p.input(index, type, rows);
}

struct Extents {
  std::size_t batch, heads, kv_heads, dim, queries, keys, capacity;
};
struct Options {
  std::size_t window = 0;  ///< keys before its own that a query of the sliding form sees
  double deviation = 1;    ///< of queries and keys
  bool unset_capacity = false;
  bool poison =
      false;  ///< the last key, which the last query alone sees, and the first, left behind by windows, are NaN
  Purpose purpose = Purpose::Test;
};
struct Setup : Extents, Options {};

void build_sdpa(Problem& p, DType type, bool sliding, const Setup& s) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(s.dim));
  const auto q = p.input(0, type, s.batch * s.heads * s.queries * s.dim, normal(0, s.deviation));
  std::vector<std::size_t> poisoned;
  if (s.poison) poisoned = {s.keys - 1};
  if (s.poison && sliding) poisoned.push_back(0);
  const auto keys =
      cache(p, 1, type, s.batch * s.kv_heads, s.keys, s.capacity, s.dim, normal(0, s.deviation), poisoned);
  const auto values = cache(p, 2, type, s.batch * s.kv_heads, s.keys, s.capacity, s.dim, normal(), poisoned);
  const auto out = p.output(3, type, q.size());
  const std::uint32_t capacity = s.unset_capacity ? 0 : u32(s.capacity);
  if (sliding) {
    struct {
      std::uint32_t heads, kv_heads, dim, queries, keys, window;
      float scale;
      std::uint32_t capacity;
    } const params = {u32(s.heads), u32(s.kv_heads), u32(s.dim), u32(s.queries),
                      u32(s.keys),  u32(s.window),   scale,      capacity};
    p.value(4, params);
  } else {
    struct {
      std::uint32_t heads, kv_heads, dim, queries, keys;
      float scale;
      std::uint32_t capacity;
    } const params = {u32(s.heads), u32(s.kv_heads), u32(s.dim), u32(s.queries), u32(s.keys), scale, capacity};
    p.value(4, params);
  }
  p.threadgroups({s.batch, s.heads, divide_up(s.queries, 32)}, {32});
  p.flops(2.0 * static_cast<double>(s.batch * s.heads * s.queries) * static_cast<double>(s.keys * s.dim));

  Tolerance tolerance = {.absolute = 8e-6, .relative = 2e-5};
  if (s.deviation > 1)
    tolerance = {.absolute = 6e-5, .relative = 1.5e-4};  // exponents are large, and so is their rounding
  if (type == DType::BF16) tolerance = {.absolute = 1e-5, .relative = 5e-3};
  p.expect(out, tolerance, [=] {
    Values expected(q.size());
    for (std::size_t row = 0; row < q.size() / s.dim; ++row) {
      const std::size_t batch = row / s.queries / s.heads, head = row / s.queries % s.heads, query = row % s.queries;
      const std::size_t base = (batch * s.kv_heads + head / (s.heads / s.kv_heads)) * s.capacity * s.dim;
      Values scores(s.keys, -kInfinity);
      for (std::size_t j = 0; j < s.keys; ++j) {
        const bool seen = j + s.queries <= s.keys + query && (!sliding || j + s.queries + s.window >= s.keys + query);
        if (seen) scores[j] = dot(&q[row * s.dim], &keys[base + j * s.dim], s.dim) * static_cast<double>(scale);
      }
      attend(
          scores, [&](std::size_t j) { return &values[base + j * s.dim]; }, s.dim, &expected[row * s.dim]);
    }
    return expected;
  });
}

void sdpa_list(CaseList& list, const std::string& kernel, DType type, bool sliding) {
  const std::array<Setup, 14> setups = {{
      {{1, 1, 1, 1, 1, 1, 1}, {}},
      {{2, 4, 2, 37, 33, 45, 50}, {}},
      {{1, 3, 1, 64, 31, 31, 31}, {}},
      {{1, 2, 2, 128, 32, 100, 101}, {}},
      {{1, 4, 1, 256, 1, 200, 256}, {}},
      {{1, 2, 1, 512, 5, 70, 70}, {}},
      {{1, 2, 1, 600, 3, 9, 9}, {}},
      {{2, 2, 1, 40, 7, 20, 20}, {.unset_capacity = true}},
      {{1, 2, 1, 32, 34, 5, 8}, {}},                  // more queries than keys: the first ones see nothing
      {{1, 2, 1, 64, 40, 40, 40}, {.deviation = 6}},  // one key outweighs all
      {{1, 2, 1, 64, 40, 40, 40}, {.deviation = 0}},  // all weigh the same
      {{1, 2, 1, 64, 40, 50, 50}, {.poison = true}},
      {{1, 1, 1, 64, 3, 8192, 8192}, {.purpose = Purpose::Full}},
      {{1, 4, 1, 256, 64, 512, 512}, {.window = 256, .purpose = Purpose::Benchmark}},
  }};
  for (const Setup& s : setups) {
    for (const std::size_t window : {1u, 8u, 31u, 32u, 1000u}) {
      Setup own = s;
      if (sliding && s.purpose == Purpose::Test) own.window = window;
      if (!sliding || s.purpose != Purpose::Test) {
        if (window > 1) break;
        if (sliding && s.purpose == Purpose::Full) own.window = 1024;
      }
      list.add(
          kernel,
          fmt::format("B={} H={}/{} D={} S={} k={} cap={}{}{}{}{}", s.batch, s.heads, s.kv_heads, s.dim, s.queries,
                      s.keys, s.capacity, sliding ? fmt::format(" window={}", own.window) : "",
                      s.unset_capacity ? " unset" : "", s.deviation != 1 ? fmt::format(" dev={}", s.deviation) : "",
                      s.poison ? " nan" : ""),
          [=](Problem& p) { build_sdpa(p, type, sliding, own); }, s.purpose);
    }
  }
}

struct Decode {
  std::size_t heads, kv_heads, dim, keys, capacity;
  std::optional<std::size_t> simdgroups = {};  ///< by default as many as suit the keys
  double deviation = 1;
  Purpose purpose = Purpose::Test;
};

void build_decode(Problem& p, const Decode& s) {
  const std::size_t simdgroups = s.simdgroups.value_or(s.keys < 32 ? 1 : s.keys < 128 ? 2 : 4);
  const float scale = 1.0f / std::sqrt(static_cast<float>(s.dim));
  const auto q = p.input(0, DType::F32, s.heads * s.dim, normal(0, s.deviation));
  const auto keys = cache(p, 1, DType::F32, s.kv_heads, s.keys, s.capacity, s.dim, normal(0, s.deviation));
  const auto values = cache(p, 2, DType::F32, s.kv_heads, s.keys, s.capacity, s.dim, normal());
  const auto out = p.output(3, DType::F32, s.heads * s.dim);
  struct {
    std::uint32_t heads, kv_heads, dim, keys, capacity;
    float scale;
    std::uint32_t simdgroups;
  } const params = {u32(s.heads), u32(s.kv_heads), u32(s.dim), u32(s.keys), u32(s.capacity), scale, u32(simdgroups)};
  p.value(4, params);
  p.threadgroup_memory(0, 4 * simdgroups * (s.dim + 2));
  p.threadgroups({s.heads}, {32 * simdgroups});
  // The exponents of scores so far apart are large, and with them their rounding.
  const Tolerance tolerance = s.deviation > 1 ? Tolerance{.absolute = 1.3e-5, .relative = 3.3e-5}
                                              : Tolerance{.absolute = 6e-7, .relative = 1.5e-6};
  p.expect(out, tolerance, [=] {
    const auto base = [&](std::size_t h) { return h * s.kv_heads / s.heads * s.capacity * s.dim; };
    return attend_heads(
        s.heads, s.dim,
        [&](std::size_t h) {
          Values scores(s.keys);
          for (std::size_t j = 0; j < s.keys; ++j) {
            scores[j] = dot(&q[h * s.dim], &keys[base(h) + j * s.dim], s.dim) * static_cast<double>(scale);
          }
          return scores;
        },
        [&](std::size_t h, std::size_t j) { return &values[base(h) + j * s.dim]; });
  });
}

}  // namespace

void sdpa_cases(CaseList& list) {
  sdpa_list(list, "sdpa", DType::F32, false);
  sdpa_list(list, "sdpa_bf16", DType::BF16, false);
  sdpa_list(list, "sdpa_sliding", DType::F32, true);
  sdpa_list(list, "sdpa_sliding_bf16", DType::BF16, true);

  for (const Decode& s : {
           Decode{1, 1, 32, 1, 1},
           Decode{4, 2, 64, 31, 33},
           Decode{4, 1, 96, 32, 40},
           Decode{2, 2, 128, 33, 33},
           Decode{6, 4, 64, 127, 130},  // heads of keys serve unlike numbers of query heads
           Decode{2, 1, 256, 128, 128},
           Decode{2, 1, 512, 129, 150},
           Decode{2, 1, 480, 500, 512},
           Decode{2, 1, 64, 3, 4, 4},  // a simdgroup has no key
           Decode{2, 1, 64, 300, 300, 1},
           Decode{2, 1, 64, 1000, 1000, 8},
           Decode{2, 1, 64, 5, 7, 32},
           Decode{2, 1, 64, 200, 200, {}, 6},
           Decode{2, 1, 64, 200, 200, {}, 0},
           Decode{1, 1, 128, 8192, 8192, {}, 1, Purpose::Full},
           Decode{16, 4, 256, 2000, 2048, {}, 1, Purpose::Benchmark},
           Decode{64, 8, 256, 8192, 8192, {}, 1, Purpose::LargeBenchmark},
       }) {
    list.add(
        "sdpa_decode",
        fmt::format("H={}/{} D={} k={} cap={} simdgroups={} dev={}", s.heads, s.kv_heads, s.dim, s.keys, s.capacity,
                    s.simdgroups.value_or(0), s.deviation),
        [=](Problem& p) { build_decode(p, s); }, s.purpose);
  }
}

}  // namespace anymetal::cases
