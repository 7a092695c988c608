// Kernels that move data: kernels/movement.
#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

struct Extents {
  std::uint32_t a, b, c;
  Purpose purpose = Purpose::Test;
};

/// out[place(a, b, c)] = x[a, b, c], dispatched over a grid that overhangs each axis.
template <class Place>
void moved(CaseList& list, const char* kernel, DType from, DType to, const Extents& e, std::array<std::size_t, 3> grid,
           Size group, Place place) {
  list.add(kernel, fmt::format("{}x{}x{}", e.a, e.b, e.c), [=](Problem& p) {
    const std::size_t n = std::size_t{e.a} * e.b * e.c;
    const auto x = p.input(0, from, n, normal());
    const auto out = p.output(1, to, n);
    p.value(2, std::array{e.a, e.b, e.c});
    p.threads({grid[0] + p.spare(1), grid[1] + p.spare(2), grid[2] + p.spare(1)},
              {std::min(group.x, grid[0]), std::min(group.y, grid[1]), std::min(group.z, grid[2])});
    p.expect(out, Tolerance::exact(), [=] {
      Values y(n);
      for (std::size_t a = 0; a < e.a; ++a)
        for (std::size_t b = 0; b < e.b; ++b)
          for (std::size_t c = 0; c < e.c; ++c) y[place(a, b, c)] = x[(a * e.b + b) * e.c + c];
      return y;
    });
  }, e.purpose);
}

void transpose_cases(CaseList& list) {
  for (const Extents& e : {Extents{1, 1, 1}, Extents{3, 5, 7}, Extents{2, 33, 65}, Extents{17, 4, 64}, Extents{2, 80, 150}, Extents{5, 76, 136}, Extents{8, 1024, 520, Purpose::Full}, Extents{8, 1024, 512, Purpose::Benchmark}, Extents{8, 4096, 1024, Purpose::LargeBenchmark}}) {
    const auto swap_first = [=](std::size_t a, std::size_t b, std::size_t c) { return (b * e.a + a) * e.c + c; };
    const auto swap_last = [=](std::size_t a, std::size_t b, std::size_t c) { return (a * e.c + c) * e.b + b; };
    const std::array<std::size_t, 3> cba = {e.c, e.b, e.a}, bca = {e.b, e.c, e.a};
    moved(list, "permute_021_f32", DType::F32, DType::F32, e, cba, {64, 4, 4}, swap_first);
    moved(list, "permute_021_bf16", DType::BF16, DType::BF16, e, cba, {64, 4, 4}, swap_first);
    moved(list, "permute_021_bf16_to_f32", DType::BF16, DType::F32, e, cba, {64, 4, 4}, swap_first);
    moved(list, "transpose_last2_bf16", DType::BF16, DType::BF16, e, bca, {16, 16, 4}, swap_last);
    moved(list, "transpose_last2_f16", DType::F16, DType::F16, e, bca, {16, 16, 4}, swap_last);
  }
  struct Plane {
    std::uint32_t rows, cols;
    Purpose purpose = Purpose::Test;
  };
  for (const Plane& s : {Plane{1, 1}, Plane{5, 7}, Plane{33, 65}, Plane{100, 16}, Plane{130, 70}, Plane{64, 300}, Plane{2112, 2050, Purpose::Full}, Plane{2048, 2048, Purpose::Benchmark}, Plane{8192, 4096, Purpose::LargeBenchmark}}) {
    for (const DType type : {DType::F32, DType::F16}) {
      list.add(fmt::format("transpose_2d_{}", ops::name(type)), fmt::format("{}x{}", s.rows, s.cols), [=](Problem& p) {
        const std::size_t n = std::size_t{s.rows} * s.cols;
        const auto x = p.input(0, type, n, normal());
        const auto out = p.output(1, type, n);
        p.value(2, std::array{s.rows, s.cols});
        p.threads({s.cols + p.spare(3), s.rows + p.spare(1)}, {std::min<std::size_t>(16, s.cols), std::min<std::size_t>(16, s.rows)});
        p.expect(out, Tolerance::exact(), [=] {
          Values y(n);
          for (std::size_t i = 0; i < n; ++i) y[i % s.cols * s.rows + i / s.cols] = x[i];
          return y;
        });
      }, s.purpose);
    }
  }
}

void copy_cases(CaseList& list) {
  struct Strided {
    std::uint32_t rows, cols, row_stride, column_stride;
    Purpose purpose = Purpose::Test;
  };
  for (const Strided& s : {Strided{1, 1, 1, 1}, Strided{5, 7, 9, 1}, Strided{33, 65, 1, 40}, Strided{3, 257, 0, 2}, Strided{2048, 2048, 2056, 1, Purpose::Benchmark}, Strided{8192, 2048, 2056, 1, Purpose::LargeBenchmark}}) {
    list.add("strided_copy_f32", fmt::format("{}x{} strides {},{}", s.rows, s.cols, s.row_stride, s.column_stride), [=](Problem& p) {
      const std::size_t source = (s.rows - 1) * std::size_t{s.row_stride} + (s.cols - 1) * std::size_t{s.column_stride} + 1;
      const auto x = p.input(0, DType::F32, source, normal());
      const auto out = p.output(1, DType::F32, std::size_t{s.rows} * s.cols);
      p.value(2, std::array{s.rows, s.cols, s.row_stride, s.column_stride});
      p.threads({s.cols + p.spare(1), s.rows + p.spare(1)}, {flat_threads(s.cols)});
      p.expect(out, Tolerance::exact(), [=] {
        Values y(std::size_t{s.rows} * s.cols);
        for (std::size_t i = 0; i < y.size(); ++i) y[i] = x[i / s.cols * s.row_stride + i % s.cols * s.column_stride];
        return y;
      });
    }, s.purpose);
  }
  struct Offsets {
    std::uint32_t source, destination, count;
    Purpose purpose = Purpose::Test;
  };
  for (const Offsets& s : {Offsets{0, 0, 1}, Offsets{3, 5, 257}, Offsets{100, 0, 31}, Offsets{7, 9, 1 << 22, Purpose::Benchmark}, Offsets{7, 9, 1 << 25, Purpose::LargeBenchmark}}) {
    list.add("offset_copy_f32", fmt::format("{} from {} to {}", s.count, s.source, s.destination), [=](Problem& p) {
      const auto x = p.input(0, DType::F32, s.source + s.count, normal());
      Values initial;
      const auto out = p.inout(1, DType::F32, s.destination + s.count + 4, normal(), initial);
      p.value(2, std::array{s.source, s.destination, s.count});
      p.threads({s.count + p.spare(3)}, {flat_threads(s.count)});
      p.expect(out, Tolerance::exact(), [=] {
        Values y = initial;
        for (std::size_t i = 0; i < s.count; ++i) y[s.destination + i] = x[s.source + i];
        return y;
      });
    }, s.purpose);
  }
  struct Gather {
    std::uint32_t width, count, rows;
    Purpose purpose = Purpose::Test;
  };
  for (const Gather& s : {Gather{1, 1, 1}, Gather{33, 5, 7}, Gather{257, 3, 4}, Gather{1024, 2048, 4096, Purpose::Benchmark}, Gather{1024, 16384, 32768, Purpose::LargeBenchmark}}) {
    list.add("gather_f32", fmt::format("{} of {}x{}", s.count, s.rows, s.width), [=](Problem& p) {
      const auto x = p.input(0, DType::F32, std::size_t{s.rows} * s.width, normal());
      const auto index = p.input(1, DType::U32, s.count, integers(0, s.rows + 2));  // some past the last row
      const auto out = p.output(2, DType::F32, std::size_t{s.count} * s.width);
      p.value(3, std::array{s.width, s.count, s.rows});
      p.threads({s.width + p.spare(1), s.count + p.spare(1)}, {flat_threads(s.width)});
      p.traffic(8.0 * s.width * s.count);
      p.expect(out, Tolerance::exact(), [=] {
        Values y(std::size_t{s.count} * s.width);
        for (std::size_t i = 0; i < y.size(); ++i) {
          const auto row = static_cast<std::size_t>(std::min<double>(index[i / s.width], s.rows - 1));
          y[i] = x[row * s.width + i % s.width];
        }
        return y;
      });
    }, s.purpose);
  }
  for (const std::uint32_t n : {1u, 255u, 257u, 1u << 22, 1u << 25}) {
    list.add("zero_buffer", fmt::format("n={}", n), [=](Problem& p) {
      const auto out = p.output(0, DType::F32, n);
      p.value(1, n);
      p.threads({n + p.spare(5)}, {flat_threads(n)});
      p.expect(out, Tolerance::exact(), [=] { return Values(n, 0.0); });
    }, n > 1u << 22 ? Purpose::LargeBenchmark : n > 1000 ? Purpose::Benchmark : Purpose::Test);
  }
}

void head_cases(CaseList& list) {
  struct Split {
    std::uint32_t tokens, q, k, v;
    Purpose purpose = Purpose::Test;
  };
  for (const Split& s : {Split{1, 1, 1, 1}, Split{5, 7, 3, 2}, Split{3, 64, 32, 33}, Split{2, 255, 1, 257},
                         Split{2048, 2048, 512, 512, Purpose::Benchmark}, Split{8192, 2048, 512, 512, Purpose::LargeBenchmark}}) {
    const auto build = [=](Problem& p) {
      const std::uint32_t width = s.q + s.k + s.v;
      const auto x = p.input(0, DType::F32, std::size_t{s.tokens} * width, normal());
      p.value(4, std::array{s.tokens, s.q, s.k, s.v, width});
      p.threads({width + p.spare(1), s.tokens + p.spare(1)}, {flat_threads(width)});
      std::uint32_t first = 0;
      unsigned index = 1;
      for (const std::uint32_t part : {s.q, s.k, s.v}) {
        p.expect(p.output(index++, DType::F32, std::size_t{s.tokens} * part), Tolerance::exact(), [=] {
          Values y(std::size_t{s.tokens} * part);
          for (std::size_t i = 0; i < y.size(); ++i) y[i] = x[i / part * width + first + i % part];
          return y;
        });
        first += part;
      }
    };
    list.add("qkv_split_f32", fmt::format("{}x({}+{}+{})", s.tokens, s.q, s.k, s.v), build, s.purpose);
  }
  struct Repeat {
    std::uint32_t tokens, source_heads, heads, width;
    Purpose purpose = Purpose::Test;
  };
  for (const Repeat& s : {Repeat{1, 1, 1, 1}, Repeat{3, 2, 6, 5}, Repeat{2, 3, 3, 33}, Repeat{2, 4, 8, 257}, Repeat{3, 3, 7, 31},
                          Repeat{2048, 16, 32, 128, Purpose::Benchmark}, Repeat{8192, 16, 32, 128, Purpose::LargeBenchmark}}) {
    const auto build = [=](Problem& p) {
      const auto x = p.input(0, DType::F32, std::size_t{s.tokens} * s.source_heads * s.width, normal());
      const std::size_t n = std::size_t{s.tokens} * s.heads * s.width;
      const auto out = p.output(1, DType::F32, n);
      p.value(2, std::array{s.tokens, s.source_heads, s.heads, s.width});
      p.threads({s.width + p.spare(1), s.heads + p.spare(1), s.tokens + p.spare(1)}, {flat_threads(s.width)});
      p.expect(out, Tolerance::exact(), [=] {
        Values y(n);
        for (std::size_t i = 0; i < n; ++i) {
          const std::size_t token = i / s.width / s.heads, head = i / s.width % s.heads;
          y[i] = x[(token * s.source_heads + head % s.source_heads) * s.width + i % s.width];
        }
        return y;
      });
    };
    list.add("repeat_tiled_f32", fmt::format("{}x{}x{} to {} heads", s.tokens, s.source_heads, s.width, s.heads), build, s.purpose);
  }
}

}  // namespace

void movement_cases(CaseList& list) {
  head_cases(list);
  transpose_cases(list);
  copy_cases(list);
}

}  // namespace anymetal::cases
