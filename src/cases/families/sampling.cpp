// Softmax and argmax: kernels/sampling.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

#include "cases/case_list.hpp"
#include "cases/in_place.hpp"
#include "cases/shapes.hpp"
#include "cases/softmax_reference.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Row {
  std::string label;
  std::size_t rows, columns;
  Fill fill;
  std::size_t threads = 0;
  Purpose purpose = Purpose::Test;
  bool in_place = false;
};

void softmax_case(CaseList& list, DType type, const Row& row, Tolerance tolerance) {
  list.add(
      fmt::format("softmax_{}", ops::name(type)), row.label,
      [=](Problem& p) {
        Values x;
        const auto y = input_and_output(p, 0, 1, type, row.rows * row.columns, row.fill, row.in_place, x);
        p.value(2, std::array<float, 2>{static_cast<float>(row.columns), 0});
        const std::size_t threads = row.threads == 0 ? row_threads(row.columns) : row.threads;
        p.threadgroup_memory(0, threads * sizeof(float));
        p.threadgroups({row.rows}, {threads});
        p.expect(y, tolerance, [=] { return softmax_rows(x, row.columns); });
      },
      row.purpose);
}

void argmax_case(CaseList& list, std::string label, std::size_t n, std::size_t threads, const Fill& fill,
                 Purpose purpose = Purpose::Test) {
  list.add(
      "argmax_f32", std::move(label),
      [=](Problem& p) {
        const auto x = p.input(0, DType::F32, n, fill);
        const auto index = p.output(1, DType::U32, 1);
        const auto value = p.output(2, DType::F32, 1);
        p.value(3, static_cast<std::uint32_t>(n));
        p.threadgroup_memory(0, threads * 4);
        p.threadgroup_memory(1, threads * 4);
        p.threadgroups({1}, {threads});
        const auto best = [=] {
          std::size_t at = 0;
          double top = -kInfinity;
          for (std::size_t i = 0; i < n; ++i) {
            if (x[i] > top) {
              top = x[i];
              at = i;
            }
          }
          return std::pair(at, top);
        };
        p.expect(index, Tolerance::exact(), [=] { return Values{static_cast<double>(best().first)}; });
        p.expect(value, Tolerance::exact(), [=] { return Values{best().second}; });
      },
      purpose);
}

}  // namespace

void sampling_cases(CaseList& list) {
  const std::array rows = {
      Row{"1x1", 1, 1, normal()},
      Row{"3x31", 3, 31, normal(0, 5)},
      Row{"2x33", 2, 33, normal(0, 5)},
      Row{"2x257", 2, 257, normal(0, 5)},
      Row{"2x5000", 2, 5000, normal(0, 5)},
      Row{"3x100 tg=96", 3, 100, normal(), 96},
      Row{"equal", 2, 77, constant(4)},
      Row{.label = "in place", .rows = 2, .columns = 700, .fill = normal(0, 5), .in_place = true},
      Row{"wide spread", 2, 64, uniform(-60000, 60000)},
      Row{"some -inf", 1, 40, listed({1, -kInfinity, 2, 0.5, -kInfinity})},
      Row{"all -inf", 2, 40, constant(-kInfinity)},
      Row{"+inf", 2, 33, listed({1, kInfinity, 2, 0.5})},
      Row{"nan", 2, 33, listed({1, 2, kNan, 0.5})},
      Row{"large", 512, 4096, normal(0, 3), 0, Purpose::Benchmark},
      Row{"8192x4096", 8192, 4096, normal(0, 3), 0, Purpose::LargeBenchmark},
  };
  for (const Row& row : rows) {
    softmax_case(list, DType::F32, row, {.absolute = 1.25e-8, .relative = 6.25e-7});
    softmax_case(list, DType::F16, row, {.absolute = 1e-6, .relative = 1e-3});
    softmax_case(list, DType::BF16, row, {.absolute = 1e-6, .relative = 8e-3});
  }
  for (const std::size_t n : {1u, 2u, 31u, 33u, 1000u, 1025u, 50000u})
    argmax_case(list, fmt::format("n={}", n), n, 1024, normal());
  argmax_case(list, "threads=32", 777, 32, normal());
  argmax_case(list, "ties", 3000, 1024, integers(0, 3));
  argmax_case(list, "nan", 500, 256, listed({kNan, 1, 2, kNan, 5, -kInfinity, 5}));
  std::vector<double> largest_first(64, 1.0);
  largest_first[3] = 9;
  largest_first[35] = kNan;
  argmax_case(list, "nan after the largest in a thread", 64, 32, listed(largest_first));
  argmax_case(list, "nan among many", 2500, 1024, listed({kNan, 1, 2, kNan, 5, -kInfinity, 5}));
  for (const std::size_t n : {std::size_t{300}, std::size_t{2100}}) {
    argmax_case(list, fmt::format("all -inf n={}", n), n, 256, constant(-kInfinity));
    argmax_case(list, fmt::format("all nan n={}", n), n, 256, constant(kNan));
  }
  argmax_case(list, "vocabulary", 262144, 1024, normal(), Purpose::Benchmark);
}

}  // namespace anymetal::cases
