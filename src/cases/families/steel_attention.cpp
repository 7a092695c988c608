// Tiled attention: kernels/attention/steel_attention.metal.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "cases/attention_reference.hpp"
#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr std::int32_t i32(std::size_t v) { return static_cast<std::int32_t>(v); }
constexpr std::int64_t i64(std::size_t v) { return static_cast<std::int64_t>(v); }

enum class Mask : std::uint8_t { None, Additive, Bool };

struct Steel {
  std::string name;
  DType type, kv;
  Mask kind;  ///< of the kernel; None is used by cases without a mask
  std::size_t bq, bk, dim, wm;
  Tolerance tolerance;
};

struct Extents {
  std::size_t batch, heads, kv_heads, queries, keys, capacity;
};

struct SteelOptions {
  bool causal = false, mask = false, blocks = false, token_major = false;
  bool poison = false;  ///< the last key and value are not finite; queries that do not see them must not show it
  std::size_t offset = 0;
  std::optional<std::int32_t> window = {};
  Purpose purpose = Purpose::Test;
};

struct SteelSetup : Extents, SteelOptions {};

struct AttnParams {
  std::int32_t B, H, D, qL, kL, gqa_factor;
  float scale, softcapping;
  std::int32_t NQ, NK, NQ_aligned, NK_aligned, qL_rem, kL_rem, qL_off, pad;
  std::array<std::int64_t, 3> Q_strides, K_strides, V_strides, O_strides;
};
static_assert(sizeof(AttnParams) == 160);

/// What the kernel's 16-bit forms do to the query before the product.
double scaled(DType type, double q, double scale) {
  if (type == DType::F32) return q * scale;
  const auto round = [type](double v) { return decode(type, encode(type, std::array{v}))[0]; };
  return round(q * round(scale * 1.44269504089)) / 1.44269504089;
}

Values steel_reference(const Steel& k, const SteelSetup& s, double scale, const Values& q, const Values& keys,
                       const Values& values, const Values& mask, const AttnParams& p) {
  Values out(s.batch * s.heads * s.queries * k.dim);
  for (std::size_t b = 0; b < s.batch; ++b) {
    for (std::size_t h = 0; h < s.heads; ++h) {
      const std::size_t kv_base = (b * s.kv_heads + h / (s.heads / s.kv_heads)) * s.capacity * k.dim;
      for (std::size_t i = 0; i < s.queries; ++i) {
        const auto at = b * static_cast<std::size_t>(p.Q_strides[0]) + h * static_cast<std::size_t>(p.Q_strides[1]) +
                        i * static_cast<std::size_t>(p.Q_strides[2]);
        Values query(k.dim);
        for (std::size_t d = 0; d < k.dim; ++d) query[d] = scaled(k.type, q[at + d], scale);
        Values scores(s.keys, -kInfinity);
        for (std::size_t j = 0; j < s.keys; ++j) {
          const auto position = i64(i + s.offset);
          if (s.causal && i64(j) > position) continue;
          if (s.window.value_or(0) > 0 && i64(j) <= position - *s.window) continue;
          const double m = s.mask ? mask[i * s.keys + j] : 0.0;
          if (s.mask && m == (k.kind == Mask::Bool ? 0.0 : -kInfinity)) continue;
          scores[j] = dot(query.data(), &keys[kv_base + j * k.dim], k.dim) + (k.kind == Mask::Additive ? m : 0.0);
        }
        attend(
            scores, [&](std::size_t j) { return &values[kv_base + j * k.dim]; }, k.dim, &out[at]);
      }
    }
  }
  return out;
}

void build_steel(Problem& p, const Steel& k, const SteelSetup& s) {
  const std::size_t q_count = s.batch * s.heads * s.queries * k.dim,
                    kv_count = s.batch * s.kv_heads * s.capacity * k.dim;
  const float scale = 1.0f / std::sqrt(static_cast<float>(k.dim));
  const std::array<std::int64_t, 3> q_strides =
      s.token_major ? std::array{i64(s.queries * s.heads * k.dim), i64(k.dim), i64(s.heads * k.dim)}
                    : std::array{i64(s.heads * s.queries * k.dim), i64(s.queries * k.dim), i64(k.dim)};
  const std::array kv_strides = {i64(s.kv_heads * s.capacity * k.dim), i64(s.capacity * k.dim), i64(k.dim)};
  const std::size_t nq = divide_up(s.queries, k.bq), nk = divide_up(s.keys, k.bk);
  const AttnParams params = {i32(s.batch),
                             i32(s.heads),
                             i32(k.dim),
                             i32(s.queries),
                             i32(s.keys),
                             i32(s.heads / s.kv_heads),
                             scale,
                             1.0f,
                             i32(nq),
                             i32(nk),
                             i32(s.queries / k.bq),
                             i32(s.keys / k.bk),
                             i32(s.queries % k.bq),
                             i32(s.keys % k.bk),
                             i32(s.offset),
                             0,
                             q_strides,
                             kv_strides,
                             kv_strides,
                             q_strides};

  const auto q = p.input(0, k.type, q_count, normal(0, 2));
  const auto rows = [&](unsigned index) {
    if (!s.poison) return p.input(index, k.kv, kv_count, normal());
    Values content(kv_count);
    const Fill fill = normal();
    for (std::size_t i = 0; i < content.size(); ++i) {
      const bool last = i / k.dim % s.capacity + 1 == s.keys;
      content[i] = !last ? fill(p.random(), i) : i % 3 == 0 ? kInfinity : std::numeric_limits<double>::quiet_NaN();
    }
    return p.input(index, k.kv, content);
  };
  const auto keys = rows(1), values = rows(2);
  const auto out = p.output(3, k.type, q_count);
  p.value(4, params);
  Values mask;
  if (s.mask) {
    p.value(5, std::array<std::int64_t, 3>{0, 0, i64(s.keys)});
    // Some keys hidden, the third query sees nothing, the first key tile is hidden from the first query tile.
    Values content(s.queries * s.keys);
    for (std::size_t i = 0; i < content.size(); ++i) {
      const std::size_t row = i / s.keys, column = i % s.keys;
      const bool hidden = row == 2 || p.random().below(4) == 0 || (s.keys > k.bk && row < k.bq && column < k.bk) ||
                          (s.poison && column + 1 == s.keys && row % 2 == 0);
      content[i] = k.kind == Mask::Bool ? (hidden ? 0.0 : 1.0) : (hidden ? -kInfinity : 2 * p.random().unit() - 1);
    }
    mask = p.input(6, k.kind == Mask::Bool ? DType::U8 : k.type, content);
  }
  if (s.blocks) {
    Values kinds(nq * nk, 1.0);
    if (nk > 1) kinds[0] = 0.0;
    p.input(7, DType::U8, kinds);
  }
  const auto flag = [&](std::uint32_t index, bool value) { p.constant(index, ConstantValue(value)); };
  flag(200, s.queries % k.bq == 0);
  flag(201, s.keys % k.bk == 0);
  flag(300, s.mask);
  flag(301, s.causal);
  flag(303, s.blocks);
  if (s.window) p.constant(304, ConstantValue(*s.window));
  p.threadgroups({nq, s.heads, s.batch}, {32, k.wm});
  p.flops(4.0 * static_cast<double>(s.batch * s.heads * s.queries) * static_cast<double>(s.keys * k.dim) *
          (s.causal ? 0.5 : 1.0));
  p.expect(out, k.tolerance,
           [=] { return steel_reference(k, s, static_cast<double>(scale), q, keys, values, mask, params); });
}

}  // namespace

void steel_attention_cases(CaseList& list) {
  const Tolerance f32 = {.absolute = 8e-6, .relative = 1.2e-5}, f16 = {.absolute = 2.5e-4, .relative = 1.25e-3},
                  bf16 = {.absolute = 2.5e-3, .relative = 1e-2};
  struct Element {
    std::string_view name, mask;
    DType type;
    Tolerance tolerance;
  };
  std::vector<Steel> kernels;
  for (const Element& e :
       {Element{"float32", "float32", DType::F32, f32}, Element{"bfloat16", "bfloat16", DType::BF16, bf16},
        Element{"float16", "float16", DType::F16, f16}}) {
    for (const Mask kind : {Mask::Additive, Mask::Bool}) {
      const std::string_view mask = kind == Mask::Bool ? "bool_" : e.mask;
      kernels.push_back({fmt::format("steel_attention_{}_bq32_bk16_bd256_wm4_wn1_mask{}", e.name, mask), e.type, e.type,
                         kind, 32, 16, 256, 4, e.tolerance});
      if (e.type == DType::F32) continue;
      kernels.push_back({fmt::format("steel_attention_{}_bq8_bk8_bd512_wm1_wn1_mask{}", e.name, mask), e.type, e.type,
                         kind, 8, 8, 512, 1, e.tolerance});
    }
  }
  kernels.push_back({"steel_attention_float32_f16kv_bq32_bk16_bd256_wm4_wn1_maskbool_", DType::F32, DType::F16,
                     Mask::Bool, 32, 16, 256, 4, f32});

  const std::array<SteelSetup, 12> setups = {{
      {{1, 1, 1, 1, 1, 1}, {}},
      {{2, 4, 2, 33, 45, 50}, {}},
      {{1, 2, 1, 64, 64, 64}, {.causal = true, .token_major = true}},
      // The query offset is no multiple of the key tile, the key count is.
      {{1, 2, 2, 40, 48, 48}, {.causal = true, .offset = 8}},
      {{2, 2, 1, 37, 39, 64}, {.mask = true}},
      {{1, 1, 1, 20, 50, 50}, {.mask = true, .blocks = true}},
      {{1, 1, 1, 12, 40, 40}, {.causal = true, .mask = true, .offset = 28}},
      {{1, 2, 1, 70, 100, 101}, {.causal = true, .token_major = true, .offset = 30, .window = 17}},
      {{1, 1, 1, 5, 90, 90}, {.causal = true, .offset = 85, .window = 1}},
      {{1, 1, 1, 5, 90, 90}, {.causal = true, .offset = 85, .window = 0}},
      {{1, 1, 1, 2, 8192, 8192}, {.causal = true, .offset = 8190, .purpose = Purpose::Full}},
      {{1, 4, 1, 512, 512, 512}, {.causal = true, .token_major = true, .purpose = Purpose::Benchmark}},
  }};
  // Every set of function constants: ends of tiles or not, for queries and keys, with and without mask and limits.
  std::vector<SteelSetup> all(setups.begin(), setups.end());
  for (unsigned constants = 0; constants < 32; ++constants) {
    const auto on = [&](unsigned bit) { return (constants >> bit & 1u) != 0; };
    if (on(4) && !on(3)) continue;  // kinds of tiles go with a mask
    const std::size_t queries = on(0) ? 32 : 37, keys = on(1) ? 64 : 71;
    all.push_back(
        {{1, 2, 1, queries, keys, keys},
         {.causal = on(2), .mask = on(3), .blocks = on(4), .offset = keys - queries, .purpose = Purpose::Full}});
  }
  // NaN that queries do not see, by the order of time and by masks.
  all.push_back({{1, 2, 1, 40, 48, 48}, {.causal = true, .poison = true, .offset = 8}});
  all.push_back({{1, 2, 1, 20, 50, 50}, {.mask = true, .poison = true}});
  for (const Steel& k : kernels) {
    for (const SteelSetup& s : all) {
      list.add(
          k.name,
          fmt::format("B={} H={}/{} q={} k={} cap={} off={}{}{}{}{}{}{}", s.batch, s.heads, s.kv_heads, s.queries,
                      s.keys, s.capacity, s.offset, s.causal ? " causal" : "", s.mask ? " mask" : "",
                      s.blocks ? " blk" : "", s.token_major ? " token-major" : "",
                      s.window ? fmt::format(" window={}", *s.window) : "", s.poison ? " nan" : ""),
          [=](Problem& p) { build_steel(p, k, s); }, s.purpose);
    }
  }
}

}  // namespace anymetal::cases
