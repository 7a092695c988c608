// Choosing experts: kernels/moe/routing.metal, kernels/moe/moe_gate.metal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "cases/case_list.hpp"
#include "cases/shapes.hpp"
#include "cases/softmax_reference.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Setup {
  std::string label;
  std::uint32_t tokens, experts, k;
  Fill logits;
  std::size_t threads = 0;  ///< 0: the usual ones
  Purpose purpose = Purpose::Test;
};

struct Routes {
  Values ids, weights;
};

/// Of every token the k experts of largest logit, of equal ones the lowest first, and their shares softmax(logits)[id];
/// 0 and 0 where softmax is undefined or no expert is left.
Routes routes(const Values& logits, std::size_t experts, std::size_t k) {
  const Values p = softmax_rows(logits, experts);
  Routes out;
  for (std::size_t base = 0; base < logits.size(); base += experts) {
    std::vector<std::size_t> order(experts);
    std::iota(order.begin(), order.end(), base);
    const bool defined = std::none_of(order.begin(), order.end(), [&](std::size_t i) { return std::isnan(p[i]); });
    if (defined) std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return logits[i]; });
    for (std::size_t slot = 0; slot < k; ++slot) {
      const bool chosen = defined && slot < experts;
      out.ids.push_back(chosen ? static_cast<double>(order[slot] - base) : 0.0);
      out.weights.push_back(chosen ? p[order[slot]] : 0.0);
    }
  }
  return out;
}

/// Divides each token's k weights by their sum; zeros stay.
void normalise(Values& weights, std::size_t k) {
  for (std::size_t base = 0; base < weights.size(); base += k) {
    const auto first = weights.begin() + static_cast<std::ptrdiff_t>(base);
    const double sum = std::accumulate(first, first + static_cast<std::ptrdiff_t>(k), 0.0);
    if (sum == 0) continue;
    std::for_each(first, first + static_cast<std::ptrdiff_t>(k), [&](double& w) { w /= sum; });
  }
}

constexpr Tolerance kWeights = {.absolute = 5e-8, .relative = 1e-6};

void fused_case(CaseList& list, const Setup& s, bool batch) {
  const auto build = [=](Problem& p) {
    const std::size_t tokens = batch ? s.tokens : 1;
    const auto logits = p.input(0, DType::F32, tokens * s.experts, s.logits);
    const auto ids = p.output(1, DType::U32, tokens * s.k);
    const auto weights = p.output(2, DType::F32, tokens * s.k);
    const auto scale = p.input(3, DType::F32, s.experts, uniform(0.5, 2));
    p.value(4, std::array{s.experts, s.k});
    const std::size_t threads = s.threads == 0 ? std::min<std::size_t>(64, std::bit_ceil(s.experts)) : s.threads;
    p.threadgroup_memory(0, (2 * s.experts + threads) * sizeof(float));
    p.threadgroups({tokens}, {threads});
    p.expect(ids, Tolerance::exact(), [=] { return routes(logits, s.experts, s.k).ids; });
    p.expect(weights, kWeights, [=] {
      Routes out = routes(logits, s.experts, s.k);
      normalise(out.weights, s.k);
      for (std::size_t i = 0; i < out.ids.size(); ++i) out.weights[i] *= scale[static_cast<std::size_t>(out.ids[i])];
      return out.weights;
    });
  };
  list.add(batch ? "fused_moe_routing_batch_f32" : "fused_moe_routing_f32", s.label, build, s.purpose);
}

void softmax_topk_case(CaseList& list, const Setup& s) {
  const auto build = [=](Problem& p) {
    struct {
      std::uint32_t tokens, experts, k;
      float pad;
    } const params = {s.tokens, s.experts, s.k, 0};
    p.value(0, params);
    const auto logits = p.input(1, DType::F32, std::size_t{s.tokens} * s.experts, s.logits);
    const auto ids = p.output(2, DType::U32, std::size_t{s.tokens} * s.k);
    const auto weights = p.output(3, DType::F32, std::size_t{s.tokens} * s.k);
    const std::size_t threads = s.threads == 0 ? std::min<std::size_t>(128, s.experts) : s.threads;
    p.threadgroup_memory(0, (2 * threads + s.experts) * sizeof(float));
    p.threadgroups({s.tokens + p.spare(1)}, {threads});
    p.expect(ids, Tolerance::exact(), [=] { return routes(logits, s.experts, s.k).ids; });
    p.expect(weights, kWeights, [=] {
      Routes out = routes(logits, s.experts, s.k);
      normalise(out.weights, s.k);
      return out.weights;
    });
  };
  list.add("moe_softmax_topk_f32", s.label, build, s.purpose);
}

void route_cases(CaseList& list) {
  std::vector<Setup> setups;
  // Among them 40 and 3, no powers of two, and 64, 65 and 129, where another thread or simdgroup begins.
  for (const std::uint32_t experts : {1u, 2u, 3u, 8u, 31u, 32u, 33u, 40u, 60u, 63u, 64u, 65u, 100u, 128u, 129u, 256u}) {
    for (const std::uint32_t k : {1u, 2u, 8u, 64u}) {
      if (k > experts) continue;
      setups.push_back({fmt::format("3 tokens, {} of {}", k, experts), 3, experts, k, normal(0, 2)});
    }
  }
  setups.push_back({"all of 40", 2, 40, 40, normal(0, 2)});
  setups.push_back({"more than there are", 2, 5, 9, normal(0, 2)});
  setups.push_back({"8 of 600", 2, 600, 8, normal(0, 2)});
  setups.push_back({"zeros of either sign", 1, 40, 20, listed({-0.0, 0.0, -1})});
  setups.push_back({"ties", 3, 64, 8, integers(0, 3)});
  setups.push_back({"equal", 2, 100, 6, constant(-3)});
  setups.push_back({"logits of any size", 3, 100, 8, uniform(-3e4, 3e4)});
  setups.push_back({"largest last", 1, 100, 4, [](Random&, std::size_t i) { return static_cast<double>(i); }});
  setups.push_back(
      {"some -inf", 2, 36, 8, listed({1, -kInfinity, -kInfinity, -kInfinity, 2, -kInfinity, -kInfinity, 0, -1})});
  setups.push_back({"few above -inf", 2, 40, 4, [](Random&, std::size_t i) { return i % 20 == 7 ? 1 : -kInfinity; }});
  setups.push_back({"all -inf", 2, 40, 3, constant(-kInfinity)});
  setups.push_back({"nan", 1, 40, 3, listed({1, 2, kNan, 3})});
  setups.push_back({"+inf", 1, 40, 3, listed({1, 2, kInfinity, 3})});
  setups.push_back({"tg=1", 2, 40, 4, normal(), 1});
  setups.push_back({"tg=96", 2, 40, 4, normal(), 96});
  setups.push_back({"large", 32768, 128, 8, normal(0, 2), 0, Purpose::Benchmark});
  setups.push_back({"262144x128", 262144, 128, 8, normal(0, 2), 0, Purpose::LargeBenchmark});
  // The most experts that are common: with fewer it is little more than the start of a dispatch.
  fused_case(list, {"8 of 256, one token", 1, 256, 8, normal(0, 2), 0, Purpose::Benchmark}, false);
  for (const Setup& s : setups) {
    fused_case(list, s, true);
    softmax_topk_case(list, s);
    if (!is_timed(s.purpose)) fused_case(list, s, false);
  }
}

struct GateSetup {
  std::string label;
  std::uint32_t tokens, dim, experts, k;
  Fill scale = uniform(0.5, 2);
  bool twins = false;  ///< every expert but the last has the router row of its neighbour too
  std::size_t threads = 128;
  Purpose purpose = Purpose::Test;
};

constexpr float kEps = 1e-6f;

struct Gate {
  Values x, router, norm;
};

Values gate_logits(const GateSetup& s, const Gate& gate) {
  Values logits;
  for (std::size_t token = 0; token < s.tokens; ++token) {
    const double* x = &gate.x[token * s.dim];
    double squares = 0;
    for (std::size_t i = 0; i < s.dim; ++i) squares += x[i] * x[i];
    const double r = 1 / std::sqrt(squares / s.dim + static_cast<double>(kEps));
    for (std::size_t e = 0; e < s.experts; ++e) {
      double sum = 0;
      for (std::size_t i = 0; i < s.dim; ++i) sum += x[i] * r * gate.norm[i] * gate.router[e * s.dim + i];
      logits.push_back(sum);
    }
  }
  return logits;
}

/// Whether no choice hangs on two nearly equal logits: it is then the same in f32.
bool well_apart(const GateSetup& s, const Values& logits) {
  for (std::size_t base = 0; base < logits.size(); base += s.experts) {
    Values row(&logits[base], &logits[base] + s.experts);
    std::ranges::sort(row, std::greater{});
    for (std::size_t e = 1; e < row.size() && e <= s.k; ++e) {
      const double gap = row[e - 1] - row[e];
      if (gap < 2e-5 && !(s.twins && gap == 0)) return false;
    }
  }
  return true;
}

Gate gate_data(const GateSetup& s, Random& random) {
  const auto filled = [&](DType type, std::size_t n, const Fill& fill) {
    Values values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = fill(random, i);
    return decode(type, encode(type, values));
  };
  for (;;) {
    Gate gate = {filled(DType::BF16, std::size_t{s.tokens} * s.dim, normal(0, 3)),
                 filled(DType::F32, std::size_t{s.experts} * s.dim, normal(0, 2 / std::sqrt(s.dim))),
                 filled(DType::F32, s.dim, uniform(0.5, 1.5))};
    if (s.twins) {
      for (std::size_t e = 1; e < s.experts; e += 2) {
        std::copy_n(&gate.router[(e - 1) * s.dim], s.dim, &gate.router[e * s.dim]);
      }
    }
    if (well_apart(s, gate_logits(s, gate))) return gate;
  }
}

void gate_case(CaseList& list, const GateSetup& s) {
  const auto build = [=](Problem& p) {
    const Gate gate = gate_data(s, p.random());
    p.input(0, DType::BF16, gate.x);
    p.input(1, DType::F32, gate.router);
    p.input(2, DType::F32, gate.norm);
    const auto scale = p.input(3, DType::F32, s.experts, s.scale);
    const auto ids = p.output(4, DType::U32, std::size_t{s.tokens} * s.k);
    const auto weights = p.output(5, DType::F32, std::size_t{s.tokens} * s.k);
    p.value(6, s.dim);
    p.value(7, s.experts);
    p.value(8, s.k);
    p.value(9, kEps);
    p.threadgroup_memory(0, (s.dim + s.experts) * sizeof(float));
    p.threadgroups({s.tokens}, {s.threads});
    p.flops(2.0 * s.tokens * s.experts * s.dim);
    p.expect(ids, Tolerance::exact(), [=] { return routes(gate_logits(s, gate), s.experts, s.k).ids; });
    p.expect(weights, {.absolute = 8.5e-7, .relative = 1.7e-6}, [=] {
      Routes out = routes(gate_logits(s, gate), s.experts, s.k);
      for (std::size_t i = 0; i < out.ids.size(); ++i) out.weights[i] *= scale[static_cast<std::size_t>(out.ids[i])];
      normalise(out.weights, s.k);
      return out.weights;
    });
  };
  list.add("moe_gate", s.label, build, s.purpose);
}

void gate_cases(CaseList& list) {
  struct Shape {
    std::uint32_t tokens, dim, experts, k;
  };
  // Fewer experts than threads, more choices than 8, rows shorter than a simdgroup.
  for (const Shape& s : {Shape{1, 1, 1, 1}, Shape{3, 64, 4, 2}, Shape{2, 33, 40, 8}, Shape{2, 129, 128, 8},
                         Shape{2, 100, 127, 4}, Shape{1, 640, 64, 16}, Shape{2, 31, 5, 5}, Shape{1, 48, 3, 6},
                         Shape{1, 300, 130, 10}, Shape{1, 8064, 128, 8}}) {
    gate_case(list, {fmt::format("{} tokens of {}, {} of {}", s.tokens, s.dim, s.k, s.experts), s.tokens, s.dim,
                     s.experts, s.k});
  }
  gate_case(list, {"equal logits", 2, 64, 20, 5, uniform(0.5, 2), true});
  gate_case(list, {"scales of 0", 2, 64, 20, 4, constant(0)});
  for (const std::size_t threads : {1u, 32u, 100u, 256u}) {
    gate_case(list, {fmt::format("tg={}", threads), 2, 96, 24, 4, uniform(0.5, 2), false, threads});
  }
  gate_case(list, {"large", 256, 2816, 128, 8, uniform(0.5, 2), false, 128, Purpose::Benchmark});
}

void gather_case(CaseList& list, const std::string& label, std::uint32_t experts, std::uint32_t k, const Fill& fill,
                 const std::function<double(std::size_t)>& id, Purpose purpose = Purpose::Test) {
  const auto build = [=](Problem& p) {
    const auto probabilities = p.input(0, DType::F32, experts, fill);
    const auto order = p.input(1, DType::U32, experts, [=](Random&, std::size_t i) { return id(i); });
    const auto scale = p.input(2, DType::F32, experts, uniform(0.5, 2));
    const auto ids = p.output(3, DType::U32, k);
    const auto weights = p.output(4, DType::F32, k);
    p.value(5, std::array{experts, k});
    p.threads({3}, {1});
    p.traffic(20.0 * k);
    p.expect(ids, Tolerance::exact(), [=] { return Values(order.begin(), order.begin() + k); });
    p.expect(weights, {.relative = 5e-7}, [=] {
      Values out(k, 0.0);
      for (std::size_t slot = 0; slot < k; ++slot) {
        if (order[slot] < experts) out[slot] = probabilities[static_cast<std::size_t>(order[slot])];
      }
      normalise(out, k);
      for (std::size_t slot = 0; slot < k; ++slot) {
        if (order[slot] < experts) out[slot] *= scale[static_cast<std::size_t>(order[slot])];
      }
      return out;
    });
  };
  list.add("moe_gather_topk_weights", label, build, purpose);
}

void gather_cases(CaseList& list) {
  for (const std::uint32_t experts : {1u, 2u, 9u, 64u, 128u}) {
    for (const std::uint32_t k : {1u, 2u, 8u}) {
      if (k > experts) continue;
      gather_case(list, fmt::format("{} of {}", k, experts), experts, k, uniform(0, 1),
                  [=](std::size_t i) { return static_cast<double>((i * 5 + 3) % experts); });
    }
  }
  const auto ascending = [](std::size_t i) { return static_cast<double>(i); };
  gather_case(list, "probabilities of 0", 16, 4, constant(0), ascending);
  gather_case(list, "ids past the last", 4, 4, uniform(0, 1), [](std::size_t i) {
    return i == 1 ? 4e9 : i == 2 ? 4 : 1;
  });
  // Eight of 128, what models ask for, takes less than the start of a dispatch.
  gather_case(list, "128 of 4096", 4096, 128, uniform(0, 1), ascending, Purpose::Benchmark);
}

}  // namespace

void routing_cases(CaseList& list) {
  route_cases(list);
  gate_cases(list);
  gather_cases(list);
}

}  // namespace anymetal::cases
