// Products grouped by expert and the lists they work from: kernels/moe/expert_lists.metal,
// kernels/matmul/mul_mm_id.metal, mul_mm_id_tensor.metal.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "cases/block_codes.hpp"
#include "cases/case_list.hpp"
#include "cases/products.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;
constexpr double kRefused = 2147483648.0;  // bit 31 of a count

struct MapParams {
  std::int32_t ne10, ne11;
  std::uint64_t nb11, nb12;
  std::int32_t ne21, ne20;
  std::uint64_t nb21;
};
static_assert(sizeof(MapParams) == 40);

struct MatMatParams {
  std::int32_t ne00, ne02;
  std::uint64_t nb01, nb02, nb03;
  std::int32_t ne11, pad0;
  std::uint64_t nb10, nb11, nb12, nb13;
  std::int32_t ne20, ne21, ne0, ne1;
  std::int16_t r2, r3, pad1, pad2;
};
static_assert(sizeof(MatMatParams) == 96);

/// Which experts a table of ids names.
enum class Routing : std::uint8_t { Spread, FewExperts, Twice, OutOfRange };

struct Shape {
  std::size_t tokens, top_k, experts;
  Routing routing = Routing::Spread;
  std::size_t n = 1, blocks = 1, spare_rows = 0;
  Purpose purpose = Purpose::Test;
};

std::string label(const Shape& s) {
  constexpr std::array kNames = {"", " few", " twice", " out-of-range"};
  return fmt::format("tokens={}x{} experts={} N={} blocks={}{}", s.tokens, s.top_k, s.experts, s.n, s.blocks,
                     kNames[static_cast<std::size_t>(s.routing)]);
}

/// Distinct experts for every token, in any order; then what `routing` breaks.
Values table_of(Random& random, const Shape& s) {
  const std::size_t used = s.routing == Routing::FewExperts ? s.top_k : s.experts;
  Values ids;
  for (std::size_t t = 0; t < s.tokens; ++t) {
    Values all(used);
    for (std::size_t e = 0; e < used; ++e) all[e] = static_cast<double>(e);
    for (std::size_t k = 0; k < s.top_k; ++k) {
      std::swap(all[k], all[k + random.below(used - k)]);
      ids.push_back(all[k]);
    }
  }
  if (s.routing == Routing::Twice) ids[s.tokens / 2 * s.top_k + 5] = ids[s.tokens / 2 * s.top_k + 2];
  if (s.routing == Routing::OutOfRange) ids.back() = static_cast<double>(s.experts);
  return ids;
}

bool is_refused(const Shape& s) { return s.routing == Routing::Twice || s.routing == Routing::OutOfRange; }

struct Lists {
  Values counts, entries;
};

/// Counts and lists of a table; places past a list's end keep what `unused` has there.
Lists lists_of(const Shape& s, const Values& ids, const Values& unused) {
  Lists lists = {Values(s.experts, 0.0), unused};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto e = static_cast<std::size_t>(ids[i]);
    if (e >= s.experts) continue;
    bool again = false;
    for (std::size_t j = i / s.top_k * s.top_k; j < i; ++j) again |= ids[j] == ids[i];
    if (again) continue;
    lists.entries[e * s.tokens + static_cast<std::size_t>(lists.counts[e])] = static_cast<double>(i);
    lists.counts[e] += 1;
  }
  if (is_refused(s)) {
    for (double& count : lists.counts) count += kRefused;
  }
  return lists;
}

void map(Problem& p, const Shape& s) {
  const auto i32 = [](std::size_t v) { return static_cast<std::int32_t>(v); };
  p.value(0, MapParams{1, i32(s.top_k), 0, 0, i32(s.tokens), i32(s.top_k), 4 * s.top_k});
  const auto ids = p.input(1, DType::U32, table_of(p.random(), s));
  const auto counts = p.output(2, DType::U32, s.experts);
  Values unused;
  const auto entries = p.inout(3, DType::I32, s.experts * s.tokens, constant(-7), unused);
  p.threadgroup_memory(0, 2 * s.experts * s.top_k);
  p.threadgroups({1}, {s.experts});
  p.traffic(static_cast<double>(2 * ids.size() + s.experts) * 4);  // an entry for each id
  p.expect(counts, Tolerance::exact(), [=] { return lists_of(s, ids, unused).counts; });
  p.expect(entries, Tolerance::exact(), [=] { return lists_of(s, ids, unused).entries; });
}

/// Factors pass through f16: the weights, and in the tensor forms the activations. Over the terms of a super-block more
/// of their errors cancel.
Tolerance rounded_factors(DType type, bool tensor) {
  const bool super_blocks = ops::info(type).block_elements == 256;
  const double scale = super_blocks ? (tensor ? 0.35 : 0.22) : (tensor ? 1 : 0.65);
  return {.absolute = 1e-5 * scale, .magnitude = 0x1p-10 * scale};
}

void product(Problem& p, const Shape& s, DType type, const Tolerance& tolerance) {
  const auto i32 = [](std::size_t v) { return static_cast<std::int32_t>(v); };
  const std::size_t k = s.blocks * ops::info(type).block_elements, stride = (s.n + s.spare_rows) * k;
  p.value(0, MatMatParams{i32(k), i32(s.experts), ops::bytes_of(type, k), ops::bytes_of(type, stride), 0, i32(s.top_k),
                          0, 4, 0, 4 * k, 0, i32(s.top_k), i32(s.tokens), i32(s.n), i32(s.top_k), 1, 1, 0, 0});
  const auto weight = p.input(1, type, s.experts * stride, uniform(-1, 1));
  const auto x = p.input(2, DType::F32, s.tokens * k, normal());
  const Values ids = table_of(p.random(), s);
  // Past a list's end stands what must not be read.
  const Lists lists = lists_of(s, ids, Values(s.experts * s.tokens, 1 << 30));
  p.input(3, DType::U32, lists.counts);
  p.input(4, DType::I32, lists.entries);
  const auto out = p.output(5, DType::F32, ids.size() * s.n);
  p.threadgroup_memory(0, 8192);
  p.threadgroups({divide_up(s.tokens, 32), divide_up(s.n, 64), s.experts}, {128});
  p.flops(2.0 * static_cast<double>(ids.size()) * static_cast<double>(s.n * k));
  p.expect(out, tolerance, [=] {
    if (is_refused(s)) return Expected(Values(ids.size() * s.n, std::nan("")));
    return products(
        ids.size(), s.n, k,
        [&](std::size_t r, std::size_t n) { return &weight[static_cast<std::size_t>(ids[r]) * stride + n * k]; },
        [&](std::size_t r, std::size_t) { return &x[r / s.top_k * k]; });
  });
}

}  // namespace

void expert_matmul_cases(CaseList& list) {
  constexpr std::array kTables = {Shape{1, 1, 1},
                                  Shape{33, 1, 3},
                                  Shape{2000, 1, 65},
                                  Shape{5, 1, 4, Routing::OutOfRange},
                                  Shape{1, 8, 8},
                                  Shape{33, 8, 9},
                                  Shape{257, 8, 128},
                                  Shape{10, 8, 17, Routing::FewExperts},
                                  Shape{9, 8, 33, Routing::Twice},
                                  Shape{4, 8, 8, Routing::OutOfRange},
                                  Shape{40000, 1, 2, Routing::Spread, 1, 1, 0, Purpose::Full},
                                  Shape{4096, 1, 128, Routing::Spread, 1, 1, 0, Purpose::Benchmark},
                                  Shape{512, 8, 128, Routing::Spread, 1, 1, 0, Purpose::Benchmark}};
  for (const Shape& s : kTables) {
    list.add(
        fmt::format("kernel_mul_mm_id_map0_ne20_{}", s.top_k), label(s), [=](Problem& p) { map(p, s); }, s.purpose);
  }
  constexpr std::array kProducts = {Shape{1, 1, 1, Routing::Spread, 1, 1},
                                    Shape{70, 1, 2, Routing::Spread, 65, 3, 2},
                                    Shape{33, 8, 9, Routing::Spread, 17, 2},
                                    Shape{40, 8, 11, Routing::FewExperts, 63, 1, 1},
                                    Shape{33, 1, 3, Routing::OutOfRange, 65, 1},
                                    Shape{33, 8, 12, Routing::Twice, 5, 1},
                                    Shape{256, 8, 16, Routing::Spread, 704, 8, 0, Purpose::Benchmark}};
  const auto add = [&](DType type, bool tensor) {
    const std::string kernel = fmt::format("kernel_mul_mm_id_{}_{}f32", ops::name(type), tensor ? "tensor_" : "");
    for (const Shape& s : kProducts)
      list.add(
          kernel, label(s), [=](Problem& p) { product(p, s, type, rounded_factors(type, tensor)); }, s.purpose);
    const std::size_t block = ops::info(type).block_elements;
    list.add(kernel, "every code", [=](Problem& p) {
      p.given_bytes(1, every_code(type, Scales::Moderate));
      p.given(2, identity(block));
      product(p, {block, 1, 2, Routing::Spread, kCodeBlocks / 2}, type, kOneWeight);
    });
  };
  for (const DType type : kBlockFormats) {
    add(type, false);
    add(type, true);
  }
  // More tokens than a 16-bit index can name.
  constexpr Shape kMany = {33000, 1, 1, Routing::Spread, 3, 1};
  for (const bool tensor : {false, true}) {
    list.add(tensor ? "kernel_mul_mm_id_q8_0_tensor_f32" : "kernel_mul_mm_id_q8_0_f32", label(kMany),
             [=](Problem& p) { product(p, kMany, DType::Q8_0, rounded_factors(DType::Q8_0, tensor)); });
  }
}

}  // namespace anymetal::cases
