// Activations and sums over experts, gated activations: kernels/activation, kernels/moe/expert_*.metal.
#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kRoot = std::sqrt(2 / 3.14159265358979323846);

double gelu(double x) { return std::isinf(x) ? (x > 0 ? x : std::nan("")) : 0.5 * x * (1 + std::tanh(kRoot * (x + 0.044715 * x * x * x))); }
double gelu_slope(double x) {
  const double t = std::tanh(kRoot * (x + 0.044715 * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * kRoot * (1 + 3 * 0.044715 * x * x);
}
double logistic(double x) { return 1 / (1 + std::exp(-x)); }

Tolerance tolerance_of(DType type) {
  switch (type) {
    case DType::F16: return {.absolute = 2e-6, .relative = 0x1p-11 + 1e-5};
    case DType::BF16: return {.absolute = 2e-6, .relative = 0x1p-8 + 1e-5};
    default: return {.absolute = 2e-7, .relative = 8e-7};
  }
}

constexpr std::array<std::size_t, 8> kSizes = {1, 31, 33, 255, 257, 5000, 1u << 22, 1u << 25};
Purpose purpose_of(std::size_t n) { return n > 1u << 22 ? Purpose::LargeBenchmark : n > 100000 ? Purpose::Benchmark : Purpose::Test; }

void activation_cases(CaseList& list) {
  for (const std::size_t n : kSizes) {
    const std::string name = fmt::format("n={}", n);
    for (const DType type : {DType::F32, DType::F16, DType::BF16}) {
      list.add(fmt::format("gelu_{}", ops::name(type)), name, [=](Problem& p) {
        const auto x = p.input(0, type, n, normal(0, 3));
        const auto y = p.output(1, type, n);
        p.threads({n}, {flat_threads(n)});
        p.expect(y, type == DType::F32 ? Tolerance{.absolute = 1.15e-7, .relative = 4.6e-7} : tolerance_of(type), [=] {
          Values out(n);
          for (std::size_t i = 0; i < n; ++i) out[i] = gelu(x[i]);
          return out;
        });
      }, purpose_of(n));
    }
    const auto gated = [&](const std::string& kernel, DType type, double (*f)(double, double), Tolerance tolerance) {
      list.add(kernel, name, [=](Problem& p) {
        const auto a = p.input(0, type, n, normal(0, 3));
        const auto b = p.input(1, type, n, normal(0, 3));
        const auto y = p.output(2, type, n);
        p.value(3, static_cast<std::uint32_t>(n));
        p.threads({n + p.spare(3)}, {flat_threads(n)});
        p.expect(y, tolerance, [=] {
          Values out(n);
          for (std::size_t i = 0; i < n; ++i) out[i] = f(a[i], b[i]);
          return out;
        });
      }, purpose_of(n));
    };
    constexpr Tolerance kF32 = {.absolute = 4e-7, .relative = 4e-7};
    gated("silu_mul_f32", DType::F32, [](double gate, double up) { return gate * logistic(gate) * up; }, kF32);
    gated("sigmoid_mul_f32", DType::F32, [](double x, double gate) { return x * logistic(gate); }, kF32);
    gated(
        "sigmoid_mul_bf16", DType::BF16, [](double x, double gate) { return x * logistic(gate); },
        tolerance_of(DType::BF16));
  }
  list.add("gelu_f32", "extremes", [](Problem& p) {
    const auto x = p.input(0, DType::F32, 8, listed({0, -0.0, 50, -50, 1e30, -1e30, kInfinity, -kInfinity}));
    const auto y = p.output(1, DType::F32, 8);
    p.threads({8}, {8});
    p.expect(y, {.absolute = 1e-6, .relative = 1e-6}, [=] {
      Values out(8);
      for (std::size_t i = 0; i < 8; ++i) out[i] = x[i] < -20 && !std::isinf(x[i]) ? 0 : gelu(x[i]);
      return out;
    });
  });
}

struct Sizes {
  std::uint32_t width, slots, tokens;
  Purpose purpose = Purpose::Test;
};
constexpr std::array kExperts = {Sizes{1, 1, 1}, Sizes{33, 3, 2}, Sizes{257, 2, 5}, Sizes{64, 8, 7}, Sizes{1032, 8, 352, Purpose::Full}, Sizes{1024, 8, 2048, Purpose::Benchmark},
                                 Sizes{1024, 8, 4096, Purpose::LargeBenchmark}};

std::string label(const Sizes& s) { return fmt::format("{}x{}x{}", s.tokens, s.slots, s.width); }
std::array<std::uint32_t, 3> packed(const Sizes& s) { return {s.width, s.slots, s.tokens}; }

void over_slots(Problem& p, const Sizes& s) {
  p.threads({s.width + p.spare(1), s.slots + p.spare(1), s.tokens + p.spare(1)}, {flat_threads(s.width)});
}

/// gelu(gate) * up for every slot.
Values swiglu(const Values& gate_up, std::size_t width) {
  Values y(gate_up.size() / 2);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t row = i / width * 2 * width + i % width;
    y[i] = gelu(gate_up[row]) * gate_up[row + width];
  }
  return y;
}

void swiglu_cases(CaseList& list) {
  for (const std::size_t n : kSizes) {
    list.add("moe_swiglu_fused", fmt::format("n={}", n), [=](Problem& p) {
      const auto x = p.input(0, DType::F32, 2 * n, normal(0, 2));
      const auto y = p.output(1, DType::F32, n);
      p.value(2, static_cast<std::uint32_t>(n));
      p.threads({n + p.spare(1)}, {flat_threads(n)});
      p.expect(y, tolerance_of(DType::F32), [=] { return swiglu(x, n); });
    }, purpose_of(n));
  }
  for (const Sizes& s : kExperts) {
    list.add("moe_swiglu_batch", label(s), [=](Problem& p) {
      const std::size_t n = std::size_t{s.width} * s.slots;
      const auto x = p.input(0, DType::F32, 2 * n, normal(0, 2));
      const auto y = p.output(1, DType::F32, n);
      p.value(2, s.width);
      p.value(3, s.slots);
      p.threads({s.width + p.spare(1), s.slots + p.spare(1)}, {flat_threads(s.width)});
      p.expect(y, tolerance_of(DType::F32), [=] { return swiglu(x, s.width); });
    }, s.purpose);
    const std::size_t n = std::size_t{s.width} * s.slots * s.tokens;
    for (const DType type : {DType::F32, DType::BF16}) {
      list.add(type == DType::F32 ? "moe_swiglu_seq" : "moe_swiglu_seq_bf16", label(s), [=](Problem& p) {
        const auto x = p.input(0, type, 2 * n, normal(0, 2));
        const auto y = p.output(1, type, n);
        p.value(2, packed(s));
        over_slots(p, s);
        p.expect(y, tolerance_of(type), [=] { return swiglu(x, s.width); });
      }, s.purpose);
    }
    const auto backward = [=](Problem& p, const Fill& fill) {
      const auto x = p.input(0, DType::F32, 2 * n, fill);
      const auto dy = p.input(1, DType::F32, n, normal());
      const auto dx = p.output(2, DType::F32, 2 * n);
      p.value(3, packed(s));
      over_slots(p, s);
      p.expect(dx, {.absolute = 2.1e-6, .relative = 2.1e-6}, [=] {
        Values out(2 * n);
        for (std::size_t i = 0; i < n; ++i) {
          const std::size_t row = i / s.width * 2 * s.width + i % s.width;
          out[row] = dy[i] * x[row + s.width] * gelu_slope(x[row]);
          out[row + s.width] = dy[i] * gelu(x[row]);
        }
        return out;
      });
    };
    list.add("moe_swiglu_seq_backward_f32", label(s), [=](Problem& p) { backward(p, normal(0, 2)); }, s.purpose);
    // Where x^3 overflows, the slope is 0 or 1 all the same.
    if (s.width == 33) {
      list.add("moe_swiglu_seq_backward_f32", "wide gates",
               [=](Problem& p) { backward(p, listed({0, 12, -12, 1e5, -1e5, 3e13, -3e13, 1e18, -1e18})); });
    }
  }
}

/// Sum over the slots of term(slot, h) for every (token, h), with the sum of absolute terms.
template <class Term>
Expected over_experts(const Sizes& s, Term term) {
  Values sum(std::size_t{s.tokens} * s.width, 0.0), magnitude(sum.size(), 0.0);
  for (std::size_t i = 0; i < sum.size(); ++i) {
    for (std::size_t k = 0; k < s.slots; ++k) {
      const double value = term(i / s.width * s.slots + k, i % s.width);
      sum[i] += value;
      magnitude[i] += std::fabs(value);
    }
  }
  return {sum, magnitude};
}

void sum_cases(CaseList& list) {
  const Tolerance one_token = {.magnitude = 5e-7}, many_tokens = {.magnitude = 6.5e-7};
  for (const Sizes& s : kExperts) {
    const std::size_t rows = std::size_t{s.tokens} * s.slots, n = rows * s.width, out_n = std::size_t{s.tokens} * s.width;
    list.add("moe_weighted_sum", label(s), [=](Problem& p) {
      const Sizes one = {s.width, s.slots, 1};
      const auto x = p.input(0, DType::F32, std::size_t{s.slots} * s.width, normal());
      const auto w = p.input(1, DType::F32, s.slots, normal());
      const auto y = p.output(2, DType::F32, s.width);
      p.value(3, std::array{s.width, s.slots});
      p.threads({s.width + p.spare(2)}, {flat_threads(s.width)});
      p.expect(y, one_token, [=] {
        return over_experts(one, [&](std::size_t k, std::size_t h) { return x[k * s.width + h] * w[k]; });
      });
    }, s.purpose);
    for (const DType type : {DType::F32, DType::BF16}) {
      list.add(type == DType::F32 ? "moe_weighted_sum_seq" : "moe_weighted_sum_seq_bf16_input", label(s), [=](Problem& p) {
        const auto x = p.input(0, type, n, normal());
        const auto w = p.input(1, DType::F32, rows, normal());
        const auto y = p.output(2, DType::F32, out_n);
        p.value(3, packed(s));
        p.threads({s.width + p.spare(1), s.tokens + p.spare(1)}, {flat_threads(s.width)});
        p.expect(y, many_tokens, [=] {
          return over_experts(s, [&](std::size_t k, std::size_t h) { return x[k * s.width + h] * w[k]; });
        });
      }, s.purpose);
    }
    list.add("moe_weighted_sum_seq_backward_outputs_f32", label(s), [=](Problem& p) {
      const auto w = p.input(0, DType::F32, rows, normal());
      const auto dy = p.input(1, DType::F32, out_n, normal());
      const auto dx = p.output(2, DType::F32, n);
      p.value(3, packed(s));
      over_slots(p, s);
      p.expect(dx, {.relative = 0x1p-24}, [=] {
        Values out(n);
        for (std::size_t i = 0; i < n; ++i) out[i] = w[i / s.width] * dy[i / s.width / s.slots * s.width + i % s.width];
        return out;
      });
    }, s.purpose);
    list.add("moe_weighted_sum_seq_backward_weights_f32", label(s), [=](Problem& p) {
      const auto x = p.input(0, DType::F32, n, normal());
      const auto dy = p.input(1, DType::F32, out_n, normal());
      const auto dw = p.output(2, DType::F32, rows);
      p.value(3, packed(s));
      p.threads({rows + p.spare(3)}, {flat_threads(rows)});
      p.expect(dw, {.magnitude = 2.8e-7}, [=] {
        return over_experts({static_cast<std::uint32_t>(1), s.width, static_cast<std::uint32_t>(rows)}, [&](std::size_t i, std::size_t) {
          return x[i] * dy[i / s.width / s.slots * s.width + i % s.width];
        });
      });
    }, s.purpose);
    for (const std::uint32_t add : {0u, 1u}) {
      list.add("moe_weighted_reduce_f32", fmt::format("{} residual={}", label(s), add), [=](Problem& p) {
        p.value(0, std::array{s.tokens, s.slots, s.width, add});
        const auto w = p.input(1, DType::F32, rows, uniform(0, 1));
        const auto x = p.input(2, DType::F32, n, normal());
        const auto logit = p.input(3, DType::F32, s.tokens, normal(0, 4));
        const auto shared = p.input(4, DType::F32, out_n, normal());
        const auto residual = p.input(5, DType::F32, out_n, normal());
        const auto y = p.output(6, DType::F32, out_n);
        p.threadgroups({divide_up(s.width, 256), s.tokens + p.spare(1)}, {256});
        p.expect(y, {.absolute = 2.8e-7, .relative = 2.8e-7, .magnitude = 2.8e-7}, [=] {
          Expected out = over_experts(s, [&](std::size_t k, std::size_t h) { return x[k * s.width + h] * w[k]; });
          for (std::size_t i = 0; i < out_n; ++i) {
            out.values[i] += shared[i] * logistic(logit[i / s.width]) + (add != 0 ? residual[i] : 0);
            out.magnitude[i] += std::fabs(shared[i]) + std::fabs(residual[i]);
          }
          return out;
        });
      }, s.purpose);
    }
  }
  for (const std::size_t n : kSizes) {
    list.add("moe_accumulate", fmt::format("n={}", n), [=](Problem& p) {
      Values sum;
      const auto out = p.inout(0, DType::F32, n, normal(), sum);
      const auto x = p.input(1, DType::F32, n, normal());
      struct {
        std::uint32_t n;
        float weight;
      } const params = {static_cast<std::uint32_t>(n), 0.375f};
      p.value(2, params);
      p.threads({n + p.spare(1)}, {flat_threads(n)});
      p.traffic(12.0 * static_cast<double>(n));
      p.expect(out, {.absolute = 1.35e-7, .relative = 1.35e-7}, [=] {
        Values y(n);
        for (std::size_t i = 0; i < n; ++i) y[i] = sum[i] + 0.375 * x[i];
        return y;
      });
    }, purpose_of(n));
  }
  struct Matrix {
    std::uint32_t n, k;
    Purpose purpose = Purpose::Test;
  };
  for (const Matrix& m : {Matrix{1, 1}, Matrix{33, 65}, Matrix{257, 31}, Matrix{16384, 2048, Purpose::Benchmark}}) {
    list.add("naive_matvec_f32", fmt::format("{}x{}", m.n, m.k), [=](Problem& p) {
      const auto w = p.input(0, DType::F32, std::size_t{m.n} * m.k, normal());
      const auto x = p.input(1, DType::F32, m.k, normal());
      const auto y = p.output(2, DType::F32, m.n);
      p.value(3, std::array{1u, m.k, m.n});
      p.threads({m.n + p.spare(1)}, {flat_threads(m.n)});
      p.expect(y, {.magnitude = 5e-7}, [=] {
        return over_experts({1, m.k, m.n}, [&](std::size_t i, std::size_t) { return w[i] * x[i % m.k]; });
      });
    }, m.purpose);
  }
}

}  // namespace

void experts_cases(CaseList& list) {
  activation_cases(list);
  swiglu_cases(list);
  sum_cases(list);
}

}  // namespace anymetal::cases
