// Rotation, quantisation and decoding of TurboQuant caches: kernels/turboquant.
#include "cases/turboquant.hpp"

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
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Heads that strain one thing each, among ordinary ones.
enum class Content : std::uint8_t {
  Normal,
  Zeros,
  Equal,
  Impulse,
  Signs,
  Outlier,
  Large,
  Small,
  Negligible,
  Nan,
  Infinity
};

struct Input {
  std::string_view name;
  Content content;
  bool exact = false;  ///< f32 arithmetic rounds nothing that decides a code
};

constexpr std::array kInputs = {
    Input{"normal", Content::Normal},
    Input{"zeros", Content::Zeros, true},
    Input{"equal", Content::Equal},
    Input{"impulse", Content::Impulse, true},
    Input{"signs", Content::Signs, true},
    Input{"outlier", Content::Outlier},
    Input{"large", Content::Large},
    Input{"small", Content::Small},
    Input{"negligible", Content::Negligible, true},
    Input{"nan", Content::Nan, true},
    Input{"infinity", Content::Infinity, true},
};

Values heads_of(Random& random, Content content, std::size_t heads, std::size_t dim) {
  Values x(heads * dim);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = normal()(random, i);
    const bool marked = i % dim == 7 * (i / dim) + 3;  // another element in each head
    switch (content) {
      case Content::Normal:
        x[i] = v;
        break;
      case Content::Zeros:
        x[i] = 0;
        break;
      case Content::Equal:
        x[i] = 0.7;
        break;
      case Content::Impulse:
        x[i] = marked ? 4 : 0;
        break;
      case Content::Signs:
        x[i] = 0.5 * turbo_sign(i % dim);
        break;  // the rotated head has one element
      case Content::Outlier:
        x[i] = marked ? 1000 : v;
        break;
      case Content::Large:
        x[i] = 1e15 * v;
        break;
      case Content::Small:
        x[i] = 1e-9 * v;
        break;
      case Content::Negligible:
        x[i] = (i % 2 == 0 ? 1e-13 : 1e-40) * v;
        break;
      case Content::Nan:
        x[i] = marked ? kNan : v;
        break;
      case Content::Infinity:
        x[i] = marked ? kInfinity : v;
        break;
    }
  }
  return x;
}

std::span<const double> head(const Values& x, std::size_t h, std::size_t dim) {
  return std::span(x).subspan(h * dim, dim);
}

using Transform = Values (*)(std::span<const double>);

void rotation_cases(CaseList& list, const std::string& name, Transform transform) {
  for (const std::size_t dim : {256u, 512u}) {
    const auto build = [=](Problem& p, Content content, std::size_t heads, std::size_t more) {
      const Values data = heads_of(p.random(), content, heads, dim);
      Values x;
      const auto out = p.inout(0, DType::F32, data.size(), listed(data), x);
      p.value(1, std::array{u32(dim), u32(heads)});
      p.threadgroups({heads + more}, {32});
      p.traffic(8.0 * static_cast<double>(data.size()));
      p.expect(out, {.magnitude = 1e-7}, [=] {
        Values y, length;
        for (std::size_t h = 0; h < heads; ++h) {
          const Values part = transform(head(x, h, dim));
          y.insert(y.end(), part.begin(), part.end());
          length.resize(y.size(), std::sqrt(dot(&x[h * dim], &x[h * dim], dim)));
        }
        return Expected(y, length);
      });
    };
    const std::string kernel = fmt::format("{}_d{}", name, dim);
    for (const Input& input : kInputs) {
      list.add(kernel, fmt::format("H=3 {}", input.name), [=](Problem& p) { build(p, input.content, 3, 0); });
    }
    list.add(kernel, "H=1", [=](Problem& p) { build(p, Content::Normal, 1, 0); });
    list.add(kernel, "H=5, threadgroups for 8", [=](Problem& p) { build(p, Content::Normal, 5, 3); });
    for (const auto& [heads, purpose] :
         {std::pair{std::size_t{16384}, Purpose::Benchmark}, {std::size_t{65536}, Purpose::LargeBenchmark}}) {
      list.add(
          kernel, fmt::format("H={}", heads), [=](Problem& p) { build(p, Content::Normal, heads, 0); }, purpose);
    }
  }
}

struct Cache {
  std::size_t heads, capacity, position;
  bool sliding = false;
  double scale = 1;
};

/// Error allowed to a scaled value.
double slack_of(std::size_t dim, const Cache& c) { return kTurboSlack * (dim > kTurboBlock ? c.scale : 1.0); }

/// The operands that one position of a cache goes to: every other position stays as it is.
void expect_position(Problem& p, unsigned codes_index, unsigned norms_index, const Values& src, std::size_t dim,
                     std::size_t bits, const Cache& c, bool exact) {
  const std::size_t per_byte = bits == 4 ? 2 : 1, row_bytes = dim / per_byte, blocks = dim / kTurboBlock;
  Values codes, norms;
  const auto codes_out = p.inout(codes_index, DType::U8, c.heads * c.capacity * row_bytes, integers(0, 255), codes);
  const auto norms_out = p.inout(norms_index, DType::F32, c.heads * c.capacity * blocks, normal(), norms);
  const std::size_t position = c.sliding ? c.position % c.capacity : c.position;
  const auto encoded = [=](std::size_t h) { return turbo_encode(head(src, h, dim), bits, c.scale); };
  p.expect(codes_out, {.magnitude = 1}, [=] {
    Values expected = codes, slack(codes.size());
    for (std::size_t h = 0; h < c.heads && position < c.capacity; ++h) {
      const TurboHead e = encoded(h);
      const std::size_t row = (h * c.capacity + position) * row_bytes;
      std::fill_n(&expected[row], row_bytes, 0.0);
      for (std::size_t j = 0; j < dim; ++j) {
        const double unit = j % per_byte == 1 ? 16 : 1;
        expected[row + j / per_byte] += unit * e.codes[j];
        if (!exact && e.distances[j] < slack_of(dim, c)) slack[row + j / per_byte] += unit;
      }
    }
    return Expected(expected, slack);
  });
  p.expect(norms_out, {.absolute = 1e-20, .relative = 3.2e-7}, [=] {
    Values expected = norms;
    for (std::size_t h = 0; h < c.heads && position < c.capacity; ++h) {
      const TurboHead e = encoded(h);
      for (std::size_t b = 0; b < blocks; ++b) expected[(h * c.capacity + position) * blocks + b] = e.norms[b];
    }
    return expected;
  });
}

struct QuantizeParams {
  std::uint32_t head_dim, num_kv_heads, write_pos, cache_capacity, is_sliding;
  float scale_factor;
  std::uint32_t option;
};
static_assert(sizeof(QuantizeParams) == 28);

QuantizeParams params_of(const Cache& c, std::size_t dim, std::uint32_t option) {
  return {u32(dim), u32(c.heads), u32(c.position), u32(c.capacity), c.sliding ? 1u : 0u, static_cast<float>(c.scale),
          option};
}

/// One position by the 4-bit kernel, with or without its scaled values.
void build_fast(Problem& p, std::size_t dim, const Cache& c, const Input& input, bool probe, std::size_t more) {
  const Values src = p.input(0, DType::F32, heads_of(p.random(), input.content, c.heads, dim));
  expect_position(p, 1, 2, src, dim, 4, c, input.exact);
  p.value(3, params_of(c, dim, probe ? 1 : 0));
  if (probe) {
    Values initial;
    const auto out = p.inout(4, DType::F32, c.heads * dim, normal(), initial);
    p.expect(out, {.absolute = slack_of(dim, c)}, [=] {
      Values expected = initial;
      for (std::size_t h = 0; h < c.heads && (c.sliding || c.position < c.capacity); ++h) {
        const TurboHead e = turbo_encode(head(src, h, dim), 4, c.scale);
        std::copy(e.scaled.begin(), e.scaled.end(), &expected[h * dim]);
      }
      return expected;
    });
  } else {
    p.untouched(4, DType::F32, 1);
  }
  p.threadgroups({c.heads + more}, {32});
  p.traffic(4.5 * static_cast<double>(c.heads * dim));
}

/// One position by the kernel with a byte for each code; keys alone, or keys and values.
void build_bytes(Problem& p, std::size_t dim, std::uint32_t option, const Cache& c, const Input& input, bool dual,
                 std::size_t more) {
  const std::size_t bits = option == 5 || option == 6 ? option : 8;
  const unsigned copies = dual ? 2 : 1;
  for (unsigned copy = 0; copy < copies; ++copy) {
    const Values src = p.input(copy, DType::F32, heads_of(p.random(), input.content, c.heads, dim));
    expect_position(p, copies + copy, 2 * copies + copy, src, dim, bits, c, input.exact);
  }
  p.value(3 * copies, params_of(c, dim, option));
  p.threadgroups({c.heads + more, 1, copies}, {32});
  p.traffic(5.0 * static_cast<double>(copies * c.heads * dim));
}

constexpr std::array kCaches = {
    Cache{1, 1, 0},
    Cache{3, 5, 4, false, 22.627},
    Cache{2, 7, 16, true, 16},  // 16 modulo 7
    Cache{2, 4, 3, true},
    Cache{2, 4, 4},  // past the end: nothing is written
};

void quantize_cases(CaseList& list) {
  for (const std::size_t dim : {256u, 512u}) {
    const auto add = [&](const std::string& kernel, const std::string& what, auto build) {
      const std::string name = fmt::format("hadamard_quantize_kv_{}_d{}", kernel, dim);
      for (const Cache& c : kCaches) {
        const std::string label = fmt::format("H={} cap={} at={}{} scale={}{}", c.heads, c.capacity, c.position,
                                              c.sliding ? " sliding" : "", c.scale, what);
        list.add(name, label, [=](Problem& p) { build(p, c, kInputs[0], 0); });
      }
      for (const Input& input : kInputs) {
        list.add(name, fmt::format("{}{}, threadgroups for more heads", input.name, what), [=](Problem& p) {
          build(p, Cache{3, 2, 1}, input, 2);
        });
      }
    };
    for (const bool probe : {false, true}) {
      add("fast", probe ? " probe" : "", [=](Problem& p, const Cache& c, const Input& input, std::size_t more) {
        build_fast(p, dim, c, input, probe, more);
      });
    }
    for (const std::uint32_t bits : {5u, 6u, 8u, 0u}) {  // 0 stands for 8
      for (const bool dual : {false, true}) {
        add(dual ? "hb_dual" : "hb", fmt::format(" bits={}", bits),
            [=](Problem& p, const Cache& c, const Input& input, std::size_t more) {
              build_bytes(p, dim, bits, c, input, dual, more);
            });
      }
    }
    const Cache large = {64, 16, 7};
    const std::string suffix = fmt::format("_d{}", dim);
    list.add(
        "hadamard_quantize_kv_fast" + suffix, "H=64",
        [=](Problem& p) { build_fast(p, dim, large, kInputs[0], false, 0); }, Purpose::Benchmark);
    for (const bool dual : {false, true}) {
      list.add(
          fmt::format("hadamard_quantize_kv_hb{}_d{}", dual ? "_dual" : "", dim), "H=64 bits=8",
          [=](Problem& p) { build_bytes(p, dim, 8, large, kInputs[0], dual, 0); }, Purpose::Benchmark);
    }
  }
}

struct Read {
  std::size_t dim, heads, capacity, position;
  std::size_t tokens = 1;
  double scale = 1;
  std::size_t norms_per_pos = 0;  ///< 0: one for each block
};

/// Positions of a cache with random codes, bits above the width included.
void build_dequantize(Problem& p, std::size_t bits, const Read& r, std::size_t more) {
  const std::size_t row_bytes = bits == 4 ? r.dim / 2 : r.dim;
  const std::size_t per_pos = r.norms_per_pos > 0 ? r.norms_per_pos : std::max<std::size_t>(1, r.dim / kTurboBlock);
  const auto codes = p.input(0, DType::U8, r.heads * r.capacity * row_bytes, integers(0, 255));
  const auto norms = p.input(1, DType::F32, r.heads * r.capacity * per_pos, uniform(0.5, 20));
  const auto out = p.output(2, DType::F32, r.heads * r.tokens * r.dim);
  const auto scale = static_cast<float>(r.scale);
  p.expect(out, {.relative = 3e-7}, [=] {
    Values expected(r.heads * r.tokens * r.dim);
    for (std::size_t h = 0; h < r.heads; ++h) {
      for (std::size_t t = 0; t < r.tokens && r.position + t < r.capacity; ++t) {
        const std::size_t row = h * r.capacity + r.position + t;
        Values row_codes(r.dim);
        for (std::size_t j = 0; j < r.dim; ++j) {
          row_codes[j] = bits == 4 ? std::fmod(std::floor(codes[row * row_bytes + j / 2] / (j % 2 == 1 ? 16 : 1)), 16)
                                   : codes[row * row_bytes + j];
        }
        const Values y = turbo_decode(row_codes, head(norms, row, per_pos), bits, static_cast<double>(scale));
        std::copy(y.begin(), y.end(), &expected[(h * r.tokens + t) * r.dim]);
      }
    }
    return expected;
  });
  p.traffic(static_cast<double>(r.heads * r.tokens * (row_bytes + 4 * r.dim)));
  p.threadgroups({r.heads + more, r.tokens + (r.tokens > 1 ? more : 0)}, {std::min<std::size_t>(r.dim, 1024)});
}

constexpr std::array kReads = {
    Read{256, 1, 1, 0},          Read{512, 2, 5, 4, 1, 22.627}, Read{256, 3, 6, 2, 1, 16}, Read{64, 2, 3, 1},
    Read{1024, 2, 3, 1},         Read{1280, 2, 3, 0},  // more coordinates than a threadgroup has threads
    Read{512, 2, 3, 0, 1, 1, 1},                       // one norm for both blocks
    Read{256, 2, 4, 4},                                // past the end: zeros
};

void dequantize_cases(CaseList& list) {
  const auto label = [](const Read& r) {
    return fmt::format("D={} H={} cap={} at={} T={} scale={} norms={}", r.dim, r.heads, r.capacity, r.position,
                       r.tokens, r.scale, r.norms_per_pos);
  };
  struct Position {
    std::uint32_t head_dim, num_kv_heads, read_pos, cache_capacity, norms_per_pos;
    float scale_factor;
  };
  const auto position_of = [](const Read& r) {
    const std::size_t per_pos = r.norms_per_pos > 0 ? r.norms_per_pos : std::max<std::size_t>(1, r.dim / kTurboBlock);
    return Position{u32(r.dim),      u32(r.heads), u32(r.position),
                    u32(r.capacity), u32(per_pos), static_cast<float>(r.scale)};
  };
  const auto add = [&](const Read& r, Purpose purpose) {
    list.add(
        "tq_dequantize_kv", label(r),
        [=](Problem& p) {
          build_dequantize(p, 4, r, 1);
          p.value(3, position_of(r));
        },
        purpose);
    for (const std::uint32_t bits : {5u, 6u, 8u, 7u}) {  // 7 stands for 8
      if (purpose == Purpose::Benchmark && bits != 8) continue;
      list.add(
          "tq_dequantize_hb_kv", fmt::format("{} bits={}", label(r), bits),
          [=](Problem& p) {
            build_dequantize(p, bits == 7 ? 8 : bits, r, 1);
            struct {
              Position position;
              std::uint32_t bits;
            } const params = {position_of(r), bits};
            p.value(3, params);
          },
          purpose);
    }
  };
  for (const Read& r : kReads) add(r, Purpose::Test);
  add({256, 64, 4, 1}, Purpose::Benchmark);

  const auto add_range = [&](const Read& r, std::uint32_t bits, Purpose purpose) {
    list.add(
        "tq_dequantize_hb_kv_seq", fmt::format("{} bits={}", label(r), bits),
        [=](Problem& p) {
          build_dequantize(p, bits, r, 1);
          const Position one = position_of(r);
          struct {
            std::uint32_t head_dim, num_kv_heads, start_pos, n_tokens, cache_capacity, norms_per_pos;
            float scale_factor;
            std::uint32_t bits;
          } const params = {one.head_dim,       one.num_kv_heads,  one.read_pos,     u32(r.tokens),
                            one.cache_capacity, one.norms_per_pos, one.scale_factor, bits};
          p.value(3, params);
        },
        purpose);
  };
  for (const std::uint32_t bits : {5u, 6u, 8u}) {
    for (const Read& r : kReads) add_range(r, bits, Purpose::Test);
    for (const Read& r : {Read{256, 3, 9, 2, 7}, Read{512, 2, 9, 0, 9, 22.627}, Read{256, 2, 5, 3, 4}, Read{256, 2, 36, 3, 37}}) {
      add_range(r, bits, Purpose::Test);  // the last ones end past the capacity
    }
  }
  add_range({256, 8, 512, 0, 512}, 8, Purpose::Benchmark);
  add_range({256, 8, 16384, 0, 16384}, 8, Purpose::LargeBenchmark);
}

}  // namespace

void turboquant_cases(CaseList& list) {
  rotation_cases(list, "fwht_standalone_f32", hadamard);
  rotation_cases(list, "fwht_sign_premult_f32", turbo_rotate);
  rotation_cases(list, "fwht_sign_undo_f32", turbo_unrotate);
  quantize_cases(list);
  dequantize_cases(list);
}

}  // namespace anymetal::cases
