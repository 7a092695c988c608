// Softmax of masked scores: kernels/attention/scale_mask_softmax.metal.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cases/case_list.hpp"
#include "cases/in_place.hpp"
#include "cases/softmax_reference.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Setup {
  std::string label;
  std::uint32_t heads, queries, columns;
  Fill mask;
  float scale = 0.125f;
  double spread = 8;
  bool in_place = false;
  std::size_t threads = 0;  ///< 0: one per column, at most 256
  Purpose purpose = Purpose::Test;
};

struct Params {
  std::uint32_t columns, queries;
  float scale;
  std::uint32_t pad;
};
static_assert(sizeof(Params) == 16);

Values reference(const Setup& s, const Values& x, const Values& mask) {
  Values y(x.size());
  for (std::size_t base = 0; base < x.size(); base += s.columns) {
    const std::size_t mask_base = base / s.columns % s.queries * s.columns;
    Values scores(s.columns);
    for (std::size_t i = 0; i < s.columns; ++i) {
      scores[i] = x[base + i] * static_cast<double>(s.scale) + mask[mask_base + i];
    }
    if (*std::ranges::max_element(scores) == -kInfinity) continue;
    std::ranges::copy(softmax_rows(scores, s.columns), y.begin() + static_cast<std::ptrdiff_t>(base));
  }
  return y;
}

void build(Problem& p, const Setup& s) {
  const std::size_t rows = std::size_t{s.heads} * s.queries, n = rows * s.columns;
  Values x;
  const auto y = input_and_output(p, 0, 1, DType::F32, n, normal(0, s.spread), s.in_place, x);
  const auto mask = p.input(2, DType::BF16, std::size_t{s.queries} * s.columns, s.mask);
  p.value(3, Params{s.columns, s.queries, s.scale, 0});
  const std::size_t threads = s.threads == 0 ? std::min<std::size_t>(256, s.columns) : s.threads;
  p.threadgroup_memory(0, threads * sizeof(float));
  p.threadgroups({rows}, {threads});
  p.expect(y, {.absolute = 3.3e-8, .relative = 1.6e-6}, [=] { return reference(s, x, mask); });
}

/// Each query sees the keys up to its own place among the last ones, as in causal attention.
Fill causal(std::uint32_t queries, std::uint32_t columns) {
  return [=](Random&, std::size_t i) { return i % columns + queries > i / columns + columns ? -kInfinity : 0.0; };
}

}  // namespace

void scale_mask_softmax_cases(CaseList& list) {
  const auto add = [&](const Setup& s) {
    list.add(
        "scale_mask_softmax_f32", s.label, [=](Problem& p) { build(p, s); }, s.purpose);
  };
  // Threadgroups whose last simdgroup has fewer lanes than there are simdgroups, and their neighbours.
  for (const std::uint32_t columns : {1u,   2u,   31u,  32u,  33u,  34u,  64u,  65u,  66u,  67u,  97u,  99u,  129u,
                                      132u, 161u, 165u, 193u, 198u, 225u, 231u, 255u, 256u, 257u, 512u, 1000u}) {
    add({fmt::format("2x3x{}", columns), 2, 3, columns, normal()});
  }
  add({"one of a kind at the end", 1, 1, 225, [](Random&, std::size_t i) { return i == 40 ? 100.0 : 0.0; }});
  add({"causal", 3, 37, 70, causal(37, 70)});
  add({"masked wholly", 2, 2, 65, [](Random& random, std::size_t i) { return i < 65 ? -kInfinity : random.unit(); }});
  add({"most masked", 2, 5, 100, listed({-kInfinity, -kInfinity, 0.5, -kInfinity, -kInfinity, -kInfinity, -1})});
  add({"in place", 2, 3, 100, normal(), 0.125f, 8, true});
  add({"in place, long", 1, 2, 1000, normal(), 1, 2, true});
  add({"wide spread", 1, 2, 300, normal(), 1, 1e4});
  add({"scale 0", 2, 1, 45, normal(), 0});
  for (const std::size_t threads : {1u, 32u, 96u, 100u}) {
    add({fmt::format("tg={}", threads), 2, 2, 333, normal(), 0.125f, 8, false, threads});
  }
  add({"large", 16, 256, 1024, causal(256, 1024), 0.125f, 8, false, 0, Purpose::Benchmark});
  add({"16x1024x2048", 16, 1024, 2048, causal(1024, 2048), 0.125f, 8, false, 0, Purpose::LargeBenchmark});
}

}  // namespace anymetal::cases
