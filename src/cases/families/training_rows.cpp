// Gradients over rows, outer products, indexed rows: kernels/training.
#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

struct Shape {
  std::size_t rows, columns;
  Purpose purpose = Purpose::Test;
};
constexpr std::array kShapes = {Shape{1, 1},    Shape{3, 31},   Shape{2, 31},  Shape{2, 33},  Shape{5, 255},
                                Shape{4, 257},  Shape{2, 1000}, Shape{33, 64}, Shape{4096, 1024, Purpose::Benchmark},
                                Shape{16384, 2048, Purpose::LargeBenchmark}};

std::string label(const Shape& s) { return fmt::format("{}x{}", s.rows, s.columns); }

void row_kernel(Problem& p, std::size_t groups, std::size_t width, bool scratch = true) {
  const std::size_t threads = row_threads(width);
  if (scratch) p.threadgroup_memory(0, 4 * threads);
  p.threadgroups({groups}, {threads});
}

struct FloatParams {
  float first, second;
};
FloatParams params(std::size_t first, std::size_t second = 0) {
  return {static_cast<float>(first), static_cast<float>(second)};
}

/// Sum of term(i) for i < n, and of its absolute values.
template <class Term>
std::pair<double, double> sum_of(std::size_t n, Term term) {
  double sum = 0, magnitude = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sum += term(i);
    magnitude += std::fabs(term(i));
  }
  return {sum, magnitude};
}

/// One output per index, each a sum of terms.
template <class Term>
Expected sums(std::size_t outputs, std::size_t terms, Term term) {
  Values values(outputs), magnitude(outputs);
  for (std::size_t o = 0; o < outputs; ++o) {
    std::tie(values[o], magnitude[o]) = sum_of(terms, [&](std::size_t i) { return term(o, i); });
  }
  return {values, magnitude};
}

void softmax_backward(Problem& p, const Shape& s) {
  const std::size_t n = s.rows * s.columns;
  const auto y = p.input(0, DType::F32, n, uniform(0, 2.0 / static_cast<double>(s.columns)));
  const auto dy = p.input(1, DType::F32, n, normal());
  const auto dx = p.output(2, DType::F32, n);
  p.value(3, params(s.columns));
  row_kernel(p, s.rows, s.columns);
  p.expect(dx, {.absolute = 1.15e-7, .relative = 1.15e-6}, [=] {
    Values out(n);
    for (std::size_t r = 0; r < s.rows; ++r) {
      const std::size_t base = r * s.columns;
      const double mean = sum_of(s.columns, [&](std::size_t i) { return y[base + i] * dy[base + i]; }).first;
      for (std::size_t i = 0; i < s.columns; ++i) out[base + i] = y[base + i] * (dy[base + i] - mean);
    }
    return out;
  });
}

void row_sum(Problem& p, const Shape& s) {
  const auto x = p.input(0, DType::F32, s.rows * s.columns, normal());
  const auto y = p.output(1, DType::F32, s.rows);
  p.value(2, params(s.columns));
  row_kernel(p, s.rows, s.columns);
  p.expect(y, {.magnitude = 1.45e-7},
           [=] { return sums(s.rows, s.columns, [&](std::size_t r, std::size_t i) { return x[r * s.columns + i]; }); });
}

void row_sum_backward(Problem& p, const Shape& s) {
  const auto dy = p.input(0, DType::F32, s.rows, normal());
  const auto dx = p.output(1, DType::F32, s.rows * s.columns);
  p.value(2, params(s.columns));
  row_kernel(p, s.rows, s.columns, false);
  p.expect(dx, Tolerance::exact(), [=] {
    Values out(s.rows * s.columns);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = dy[i / s.columns];
    return out;
  });
}

constexpr float kEps = 1e-6f;

void rms_inverse(Problem& p, const Shape& s, double scale) {
  const auto x = p.input(0, DType::F32, s.rows * s.columns, normal(0, scale));
  const auto r = p.output(1, DType::F32, s.rows);
  p.value(2, FloatParams{kEps, static_cast<float>(s.columns)});
  row_kernel(p, s.rows, s.columns);
  p.expect(r, {.absolute = 3e-8, .relative = 3e-7}, [=] {
    Values out(s.rows);
    for (std::size_t row = 0; row < s.rows; ++row) {
      const double squares =
          sum_of(s.columns, [&](std::size_t i) { return x[row * s.columns + i] * x[row * s.columns + i]; }).first;
      out[row] = 1 / std::sqrt(squares / static_cast<double>(s.columns) + static_cast<double>(kEps));
    }
    return out;
  });
}

void rms_dx(Problem& p, const Shape& s) {
  const std::size_t n = s.rows * s.columns;
  const auto x = p.input(0, DType::F32, n, normal());
  const auto w = p.input(1, DType::F32, s.columns, uniform(0.5, 1.5));
  const auto dy = p.input(2, DType::F32, n, normal());
  const auto r = p.input(3, DType::F32, s.rows, uniform(0.5, 1.5));
  const auto dx = p.output(4, DType::F32, n);
  p.value(5, params(s.columns));
  row_kernel(p, s.rows, s.columns);
  p.expect(dx, {.absolute = 7.6e-7, .relative = 1.9e-6}, [=] {
    Values out(n);
    for (std::size_t row = 0; row < s.rows; ++row) {
      const std::size_t base = row * s.columns;
      const double products = sum_of(s.columns, [&](std::size_t i) { return dy[base + i] * x[base + i] * w[i]; }).first;
      const double c = products * r[row] * r[row] / static_cast<double>(s.columns);
      for (std::size_t i = 0; i < s.columns; ++i) out[base + i] = r[row] * (dy[base + i] * w[i] - x[base + i] * c);
    }
    return out;
  });
}

void rms_dw(Problem& p, const Shape& s) {
  const std::size_t n = s.rows * s.columns;
  const auto x = p.input(0, DType::F32, n, normal());
  const auto dy = p.input(1, DType::F32, n, normal());
  const auto r = p.input(2, DType::F32, s.rows, uniform(0.5, 1.5));
  const auto dw = p.output(3, DType::F32, s.columns);
  p.value(4, params(s.columns, s.rows));
  row_kernel(p, s.columns, s.rows);
  p.expect(dw, {.magnitude = 4.2e-7}, [=] {
    return sums(s.columns, s.rows,
                [&](std::size_t i, std::size_t b) { return dy[b * s.columns + i] * x[b * s.columns + i] * r[b]; });
  });
}

struct Extent {
  std::uint32_t rows, columns;
};
Extent extent(const Shape& s) { return {static_cast<std::uint32_t>(s.rows), static_cast<std::uint32_t>(s.columns)}; }

/// A grid that overhangs in both dimensions.
void overhanging(Problem& p, std::size_t x, std::size_t y, std::size_t group) {
  p.threads({x + p.spare(3), y + p.spare(5)}, {std::min(group, x), std::min(group, y)});
}

void outer_product(Problem& p, const Shape& s) {
  const auto lhs = p.input(0, DType::F32, s.rows, normal());
  const auto rhs = p.input(1, DType::F32, s.columns, normal());
  const auto y = p.output(2, DType::F32, s.rows * s.columns);
  p.value(3, extent(s));
  overhanging(p, s.rows, s.columns, 16);
  p.expect(y, {.relative = 0x1p-24}, [=] {
    Values out(s.rows * s.columns);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = lhs[i / s.columns] * rhs[i % s.columns];
    return out;
  });
}

void outer_product_backward(Problem& p, const Shape& s, bool lhs) {
  const auto dy = p.input(0, DType::F32, s.rows * s.columns, normal());
  const auto other = p.input(1, DType::F32, lhs ? s.columns : s.rows, normal());
  const std::size_t outputs = lhs ? s.rows : s.columns;
  const auto out = p.output(2, DType::F32, outputs);
  p.value(3, extent(s));
  p.threads({outputs + p.spare(9)}, {std::min<std::size_t>(64, outputs)});
  p.expect(out, {.magnitude = lhs ? 4.8e-7 : 6e-7}, [=] {
    return sums(outputs, lhs ? s.columns : s.rows, [&](std::size_t o, std::size_t i) {
      return (lhs ? dy[o * s.columns + i] : dy[i * s.columns + o]) * other[i];
    });
  });
}

struct Taking {
  std::uint32_t rows, columns, k;
  bool repeated = false;
};

/// Indices of each row: distinct unless asked otherwise, some of them past the row.
std::vector<double> indices(Random& random, const Taking& t) {
  std::vector<double> out;
  for (std::uint32_t r = 0; r < t.rows; ++r) {
    std::set<std::uint64_t> used;
    for (std::uint32_t j = 0; j < t.k; ++j) {
      std::uint64_t index = random.below(t.columns + t.columns / 8);
      while (!t.repeated && !used.insert(index).second) index = (index + 1) % (t.columns + t.k);
      out.push_back(static_cast<double>(index));
    }
  }
  return out;
}

void take(Problem& p, const Taking& t, bool backward) {
  const std::size_t wide = std::size_t{t.rows} * t.columns, narrow = std::size_t{t.rows} * t.k;
  const auto source = p.input(0, DType::F32, backward ? narrow : wide, normal());
  const auto index = p.input(1, DType::U32, indices(p.random(), t));
  p.value(3, std::array{t.rows, t.columns, t.k});
  overhanging(p, t.rows, t.k, 16);
  if (!backward) {
    p.expect(p.output(2, DType::F32, narrow), Tolerance::exact(), [=] {
      Values out(narrow);
      for (std::size_t i = 0; i < narrow; ++i) {
        out[i] = index[i] < t.columns ? source[i / t.k * t.columns + static_cast<std::size_t>(index[i])] : 0;
      }
      return out;
    });
    return;
  }
  Values initial;
  const auto dx = p.inout(2, DType::F32, wide, constant(0), initial);
  p.expect(dx, t.repeated ? Tolerance{.absolute = 2e-7, .relative = 2e-7} : Tolerance::exact(), [=] {
    Values out(wide, 0.0);
    for (std::size_t i = 0; i < narrow; ++i) {
      if (index[i] < t.columns) out[i / t.k * t.columns + static_cast<std::size_t>(index[i])] += source[i];
    }
    return out;
  });
}

struct Table {
  std::uint32_t vocab, hidden, batch;
  Purpose purpose = Purpose::Test;
};

void lookup(Problem& p, const Table& t) {
  const auto table = p.input(0, DType::F32, std::size_t{t.vocab} * t.hidden, normal());
  const auto ids = p.input(1, DType::U32, t.batch, integers(0, t.vocab + 1));
  const auto y = p.output(2, DType::F32, std::size_t{t.batch} * t.hidden);
  p.value(3, std::array{t.vocab, t.hidden});
  p.threads({t.hidden + p.spare(2), t.batch}, {std::min<std::size_t>(32, t.hidden), std::min<std::size_t>(8, t.batch)});
  p.traffic(8.0 * t.hidden * t.batch);
  p.expect(y, Tolerance::exact(), [=] {
    Values out(std::size_t{t.batch} * t.hidden);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double id = ids[i / t.hidden];
      out[i] = id < t.vocab ? table[static_cast<std::size_t>(id) * t.hidden + i % t.hidden] : 0;
    }
    return out;
  });
}

void scatter_add(Problem& p, const Table& t) {
  const auto dy = p.input(0, DType::F32, std::size_t{t.batch} * t.hidden, normal());
  const auto ids = p.input(1, DType::U32, t.batch, integers(0, t.vocab + 1));
  const auto table = p.output(2, DType::F32, std::size_t{t.vocab} * t.hidden);
  p.value(3, std::array{t.vocab, t.hidden, t.batch});
  p.threads({t.hidden + p.spare(2), t.vocab + p.spare(3)},
            {std::min<std::size_t>(32, t.hidden), std::min<std::size_t>(8, t.vocab)});
  // Bit for bit the serial sum in f32.
  p.expect(table, Tolerance::exact(), [=] {
    Values out(std::size_t{t.vocab} * t.hidden);
    for (std::size_t i = 0; i < out.size(); ++i) {
      float sum = 0;
      for (std::size_t b = 0; b < t.batch; ++b) {
        if (ids[b] == static_cast<double>(i / t.hidden)) sum += static_cast<float>(dy[b * t.hidden + i % t.hidden]);
      }
      out[i] = static_cast<double>(sum);
    }
    return out;
  });
}

struct Slab {
  std::uint32_t rows, wide, narrow, start;
  Purpose purpose = Purpose::Test;
};

void slice(Problem& p, const Slab& s, bool into) {
  const std::size_t wide = std::size_t{s.rows} * s.wide, narrow = std::size_t{s.rows} * s.narrow;
  const auto source = p.input(0, DType::F32, into ? narrow : wide, normal());
  if (into) p.value(2, std::array{s.narrow, s.wide, s.start});
  else p.value(2, std::array{s.wide, s.narrow, s.start});
  p.threads({s.narrow + p.spare(1), s.rows}, {std::min<std::size_t>(32, s.narrow), std::min<std::size_t>(8, s.rows)});
  p.traffic(8.0 * static_cast<double>(narrow));
  const auto place = [=](std::size_t i) { return i / s.narrow * s.wide + s.start + i % s.narrow; };
  if (into) {
    Values initial;
    const auto y = p.inout(1, DType::F32, wide, normal(), initial);
    p.expect(y, Tolerance::exact(), [=] {
      Values out = initial;
      for (std::size_t i = 0; i < narrow; ++i) out[place(i)] = source[i];
      return out;
    });
  } else {
    p.expect(p.output(1, DType::F32, narrow), Tolerance::exact(), [=] {
      Values out(narrow);
      for (std::size_t i = 0; i < narrow; ++i) out[i] = source[place(i)];
      return out;
    });
  }
}

}  // namespace

void training_rows_cases(CaseList& list) {
  for (const Shape& s : kShapes) {
    const auto add = [&](const char* kernel, auto build) {
      list.add(
          kernel, label(s), [=](Problem& p) { build(p, s); }, s.purpose);
    };
    add("softmax_backward_f32", softmax_backward);
    add("row_sum_f32", row_sum);
    add("row_sum_backward_f32", row_sum_backward);
    add("rms_norm_compute_rms_inv_f32", [](Problem& p, const Shape& shape) { rms_inverse(p, shape, 1); });
    add("rms_norm_backward_dx_f32", rms_dx);
    add("rms_norm_backward_dw_f32", rms_dw);
    add("outer_product_f32", outer_product);
  }
  for (const bool lhs : {true, false}) {
    const auto add = [&](const Shape& s) {
      list.add(lhs ? "outer_product_backward_lhs_f32" : "outer_product_backward_rhs_f32", label(s),
               [=](Problem& p) { outer_product_backward(p, s, lhs); }, s.purpose);
    };
    for (const Shape& s : kShapes) {
      if (!is_timed(s.purpose)) add(s);
    }
    for (const auto& [results, length, purpose] :
         {std::tuple{16384UZ, 1024UZ, Purpose::Benchmark}, {32768UZ, 2048UZ, Purpose::LargeBenchmark}}) {
      add(lhs ? Shape{results, length, purpose} : Shape{length, results, purpose});  // a thread for each result
    }
  }
  list.add("rms_norm_compute_rms_inv_f32", "zeros", [](Problem& p) { rms_inverse(p, {3, 65}, 0); });

  for (const Taking& t :
       {Taking{1, 1, 1}, Taking{3, 33, 7}, Taking{17, 64, 64}, Taking{5, 1000, 31}, Taking{4, 9, 20, true}, Taking{6, 40, 24, true}}) {
    const std::string name = fmt::format("{}x{} k={}{}", t.rows, t.columns, t.k, t.repeated ? " repeated" : "");
    list.add("take_along_axis_f32", name, [=](Problem& p) { take(p, t, false); });
    list.add("take_along_axis_backward_f32", name, [=](Problem& p) { take(p, t, true); });
  }
  for (const auto& [rows, purpose] : {std::pair{4096u, Purpose::Benchmark}, {32768u, Purpose::LargeBenchmark}}) {
    for (const bool backward : {false, true}) {
      list.add(backward ? "take_along_axis_backward_f32" : "take_along_axis_f32", fmt::format("{}x1024 k=64", rows),
               [=](Problem& p) { take(p, {rows, 1024, 64}, backward); }, purpose);
    }
  }
  for (const Table& t : {Table{1, 1, 1}, Table{7, 33, 5}, Table{50, 32, 9}, Table{3, 65, 40}}) {
    const std::string name = fmt::format("{}x{} batch={}", t.vocab, t.hidden, t.batch);
    list.add("embedding_lookup_f32", name, [=](Problem& p) { lookup(p, t); });
    list.add("embedding_scatter_add_f32", name, [=](Problem& p) { scatter_add(p, t); });
  }
  const auto add_timed = [&](const char* kernel, auto build, const Table& s, Purpose purpose) {
    list.add(
        kernel, fmt::format("{}x{} batch={}", s.vocab, s.hidden, s.batch), [=](Problem& p) { build(p, s); }, purpose);
  };
  add_timed("embedding_lookup_f32", lookup, {32768, 512, 2048}, Purpose::Benchmark);
  add_timed("embedding_lookup_f32", lookup, {32768, 2048, 8192}, Purpose::LargeBenchmark);
  add_timed("embedding_scatter_add_f32", scatter_add, {2048, 512, 64}, Purpose::Benchmark);
  add_timed("embedding_scatter_add_f32", scatter_add, {32768, 1024, 64}, Purpose::LargeBenchmark);
  for (const Slab& s :
       {Slab{1, 1, 1, 0}, Slab{9, 40, 7, 33}, Slab{3, 64, 64, 0}, Slab{17, 100, 33, 5},
        Slab{4096, 2048, 1024, 512, Purpose::Benchmark}, Slab{16384, 2048, 1024, 512, Purpose::LargeBenchmark}}) {
    const std::string name = fmt::format("{} rows, {} of {} from {}", s.rows, s.narrow, s.wide, s.start);
    list.add("slice_2d_cols_f32", name, [=](Problem& p) { slice(p, s, false); }, s.purpose);
    list.add("copy_2d_cols_into_f32", name, [=](Problem& p) { slice(p, s, true); }, s.purpose);
  }
}

}  // namespace anymetal::cases
