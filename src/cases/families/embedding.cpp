// Row lookup in embedding tables: kernels/embedding/embedding_gather_scale.metal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cases/block_codes.hpp"
#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

struct Setup {
  std::size_t rows, dim, tokens;
};

constexpr float kScale = 25.298221f;

Values lookup(const Values& table, const Values& ids, std::size_t rows, std::size_t dim) {
  Values out;
  for (const double id : ids) {
    for (std::size_t i = 0; i < dim; ++i) {
      const auto row = static_cast<std::size_t>(id);
      out.push_back(row < rows ? table[row * dim + i] * static_cast<double>(kScale) : 0.0);
    }
  }
  return out;
}

constexpr std::uint32_t u32(std::size_t v) { return static_cast<std::uint32_t>(v); }

/// Rows of a block-quantised table. The terms of a weight may cancel: its error is measured by its row's largest.
void from_blocks(Problem& p, DType type, const Setup& s, const Fill& id) {
  const auto table = p.input(0, type, s.rows * s.dim, normal());
  const auto ids = p.input(1, DType::U32, s.tokens, id);
  const auto out = p.output(2, DType::F32, s.tokens * s.dim);
  struct {
    float scale;
    std::uint32_t hidden, tokens, rows;
  } const params = {kScale, u32(s.dim), u32(s.tokens), u32(s.rows)};
  p.value(3, params);
  p.traffic(static_cast<double>(ops::bytes_of(type, s.tokens * s.dim) + 4 * s.tokens * s.dim));
  p.threads({s.dim / 32, s.tokens}, {flat_threads(s.dim / 32)});
  p.expect(out, {.magnitude = 0x1.8p-23}, [=] {
    Values values = lookup(table, ids, s.rows, s.dim), magnitude(values.size());
    for (std::size_t row = 0; row < s.tokens; ++row) {
      double largest = 0;
      for (std::size_t i = 0; i < s.dim; ++i) largest = std::fmax(largest, std::fabs(values[row * s.dim + i]));
      std::fill_n(&magnitude[row * s.dim], s.dim, largest);
    }
    return Expected(std::move(values), std::move(magnitude));
  });
}

}  // namespace

void embedding_cases(CaseList& list) {
  for (const std::size_t dim : {1u, 33u, 640u, 1u << 20}) {
    const auto build = [=](Problem& p) {
      const auto table = p.input(0, DType::F32, 7 * dim, normal());
      const auto out = p.output(1, DType::F32, dim);
      struct {
        float scale;
        std::uint32_t hidden, id;
      } const params = {kScale, u32(dim), 6};
      p.value(2, params);
      p.threads({dim}, {flat_threads(dim)});
      p.expect(out, {.relative = 0x1p-24}, [=] { return lookup(table, {6}, 7, dim); });
      p.traffic(8.0 * static_cast<double>(dim));
    };
    list.add("embedding_gather_scale_f32", fmt::format("H={}", dim), build,
             dim > 1000 ? Purpose::Benchmark : Purpose::Test);
  }
  const std::array plain = {Setup{1, 1, 1}, Setup{9, 33, 5}, Setup{40, 640, 7}, Setup{8192, 1024, 2048},
                            Setup{32768, 1024, 16384}};
  for (const Setup& s : plain) {
    const auto build = [=](Problem& p) {
      const auto table = p.input(0, DType::F32, s.rows * s.dim, normal());
      const auto ids = p.input(1, DType::U32, s.tokens, integers(0, static_cast<std::int64_t>(s.rows) - 1));
      const auto out = p.output(2, DType::F32, s.tokens * s.dim);
      struct {
        float scale;
        std::uint32_t hidden, tokens;
      } const params = {kScale, u32(s.dim), u32(s.tokens)};
      p.value(3, params);
      p.threads({s.dim, s.tokens}, {flat_threads(s.dim)});
      p.expect(out, {.relative = 0x1p-24}, [=] { return lookup(table, ids, s.rows, s.dim); });
      p.traffic(8.0 * static_cast<double>(s.tokens * s.dim));
    };
    list.add("embedding_gather_scale_batch_f32", fmt::format("V={} H={} T={}", s.rows, s.dim, s.tokens), build,
             s.tokens > 10000 ? Purpose::LargeBenchmark : s.tokens > 1000 ? Purpose::Benchmark : Purpose::Test);
  }
  for (const DType type : kBlockFormats) {
    const std::string kernel = fmt::format("embedding_gather_scale_batch_{}_f32", ops::name(type));
    const std::size_t block = ops::info(type).block_elements;
    const std::array quantised = {Setup{3, block, 1}, Setup{40, 5 * block, 9}};
    for (const Setup& s : quantised) {
      list.add(kernel, fmt::format("V={} H={} T={}", s.rows, s.dim, s.tokens), [=](Problem& p) {
        // One id in a few is past the end.
        from_blocks(p, type, s, integers(0, static_cast<std::int64_t>(s.rows + s.rows / 4)));
      });
    }
    const auto add_timed = [&](const Setup& s, Purpose purpose) {
      list.add(
          kernel, fmt::format("V={} H={} T={}", s.rows, s.dim, s.tokens),
          [=](Problem& p) { from_blocks(p, type, s, integers(0, static_cast<std::int64_t>(s.rows) - 1)); }, purpose);
    };
    add_timed({4096, 2048, 256}, Purpose::Benchmark);
    add_timed({16384, 2048, 16384}, Purpose::LargeBenchmark);
    list.add(kernel, "every code", [=](Problem& p) {
      p.given_bytes(0, every_code(type, Scales::Any));
      from_blocks(p, type, {kCodeBlocks, block, kCodeBlocks}, counting());
    });
  }
}

}  // namespace anymetal::cases
