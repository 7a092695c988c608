// The affine format and round trips: kernels/quantise, kernels/embedding/embedding_gather_affine.metal.
#include "cases/affine.hpp"

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

/// x through one block of 32. Codes hang on single f32 roundings, so this one is computed in f32.
Values legacy_round_trip(const Values& x, bool q4_0) {
  Values out(x.size());
  for (std::size_t block = 0; block < x.size(); block += 32) {
    float extreme = 0;
    for (std::size_t i = block; i < block + 32; ++i) {
      if (std::fabs(x[i]) > std::fabs(static_cast<double>(extreme))) extreme = static_cast<float>(x[i]);
    }
    const float d = q4_0 ? extreme / -8.0f : std::fabs(extreme) / 127.0f, inverse = d != 0 ? 1 / d : 0;
    const double rounded = from_half_bits(to_half_bits(static_cast<double>(d)));
    for (std::size_t i = block; i < block + 32; ++i) {
      const float scaled = static_cast<float>(x[i]) * inverse;
      const float code = q4_0 ? std::clamp(std::floor(scaled + 8.5f), 0.0f, 15.0f) - 8
                              : std::clamp(std::round(scaled), -128.0f, 127.0f);
      out[i] = static_cast<double>(static_cast<float>(static_cast<double>(code) * rounded));
    }
  }
  return out;
}

void legacy_cases(CaseList& list) {
  struct Data {
    std::string_view name;
    Fill fill;
  };
  // A tie between extremes of either sign, codes halfway between two, zeros, scales that f16 holds as subnormals or not
  // at all.
  const std::vector<double> ties = {3, -8, 8, 0.5, -0.5, 1.5, 2.5, 7.5, -7.5, 6.5, -6.5, 0, -0.0, 5, 4.5, -4.5};
  const std::array data = {
      Data{"normal", normal()},      Data{"ties", listed(ties)},
      Data{"zeros", constant(0)},    Data{"tiny", normal(0, 3e-6)},
      Data{"large", normal(0, 1e5)}, Data{"halves of 127", listed({127, 0.5, -0.5, 1.5, -1.5, 63.5, -126.5, 2})}};
  for (const bool q4_0 : {true, false}) {
    for (const Data& d : data) {
      for (const std::size_t blocks : {1u, 3u, 200u, 8192u, 1u << 19}) {
        if (blocks > 200 && d.name != data[0].name) continue;
        list.add(
            q4_0 ? "qdq_q4_0_f32" : "qdq_q8_0_f32", fmt::format("{} blocks={}", d.name, blocks),
            [=](Problem& p) {
              const auto x = p.input(0, DType::F32, 32 * blocks, d.fill);
              const auto out = p.output(1, DType::F32, 32 * blocks);
              p.threadgroup_memory(0, q4_0 ? 256 : 128);
              p.threadgroups({blocks}, {32});
              p.expect(out, Tolerance::exact(), [=] { return legacy_round_trip(x, q4_0); });
            },
            blocks > 8192 ? Purpose::LargeBenchmark : blocks > 200 ? Purpose::Benchmark : Purpose::Test);
      }
    }
  }
}

struct Groups {
  std::size_t count, size, bins;
  Purpose purpose = Purpose::Test;
};
constexpr std::array kGroups = {Groups{1, 2, 2},     Groups{5, 32, 4},
                                Groups{5, 64, 8},    Groups{3, 32, 16},
                                Groups{5, 64, 16},   Groups{2, 128, 256},
                                Groups{7, 16, 64},   Groups{2, 512, 256},
                                Groups{37, 32, 4},   Groups{18, 64, 16},
                                Groups{35, 128, 256}, Groups{19, 96, 16},
                                Groups{1, 1024, 16}, Groups{65536, 64, 16, Purpose::Benchmark},
                                Groups{1 << 19, 64, 16, Purpose::LargeBenchmark}};

void fit(Problem& p, const Groups& g, const Fill& fill) {
  const auto w = p.input(0, DType::F32, g.count * g.size, fill);
  const auto scales = p.output(1, DType::F32, g.count), biases = p.output(2, DType::F32, g.count);
  const auto codes = p.output(3, DType::U8, g.count * g.size);
  p.input(4, DType::U32, Values{static_cast<double>(g.size), static_cast<double>(g.bins)});
  p.threadgroup_memory(0, 8 * g.size);
  p.threadgroups({g.count}, {g.size});
  const auto scale_and_bias = [=](std::size_t group) {
    const auto [low, high] = std::minmax_element(w.begin() + static_cast<std::ptrdiff_t>(group * g.size),
                                                 w.begin() + static_cast<std::ptrdiff_t>((group + 1) * g.size));
    const float step = (static_cast<float>(*high) - static_cast<float>(*low)) / static_cast<float>(g.bins - 1);
    return std::array{step > 0 ? step : 1.0f, static_cast<float>(*low)};
  };
  const auto of_groups = [=](std::size_t which) {
    Values values;
    for (std::size_t i = 0; i < g.count; ++i) values.push_back(static_cast<double>(scale_and_bias(i)[which]));
    return values;
  };
  p.expect(scales, Tolerance::exact(), [=] { return of_groups(0); });
  p.expect(biases, Tolerance::exact(), [=] { return of_groups(1); });
  p.expect(codes, Tolerance::exact(), [=] {
    Values values(w.size());
    for (std::size_t i = 0; i < w.size(); ++i) {
      const auto [scale, bias] = scale_and_bias(i / g.size);
      values[i] = static_cast<double>(
          std::clamp(std::round((static_cast<float>(w[i]) - bias) / scale), 0.0f, static_cast<float>(g.bins - 1)));
    }
    return values;
  });
}

void forward(Problem& p, const Groups& g) {
  const std::size_t n = g.count * g.size;
  const auto codes = p.input(0, DType::U8, n, integers(0, static_cast<std::int64_t>(g.bins) - 1));
  const auto scales = p.input(1, DType::F32, g.count, normal());
  const auto biases = p.input(2, DType::F32, g.count, normal());
  const auto out = p.output(3, DType::F32, n);
  p.input(4, DType::U32, Values{static_cast<double>(n), static_cast<double>(g.size)});
  p.threadgroups({divide_up(n, flat_threads(n))}, {flat_threads(n)});
  p.expect(out, {.magnitude = 2e-7}, [=] {
    Values values(n), magnitude(n);
    for (std::size_t i = 0; i < n; ++i) {
      values[i] = codes[i] * scales[i / g.size] + biases[i / g.size];
      magnitude[i] = std::fabs(codes[i] * scales[i / g.size]) + std::fabs(biases[i / g.size]);
    }
    return Expected(values, magnitude);
  });
}

void backward(Problem& p, const Groups& g, bool scales) {
  const std::size_t n = g.count * g.size;
  Values codes(n, 1.0);
  unsigned index = 0;
  if (scales) codes = p.input(index++, DType::U8, n, integers(0, static_cast<std::int64_t>(g.bins) - 1));
  const auto dy = p.input(index++, DType::F32, n, normal());
  const auto out = p.output(index++, DType::F32, g.count);
  p.input(index, DType::U32, Values{static_cast<double>(g.size)});
  p.threadgroup_memory(0, 4 * g.size);
  p.threadgroups({g.count}, {g.size});
  p.expect(out, {.magnitude = scales ? 2e-7 : 1.25e-7}, [=] {
    Values sums(g.count), magnitude(g.count);
    for (std::size_t i = 0; i < n; ++i) {
      sums[i / g.size] += codes[i] * dy[i];
      magnitude[i / g.size] += std::fabs(codes[i] * dy[i]);
    }
    return Expected(sums, magnitude);
  });
}

struct Table {
  std::size_t rows, dim, group_size, tokens;
  bool counted = false;     ///< the kernel is told how many rows there are, and one id in a few names none
  bool every_code = false;  ///< every row has all codes, every second one a scale of another kind
};

void gather(Problem& p, const Table& s, std::size_t bits) {
  const std::size_t groups = divide_up(s.dim, s.group_size), row = affine_row_bytes(s.dim, bits);
  Values codes = affine_codes(p.random(), s.rows * s.dim, bits);
  if (s.every_code) {
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<double>(i % (std::size_t{1} << bits));
    // Zeros, subnormals, the least normal, the largest, infinities and NaN, of either sign.
    const double largest = 0x1.fep127 / 255;
    p.given(1, {1, 0.0, -1, -0.0, 3, 0x1p-133, -3, -0x1p-127, 1e-3, 0x1p-126, largest, -largest, -0.7, HUGE_VAL, 2,
                -HUGE_VAL, 0.1, std::nan("")});
  }
  p.input_bytes(0, DType::U8, pack_affine(codes, s.dim, bits));
  if (bits % 3 != 0) p.align(0, 4);
  const auto scales = p.input(1, DType::BF16, s.rows * groups, normal());
  const auto biases = p.input(2, DType::BF16, s.rows * groups, normal());
  if (s.counted) p.constant(331, static_cast<std::int32_t>(s.rows));
  const auto ids = p.input(3, DType::U32, s.tokens,
                           integers(0, static_cast<std::int64_t>(s.counted ? s.rows + s.rows / 2 : s.rows) - 1));
  const auto out = p.output(4, DType::F32, s.tokens * s.dim);
  p.value(5, std::array{u32(s.dim), u32(s.group_size), u32(bits % 3 == 0 ? row : row / 4), u32(groups)});
  p.threads({s.dim, s.tokens}, {flat_threads(s.dim)});
  p.traffic(static_cast<double>(s.tokens * (row + 4 * groups + 4 * s.dim)));
  p.expect(out, {.absolute = s.every_code ? 0x1p-149 : 0, .magnitude = 1.9e-7}, [=] {
    Values values, magnitude;
    for (const double id : ids) {
      for (std::size_t c = 0; c < s.dim; ++c) {
        const auto at = static_cast<std::size_t>(id);
        const bool known = at < s.rows;
        const double product = known ? codes[at * s.dim + c] * scales[at * groups + c / s.group_size] : 0,
                     bias = known ? biases[at * groups + c / s.group_size] : 0;
        values.push_back(product + bias);
        magnitude.push_back(std::fabs(product) + std::fabs(bias));
      }
    }
    return Expected(values, magnitude);
  });
}

}  // namespace

void affine_cases(CaseList& list) {
  legacy_cases(list);
  for (const Groups& g : kGroups) {
    const std::string label = fmt::format("{}x{} bins={}", g.count, g.size, g.bins);
    list.add(
        "qdq_affine_init_f32", label, [=](Problem& p) { fit(p, g, normal()); }, g.purpose);
    list.add(
        "qdq_affine_forward_f32", label, [=](Problem& p) { forward(p, g); }, g.purpose);
    list.add(
        "qdq_affine_backward_scales_f32", label, [=](Problem& p) { backward(p, g, true); }, g.purpose);
    list.add(
        "qdq_affine_backward_biases_f32", label, [=](Problem& p) { backward(p, g, false); }, g.purpose);
  }
  list.add("qdq_affine_init_f32", "all equal", [](Problem& p) { fit(p, {3, 32, 16}, constant(-2.75)); });
  list.add("qdq_affine_init_f32", "halfway", [](Problem& p) {
    fit(p, {2, 32, 16}, listed({0, 15, 0.5, 1.5, 7.5, 14.5, 3}));
  });
  // The last has a partial group and a row that ends within a word.
  constexpr std::array kTables = {Table{1, 8, 8, 1},     Table{9, 64, 32, 5}, Table{40, 640, 64, 7},
                                  Table{7, 128, 128, 3}, Table{5, 45, 32, 4}, Table{9, 64, 32, 12, true}};
  for (const std::size_t bits : kAffineBits) {
    for (const Table& s : kTables) {
      list.add(
          fmt::format("embedding_gather_{}bit", bits),
          fmt::format("V={} E={} group={} T={}{}", s.rows, s.dim, s.group_size, s.tokens, s.counted ? " counted" : ""),
          [=](Problem& p) { gather(p, s, bits); });
    }
    list.add(fmt::format("embedding_gather_{}bit", bits), "every code", [=](Problem& p) {
      p.given(3, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
      gather(p, {.rows = 18, .dim = 256, .group_size = 256, .tokens = 18, .every_code = true}, bits);
    });
    const auto add_timed = [&](const Table& s, Purpose purpose) {
      list.add(
          fmt::format("embedding_gather_{}bit", bits), fmt::format("V={} E={} T={}", s.rows, s.dim, s.tokens),
          [=](Problem& p) { gather(p, s, bits); }, purpose);
    };
    add_timed({4096, 4096, 64, 512}, Purpose::Benchmark);
    add_timed({16384, 4096, 64, 8192}, Purpose::LargeBenchmark);
  }
}

}  // namespace anymetal::cases
