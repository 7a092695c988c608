// Attention of one query: kernels/attention/flash_attn_vec.metal.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

#include "cases/attention_reference.hpp"
#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr std::uint32_t u32(std::size_t v) { return static_cast<std::uint32_t>(v); }

struct VecParams {
  std::uint32_t n_heads, n_kv_heads, head_dim, kv_seq_len, kv_capacity;
  float scale;
  std::uint32_t mask_type, sliding_window;
  float softcap;
  std::uint32_t nwg;
};
static_assert(sizeof(VecParams) == 40);

struct VecSetup {
  std::size_t heads, kv_heads, keys, capacity;
  std::uint32_t mask_type = 1;
  std::size_t window = 0;
  std::size_t parts = 1;
  bool exact_query = false;
  std::size_t overhang = 0;  ///< heads and parts of the grid that are none
  double softcap = 0;
  float scale = 1.0f / 16;
  Purpose purpose = Purpose::Test;
};

/// Scores of one head, -inf outside the window and outside workgroup `part`'s chunks.
Values vec_scores(const VecSetup& s, std::size_t dim, double scale, const double* q, const double* keys,
                  std::size_t part) {
  Values scores(s.keys, -kInfinity);
  const std::size_t first = s.mask_type == 2 && s.window > 0 && s.keys > s.window ? s.keys - s.window : 0;
  for (std::size_t j = first; j < s.keys; ++j) {
    if (j / 32 % s.parts == part) scores[j] = soft_capped(dot(q, keys + j * dim, dim) * scale, s.softcap);
  }
  return scores;
}

/// Where the keys and values of query head h begin.
std::size_t head_offset(const VecSetup& s, std::size_t dim, std::size_t h) {
  return h / (s.heads / s.kv_heads) * s.capacity * dim;
}

Values merged(const VecSetup& s, std::size_t dim, double scale, const Values& q, const Values& keys,
              const Values& values) {
  VecSetup whole = s;
  whole.parts = 1;
  return attend_heads(
      s.heads, dim,
      [&](std::size_t h) { return vec_scores(whole, dim, scale, &q[h * dim], &keys[head_offset(s, dim, h)], 0); },
      [&](std::size_t h, std::size_t j) { return &values[head_offset(s, dim, h) + j * dim]; });
}

Values partials(const VecSetup& s, std::size_t dim, double scale, const Values& q, const Values& keys,
                const Values& values) {
  return partial_attention(
      s.heads, dim, s.parts,
      [&](std::size_t h, std::size_t w) {
        return vec_scores(s, dim, scale, &q[h * dim], &keys[head_offset(s, dim, h)], w);
      },
      [&](std::size_t h, std::size_t j) { return &values[head_offset(s, dim, h) + j * dim]; });
}

void build_vec(Problem& p, std::size_t dim, DType kv, const VecSetup& s) {
  const float scale = s.scale;
  p.value(0, VecParams{u32(s.heads), u32(s.kv_heads), u32(dim), u32(s.keys), u32(s.capacity), scale, s.mask_type,
                       u32(s.window), static_cast<float>(s.softcap), u32(s.parts)});
  auto q = p.input(1, DType::F32, s.heads * dim, normal(0, 2));
  if (s.exact_query) {
    p.constant(310, ConstantValue(true));
  } else {
    q = decode(DType::F16, encode(DType::F16, q));
  }
  // Rows past the valid length hold NaN: a kernel that reads them shows it.
  const auto cache = [&](unsigned index) {
    Values rows(s.kv_heads * s.capacity * dim);
    const Fill fill = normal();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i] = i / dim % s.capacity < s.keys ? fill(p.random(), i) : std::numeric_limits<double>::quiet_NaN();
    }
    return p.input(index, kv, rows);
  };
  const auto keys = cache(2), values = cache(3);
  const auto out = p.output(4, DType::F32, s.parts == 1 ? s.heads * dim : s.heads * s.parts * (dim + 2));
  p.threadgroup_memory(0, 2 * (3 * dim + 128));
  p.threadgroups({1, s.heads + s.overhang, s.parts + s.overhang}, {32});
  const double unit = dim == 512 ? 0.72 : 1;
  p.expect(out, {.absolute = 2e-5 * unit, .relative = 1.4e-5 * unit}, [=] {
    const auto factor = static_cast<double>(scale);
    return s.parts == 1 ? merged(s, dim, factor, q, keys, values) : partials(s, dim, factor, q, keys, values);
  });
}

/// The reduction alone: partials written by the reference, merged result expected.
void build_reduce(Problem& p, std::size_t dim, const VecSetup& s) {
  const auto random_values = [&](std::size_t n) {
    Values v(n);
    for (std::size_t i = 0; i < n; ++i) v[i] = normal()(p.random(), i);
    return v;
  };
  const Values q = random_values(s.heads * dim), keys = random_values(s.kv_heads * s.capacity * dim),
               values = random_values(s.kv_heads * s.capacity * dim);
  p.value(0, u32(s.heads));
  p.input(1, DType::F32, partials(s, dim, 0.0625, q, keys, values));
  const auto out = p.output(2, DType::F32, s.heads * dim);
  p.value(3, u32(s.parts));
  p.threadgroups({s.heads}, {32 * s.parts});
  p.expect(out, {.absolute = 3.9e-7, .relative = 3.9e-7}, [=] { return merged(s, dim, 0.0625, q, keys, values); });
}

}  // namespace

void flash_attn_vec_cases(CaseList& list) {
  const std::array setups = {
      VecSetup{1, 1, 1, 1},
      VecSetup{.heads = 4, .kv_heads = 1, .keys = 33, .capacity = 40},
      VecSetup{.heads = 4, .kv_heads = 2, .keys = 200, .capacity = 203, .mask_type = 0, .exact_query = true},
      VecSetup{
          .heads = 2, .kv_heads = 1, .keys = 130, .capacity = 130, .mask_type = 2, .window = 37, .exact_query = true},
      VecSetup{.heads = 2, .kv_heads = 1, .keys = 64, .capacity = 64, .mask_type = 2, .window = 64},
      VecSetup{.heads = 1, .kv_heads = 1, .keys = 65, .capacity = 70, .mask_type = 2, .window = 1},
      VecSetup{.heads = 4, .kv_heads = 1, .keys = 200, .capacity = 300, .parts = 3},
      VecSetup{.heads = 3, .kv_heads = 1, .keys = 40, .capacity = 40, .parts = 2, .overhang = 1},
      VecSetup{.heads = 2, .kv_heads = 2, .keys = 70, .capacity = 70, .mask_type = 2, .window = 20, .parts = 32},
      VecSetup{.heads = 2, .kv_heads = 1, .keys = 70, .capacity = 70, .parts = 2, .softcap = 3},
      // Scores far below and above what could be added to hide a key.
      VecSetup{.heads = 8, .kv_heads = 2, .keys = 45, .capacity = 60, .mask_type = 2, .window = 9, .scale = 32768},
      VecSetup{.heads = 1, .kv_heads = 1, .keys = 8192, .capacity = 8192, .parts = 32, .purpose = Purpose::Full},
      VecSetup{.heads = 4, .kv_heads = 1, .keys = 2000, .capacity = 2048, .purpose = Purpose::Benchmark},
      VecSetup{.heads = 32, .kv_heads = 8, .keys = 16384, .capacity = 16384, .parts = 32, .purpose = Purpose::LargeBenchmark},
  };
  for (const std::size_t dim : {256u, 512u}) {
    for (const VecSetup& s : setups) {
      const std::string label =
          fmt::format("H={}/{} k={} cap={} mask={} window={} parts={}{}{}{}", s.heads, s.kv_heads, s.keys, s.capacity,
                      s.mask_type, s.window, s.parts, s.exact_query ? " f32 query" : "", s.softcap > 0 ? " capped" : "",
                      s.scale > 1 ? " far apart" : "");
      for (const DType kv : {DType::F32, DType::F16}) {
        list.add(
            fmt::format("flash_attn_vec_{}dk{}", kv == DType::F16 ? "f16kv_" : "", dim), label,
            [=](Problem& p) { build_vec(p, dim, kv, s); }, s.purpose);
      }
      list.add(
          fmt::format("flash_attn_vec_reduce_dk{}", dim), label, [=](Problem& p) { build_reduce(p, dim, s); },
          s.purpose);
    }
  }
}

}  // namespace anymetal::cases
