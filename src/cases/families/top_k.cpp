// Sorting and choosing: kernels/sampling/argsort.metal, kernels/sampling/top_k.metal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Rows {
  std::string label;
  std::uint32_t rows, length;
  Fill fill;
  std::size_t threads = 0;  ///< 0: as many as cover a row
  Purpose purpose = Purpose::Test;
};

/// Per row the indices in descending order of value, of equal values the larger index first, NaN last.
Values sorted_rows(const Values& x, std::size_t length) {
  Values order(x.size());
  for (std::size_t base = 0; base < x.size(); base += length) {
    std::vector<std::size_t> index(length);
    std::iota(index.begin(), index.end(), 0);
    std::ranges::sort(index, std::greater{}, [&](std::size_t i) {
      const double value = x[base + i];
      return std::tuple(!std::isnan(value), std::isnan(value) ? 0 : value, i);
    });
    std::ranges::copy(index, order.begin() + static_cast<std::ptrdiff_t>(base));
  }
  return order;
}

void argsort_case(CaseList& list, const Rows& rows) {
  const auto build = [=](Problem& p) {
    const std::size_t n = std::size_t{rows.rows} * rows.length;
    const auto x = p.input(0, DType::F32, n, rows.fill);
    const auto order = p.output(1, DType::U32, n);
    p.value(2, std::array{rows.length, rows.rows});
    p.threadgroups({rows.rows + p.spare(1)}, {rows.threads == 0 ? row_threads(rows.length) : rows.threads});
    p.expect(order, Tolerance::exact(), [=] { return sorted_rows(x, rows.length); });
  };
  list.add("argsort_desc_f32", rows.label, build, rows.purpose);
}

void argsort_cases(CaseList& list) {
  for (const std::uint32_t length : {1u, 2u, 3u, 31u, 32u, 33u, 63u, 64u, 65u, 127u, 129u, 255u, 256u}) {
    argsort_case(list, {fmt::format("3x{}", length), 3, length, normal()});
  }
  argsort_case(list, {"ties", 3, 100, integers(0, 3)});
  argsort_case(list, {"equal", 2, 77, constant(-2)});
  argsort_case(list, {"zeros of both signs", 1, 40, listed({0.0, -0.0, 1, -1, -0.0})});
  argsort_case(list, {"-inf before padding", 2, 37, listed({1, -kInfinity, 3, -kInfinity, kInfinity, 2, -kInfinity})});
  argsort_case(list, {"all -inf", 1, 5, constant(-kInfinity)});
  argsort_case(list, {"nan before padding", 2, 50, listed({kNan, 1, -kInfinity, 5, kNan, -7, 2})});
  argsort_case(list, {"denormals", 1, 20, listed({1e-40, -1e-40, 0, 2e-40, 1e-45})});
  argsort_case(list, {"tg=32", 3, 200, normal(), 32});
  argsort_case(list, {"tg=96", 2, 256, normal(), 96});
  argsort_case(list, {"many rows", 32768, 256, normal(), 0, Purpose::Benchmark});
  list.add("argsort_desc_f32", "longer than it can be", [](Problem& p) {
    p.untouched(0, DType::F32, 600);
    p.untouched(1, DType::U32, 600);
    p.value(2, std::array{300u, 2u});
    p.threadgroups({2}, {256});
  });
}

struct Choice {
  std::string label;
  std::uint32_t n, k;
  Fill fill;
  std::size_t threads = 0;  ///< 0: the usual ones for k
  Purpose purpose = Purpose::Test;
};

/// Indices of the k largest values above -inf, of equal ones the lowest first.
std::vector<std::size_t> largest(const Values& x, std::size_t k) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] > -kInfinity) order.push_back(i);
  }
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return x[i]; });
  order.resize(std::min(order.size(), k));
  return order;
}

void top_k_case(CaseList& list, const Choice& c) {
  const auto build = [=](Problem& p) {
    const auto x = p.input(0, DType::F32, c.n, c.fill);
    const auto indices = p.output(1, DType::U32, c.k);
    const auto values = p.output(2, DType::F32, c.k);
    p.value(3, std::array{c.n, c.k});
    const std::size_t threads = c.threads != 0 ? c.threads : c.k <= 32 ? 128 : c.k <= 64 ? 64 : 32;
    p.threadgroup_memory(0, threads * c.k * 4);
    p.threadgroup_memory(1, threads * c.k * 4);
    p.threadgroups({1}, {threads});
    p.expect(indices, Tolerance::exact(), [=] {
      Values out(c.k, 0.0);
      std::ranges::copy(largest(x, c.k), out.begin());
      return out;
    });
    p.expect(values, Tolerance::exact(), [=] {
      Values out(c.k, -kInfinity);
      std::ranges::transform(largest(x, c.k), out.begin(), [&](std::size_t i) { return x[i]; });
      return out;
    });
  };
  list.add("top_k_f32", c.label, build, c.purpose);
}

void top_k_sizes(CaseList& list) {
  // The threadgroup's memory is just full where k is 32, 64 or 128.
  for (const std::uint32_t k : {1u, 2u, 8u, 31u, 32u, 33u, 64u, 65u, 128u}) {
    for (const std::uint32_t n : {1u, 31u, 33u, 127u, 129u, 1000u, 4099u}) {
      top_k_case(list, {fmt::format("{} of {}", k, n), n, k, normal()});
    }
  }
  for (const std::uint32_t k : {1u, 32u, 128u}) {
    top_k_case(list, {fmt::format("{} of a vocabulary", k), 262144, k, normal(), 0, Purpose::Full});
  }
  top_k_case(list, {"vocabulary", 262144, 64, normal(), 0, Purpose::Benchmark});
}

}  // namespace

void top_k_cases(CaseList& list) {
  argsort_cases(list);
  top_k_sizes(list);
  const auto step = [](double sign) { return [=](Random&, std::size_t i) { return sign * static_cast<double>(i); }; };
  // Few choices of many, where a thread's list fills and later elements push others out, and most that a thread sees.
  for (const std::uint32_t k : {3u, 40u}) {
    top_k_case(list, {fmt::format("{} of ascending", k), 3000, k, step(1)});
    top_k_case(list, {fmt::format("{} of descending", k), 3000, k, step(-1)});
    top_k_case(list, {fmt::format("{} of ties", k), 3000, k, integers(0, 5)});
    top_k_case(list, {fmt::format("{} of equal ones", k), 3000, k, constant(7)});
  }
  top_k_case(list, {"nan", 500, 20, listed({kNan, 1, 2, kNan, kInfinity, -kInfinity, 5})});
  top_k_case(list, {"few above -inf", 200, 10, [](Random&, std::size_t i) { return i % 50 == 7 ? 1 : -kInfinity; }});
  top_k_case(list, {"all -inf", 100, 5, constant(-kInfinity)});
  top_k_case(list, {"all nan", 100, 5, constant(kNan)});
  for (const std::size_t threads : {1u, 5u, 33u, 96u, 256u, 1024u}) {
    top_k_case(list, {fmt::format("tg={}", threads), 2000, 4, normal(), threads});
  }
}

}  // namespace anymetal::cases
