// Draws from a softmax: kernels/sampling/softmax_sample.metal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "cases/case_list.hpp"
#include "cases/softmax_reference.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// How the number in [0, 1) that decides the draw is chosen.
using Draw = std::function<float(Random&, const Values& probabilities)>;

struct Setup {
  std::string label;
  std::size_t n;
  float temperature;
  Fill fill;
  Draw draw;
  std::size_t threads = 0;  ///< 0: as many as there are tokens, at most 1024
  double slack = 0;         ///< how far from the reference's the token may be
  Purpose purpose = Purpose::Test;
};

/// A number in the middle of the share of some token, chosen by its probability: rounding does not reach its ends.
float middle_of_a_share(Random& random, const Values& probabilities) {
  const double wanted = random.unit();
  double sum = 0, best = 0.5, widest = 0;
  for (const double p : probabilities) {
    if (sum + p >= wanted && p > 1e-4) return static_cast<float>(sum + p / 2);
    if (p > widest) {
      widest = p;
      best = sum + p / 2;
    }
    sum += p;
  }
  return static_cast<float>(best);
}

Draw always(float u) {
  return [=](Random&, const Values&) { return u; };
}

/// First token of positive probability where the running sum reaches u, else the last such token, else n - 1.
std::size_t drawn(const Values& probabilities, double u) {
  std::size_t token = probabilities.size() - 1;
  double sum = 0;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    if (!(probabilities[i] > 0)) continue;
    token = i;
    sum += probabilities[i];
    if (sum >= u) break;
  }
  return token;
}

void build(Problem& p, const Setup& s) {
  const auto x = p.input(0, DType::F32, s.n, s.fill);
  Values scores(s.n);
  std::ranges::transform(x, scores.begin(), [&](double v) { return v / static_cast<double>(s.temperature); });
  const Values probabilities = softmax_rows(scores, s.n);
  const float u = s.draw(p.random(), probabilities);
  const std::size_t token = drawn(probabilities, static_cast<double>(u));

  const auto out = p.output(1, DType::F32, s.n);
  const auto out_token = p.output(2, DType::U32, 1);
  const auto logprob = p.output(3, DType::F32, 1);
  p.value(4, std::array{static_cast<float>(s.n), s.temperature, u});
  const std::size_t threads = s.threads == 0 ? std::min<std::size_t>(1024, std::bit_ceil(s.n)) : s.threads;
  p.threadgroup_memory(0, threads * sizeof(float));
  p.threadgroups({1}, {threads});
  p.expect(out, {.absolute = 3e-8, .relative = 2.3e-6}, [=] { return probabilities; });
  p.expect(out_token, {.absolute = s.slack}, [=] { return Values{static_cast<double>(token)}; });
  p.expect(logprob, {.absolute = 1e-6, .relative = 1e-6}, [=] { return Values{std::log(probabilities[token])}; });
}

}  // namespace

void softmax_sample_cases(CaseList& list) {
  const auto add = [&](const Setup& s) {
    list.add(
        "softmax_sample_f32", s.label, [=](Problem& p) { build(p, s); }, s.purpose);
  };
  for (const std::size_t n : {1u, 2u, 31u, 33u, 255u, 1000u, 1023u, 1025u, 5000u}) {
    for (const float temperature : {0.25f, 1.0f, 1.7f}) {
      add({fmt::format("n={} T={}", n, temperature), n, temperature, normal(0, 2), middle_of_a_share});
    }
  }
  for (const std::size_t threads : {1u, 32u, 33u, 96u, 1024u}) {
    add({fmt::format("tg={}", threads), 700, 1, normal(0, 2), middle_of_a_share, threads});
  }
  // Every share is narrower than the rounding of the running sum.
  add({"equal", 50000, 1, constant(3), always(0.37f), 0, 1});
  const auto masked = [](std::size_t first, std::size_t last) {
    return [=](Random& random, std::size_t i) { return i < first || i >= last ? -kInfinity : random.unit(); };
  };
  constexpr float kJustBelowOne = 0x1.fffffep-1f;
  add({"u=0 and improbable first tokens", 3000, 1, masked(100, 3000), always(0)});
  add({"u=0", 300, 1, normal(), always(0)});
  add({"u near 1 and improbable last tokens", 40, 1, masked(0, 30), always(kJustBelowOne)});
  add({"u near 1 past most of a large row", 3000, 1, masked(0, 8), always(kJustBelowOne)});
  add({"one possible token", 2000, 1, masked(1234, 1235), always(0.5f)});
  add({"one certain token", 100, 1, [](Random&, std::size_t i) { return i == 60 ? 1e4 : -1e4; }, always(0.9f)});
  add({"all -inf", 50, 1, constant(-kInfinity), always(0.5f)});
  add({"vocabulary", 262144, 1, normal(0, 3), middle_of_a_share, 0, 0, Purpose::Benchmark});
}

}  // namespace anymetal::cases
