// Element-wise kernels of training and their gradients: kernels/training/elementwise_gradients.metal, adam_update.metal.
#include "cases/case_list.hpp"
#include "cases/in_place.hpp"
#include "cases/shapes.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kLarge = 1u << 24;

struct Data {
  std::string label;
  std::size_t n;
  Fill first;
  Purpose purpose = Purpose::Test;
};

std::vector<Data> data_sets(const Fill& usual, std::vector<double> special) {
  std::vector<Data> sets;
  for (const std::size_t n : {1UZ, 31UZ, 33UZ, 255UZ, 257UZ, 5000UZ}) sets.push_back({fmt::format("n={}", n), n, usual});
  const std::size_t count = special.size();
  if (count > 0) sets.push_back({"special", count, listed(std::move(special))});
  sets.push_back({fmt::format("n={}", kLarge), kLarge, usual, Purpose::Benchmark});
  return sets;
}

/// Counts of the element-wise kernels live in the last buffer; the logarithms have none.
void grid(Problem& p, std::size_t n, unsigned count_index, bool counted) {
  if (counted) {
    p.value(count_index, static_cast<std::uint32_t>(n));
    // One threadgroup too many: threads past n must do nothing.
    p.threads({n + p.spare(7)}, {flat_threads(n)});
  } else {
    p.threads({n}, {flat_threads(n)});
  }
}

Values map(const Values& a, double (*f)(double)) {
  Values y(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) y[i] = f(a[i]);
  return y;
}
Values map(const Values& a, const Values& b, double (*f)(double, double)) {
  Values y(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) y[i] = f(a[i], b[i]);
  return y;
}

void forward(CaseList& list, const char* kernel, const std::vector<Data>& sets, double (*f)(double), Tolerance tolerance,
             bool counted = true) {
  for (const Data& data : sets) {
    list.add(kernel, data.label, [=](Problem& p) {
      const auto x = p.input(0, DType::F32, data.n, data.first);
      const auto y = p.output(1, DType::F32, data.n);
      grid(p, data.n, 2, counted);
      p.expect(y, tolerance, [=] { return map(x, f); });
    }, data.purpose);
  }
}

/// dx from one saved tensor and dy.
void backward(CaseList& list, const char* kernel, const std::vector<Data>& sets, double (*f)(double saved, double dy),
              Tolerance tolerance, bool counted = true) {
  for (const Data& data : sets) {
    list.add(kernel, data.label, [=](Problem& p) {
      const auto saved = p.input(0, DType::F32, data.n, data.first);
      const auto dy = p.input(1, DType::F32, data.n, normal());
      const auto dx = p.output(2, DType::F32, data.n);
      grid(p, data.n, 3, counted);
      p.expect(dx, tolerance, [=] { return map(saved, dy, f); });
    }, data.purpose);
  }
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

void divide_cases(CaseList& list) {
  const auto away_from_zero = [](Random& random, std::size_t) { return (random.unit() < 0.5 ? -1 : 1) * (0.25 + 4 * random.unit()); };
  const Tolerance rounding = {.absolute = 0x1p-149, .relative = 0x1p-23};
  for (const Data& data : data_sets(away_from_zero, {1, -2, 0.0, -0.0, kInfinity, 1e-30, 3e38})) {
    list.add("divide_f32", data.label, [=](Problem& p) {
      const auto a = p.input(0, DType::F32, data.n, normal());
      const auto b = p.input(1, DType::F32, data.n, data.first);
      const auto y = p.output(2, DType::F32, data.n);
      grid(p, data.n, 3, true);
      p.expect(y, rounding, [=] { return map(a, b, [](double x, double z) { return x / z; }); });
    }, data.purpose);
    if (data.label == "special") continue;
    const auto gradients = [=](Problem& p, bool in_place) {
      const auto b = p.input(0, DType::F32, data.n, data.first);
      Values y;
      const auto da = input_and_output(p, 1, 3, DType::F32, data.n, normal(), in_place, y);
      const auto dy = p.input(2, DType::F32, data.n, normal());
      const auto db = p.output(4, DType::F32, data.n);
      grid(p, data.n, 5, true);
      p.expect(da, rounding, [=] { return map(dy, b, [](double g, double z) { return g / z; }); });
      p.expect(db, {.absolute = 0x1p-149, .relative = 0x1p-22}, [=] {
        Values out(data.n);
        for (std::size_t i = 0; i < data.n; ++i) out[i] = -dy[i] * y[i] / b[i];
        return out;
      });
    };
    list.add("divide_backward_f32", data.label, [=](Problem& p) { gradients(p, false); }, data.purpose);
    if (data.n == 257) list.add("divide_backward_f32", "da over y", [=](Problem& p) { gradients(p, true); });
  }
}

struct AdamParams {
  float rate, beta1, beta2, eps, correction1, correction2;
};
static_assert(sizeof(AdamParams) == 24);

void adam_case(Problem& p, std::size_t n, unsigned step, bool zero, float eps = 1e-8f) {
  const float beta1 = 0.9f, beta2 = 0.999f;
  const AdamParams a{0.01f, beta1, beta2, eps, static_cast<float>(1 - std::pow(static_cast<double>(beta1), step)),
                     static_cast<float>(1 - std::pow(static_cast<double>(beta2), step))};
  const Fill gradient = zero ? constant(0) : normal();
  Values theta, m, v;
  const auto theta_out = p.inout(0, DType::F32, n, normal(), theta);
  const auto g = p.input(1, DType::F32, n, gradient);
  const auto m_out = p.inout(2, DType::F32, n, zero ? constant(0) : normal(0, 0.1), m);
  const auto v_out = p.inout(3, DType::F32, n, zero ? constant(0) : uniform(0.0, 0.1), v);
  p.value(4, a);
  grid(p, n, 5, true);
  p.traffic(28.0 * static_cast<double>(n));
  const double b1 = static_cast<double>(beta1), b2 = static_cast<double>(beta2);
  const auto first = [=](std::size_t i) { return b1 * m[i] + (1 - b1) * g[i]; };
  const auto second = [=](std::size_t i) { return b2 * v[i] + (1 - b2) * g[i] * g[i]; };
  const auto each = [n](auto f) {
    Values out(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = f(i);
    return out;
  };
  p.expect(m_out, {.absolute = 4e-8, .relative = 4e-6}, [=] { return each(first); });
  p.expect(v_out, {.absolute = 2.1e-9, .relative = 2.1e-7}, [=] { return each(second); });
  p.expect(theta_out, {.absolute = 1e-8, .relative = 1e-6}, [=] {
    return each([=](std::size_t i) {
      const double root = std::sqrt(second(i) / static_cast<double>(a.correction2));
      return theta[i] - static_cast<double>(a.rate) * (first(i) / static_cast<double>(a.correction1)) / (root + static_cast<double>(a.eps));
    });
  });
}

}  // namespace

void training_elementwise_cases(CaseList& list) {
  const Fill wide = normal(0, 3);
  const Fill positive = uniform(0.01, 9);
  forward(list, "exp_f32", data_sets(wide, {0, -kInfinity, kInfinity, kNan, 88, -87, 100}),
          [](double x) { return x > 89 ? kInfinity : std::exp(x); }, {.absolute = 1e-37, .relative = 4.8e-6});
  backward(list, "exp_backward_f32", data_sets(positive, {}), [](double y, double dy) { return dy * y; }, {.absolute = 1e-37, .relative = 0x1p-23});
  forward(list, "sqrt_f32", data_sets(positive, {0, -1, kInfinity, kNan, 1e-30}), [](double x) { return std::sqrt(x); }, {.relative = 0x1p-23});
  backward(list, "sqrt_backward_f32", data_sets(positive, {0, 1, kInfinity}), [](double y, double dy) { return dy / (2 * y); }, {.relative = 0x1p-22});
  divide_cases(list);
  forward(list, "silu_f32", data_sets(wide, {0, 20, -20, 100, -100, kNan}), [](double x) { return x * logistic(x); },
          {.absolute = 4.5e-8, .relative = 4.5e-7});
  backward(list, "silu_backward_f32", data_sets(wide, {0, 20, -20, 80, -80}),
           [](double x, double dy) { return dy * logistic(x) * (1 + x * (1 - logistic(x))); },
           {.absolute = 2.4e-7, .relative = 2.4e-6});
  forward(
      list, "log_f32", data_sets(positive, {0, 1, kInfinity, kNan, -1, 1e-30, 3e38}),
      [](double x) { return std::log(x); }, {.absolute = 3e-8, .relative = 3e-7}, false);
  backward(list, "log_backward_f32", data_sets(positive, {}), [](double x, double dy) { return dy / x; }, {.relative = 0x1.ep-23}, false);
  for (const std::size_t n : {1UZ, 255UZ, 257UZ, 5000UZ}) {
    list.add("adam_update_f32", fmt::format("n={} t=1", n), [=](Problem& p) { adam_case(p, n, 1, false); });
    list.add("adam_update_f32", fmt::format("n={} t=100", n), [=](Problem& p) { adam_case(p, n, 100, false); });
  }
  list.add("adam_update_f32", "zero gradient", [](Problem& p) { adam_case(p, 33, 1, true); });
  list.add("adam_update_f32", "large epsilon", [](Problem& p) { adam_case(p, 257, 3, false, 0.1f); });
  list.add("adam_update_f32", fmt::format("n={}", kLarge), [](Problem& p) { adam_case(p, kLarge, 10, false); }, Purpose::Benchmark);
}

}  // namespace anymetal::cases
