#include "ops/rope.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>

#include "ops/checks.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {
namespace {

std::string kernel_name(std::string_view stem, DType dtype) { return fmt::format("{}_{}", stem, name(dtype)); }

/// Checks the data of an op whose kernels exist for these types.
void check_data(Checks& check, const Tensor& x, const Tensor& out, std::size_t rank, std::string_view shape,
                std::initializer_list<DType> types) {
  check.that(std::ranges::find(types, x.dtype) != types.end(), "no kernel for {}", name(x.dtype));
  check.dense("x", x, x.dtype);
  check.dense("out", out, x.dtype);
  check.same_shape("out", out, "x", x);
  check.that(x.rank == rank, "x is {}, must be {}", x.describe(), shape);
  check.that(x.columns() % 2 == 0, "cannot pair {} elements", x.columns());
  check.that(x.columns() <= 1u << 24, "head of {} elements is too long",
             x.columns());  // the kernels take it as a float
  check.fits_32_bits("number of rows", x.rows());
}

/// Checks positions and how much of a head is rotated; gives the latter.
std::size_t check_heads(Checks& check, const Tensor& x, const Tensor& out, std::size_t rope_dim) {
  check_data(check, x, out, 3, "[tokens, heads, head size]", {DType::F32, DType::BF16});
  const std::size_t dim = x.columns(), rotated = rope_dim == 0 ? dim : rope_dim;
  check.that(rotated % 2 == 0 && rotated <= dim, "cannot rotate {} of {} elements", rotated, dim);
  return rotated;
}

/// Records one thread per pair.
void dispatch_pairs(Context& context, std::size_t pairs, std::size_t rows) {
  context.encoder.dispatch_threads({pairs, rows}, {std::min<std::size_t>(64, pairs), std::min<std::size_t>(4, rows)});
}

}  // namespace

Result<void> rope(Context& context, const Tensor& x, const Tensor& positions, const Rope& rope, const Tensor& out,
                  const Tensor& freq_factors) {
  Checks check("rope");
  const std::size_t rotated = check_heads(check, x, out, rope.rope_dim);
  check.dense("positions", positions, DType::U32);
  check.that(positions.elements() == x.shape[0], "{} positions for {} tokens", positions.elements(), x.shape[0]);
  if (freq_factors.defined()) {
    check.that(x.dtype == DType::F32, "no kernel for {} with frequency factors", name(x.dtype));
    check.dense("freq_factors", freq_factors, DType::F32);
    check.that(freq_factors.elements() == rotated / 2, "{} frequency factors for {} pairs", freq_factors.elements(),
               rotated / 2);
  }
  if (auto failed = check.failure()) return *failed;

  const std::array<float, 4> params = {rope.theta, static_cast<float>(x.columns()), static_cast<float>(rotated), 0.0f};
  const std::array<std::uint32_t, 2> heads_and_flag = {u32(x.shape[1]), freq_factors.defined() ? 1u : 0u};
  const std::string kernel = kernel_name("rope_neox", x.dtype);
  // Where the factors are off, what is bound in their place is not touched.
  const auto bound = x.dtype == DType::F32 ? bind_kernel(context, kernel, x, out, params, positions, heads_and_flag,
                                                         freq_factors.defined() ? freq_factors : x)
                                           : bind_kernel(context, kernel, x, out, params, positions, heads_and_flag);
  if (!bound) return bound;
  dispatch_pairs(context, rotated / 2, x.rows());
  return {};
}

Result<void> rope_adjacent(Context& context, const Tensor& x, const Tensor& positions, float theta, const Tensor& out) {
  Checks check("rope_adjacent");
  check_data(check, x, out, 2, "[tokens, row size]", {DType::F32, DType::F16, DType::BF16});
  check.dense("positions", positions, DType::U32);
  check.that(positions.elements() == x.shape[0], "{} positions for {} tokens", positions.elements(), x.shape[0]);
  if (auto failed = check.failure()) return *failed;

  const std::array<float, 2> params = {theta, static_cast<float>(x.columns())};
  if (auto bound = bind_kernel(context, kernel_name("rope", x.dtype), x, out, params, positions); !bound) return bound;
  dispatch_pairs(context, x.columns() / 2, x.rows());
  return {};
}

Result<void> rope_multi(Context& context, const Tensor& x, const Tensor& positions, const MultiRope& rope,
                        const Tensor& out) {
  Checks check("rope_multi");
  const std::size_t rotated = check_heads(check, x, out, rope.rope_dim);
  check.dense("positions", positions, DType::I32);
  check.that(positions.elements() == 4 * x.shape[0], "{} positions for 4 axes of {} tokens", positions.elements(),
             x.shape[0]);
  if (rope.order == RopeSections::Vision) {
    check.that(rotated == x.columns(), "vision order cannot rotate {} of {} elements", rotated, x.columns());
    check.that(std::size_t{rope.sections[0]} + rope.sections[1] == rotated / 2,
               "sections of {} and {} pairs for {} pairs", rope.sections[0], rope.sections[1], rotated / 2);
  }
  if (auto failed = check.failure()) return *failed;

  const std::array<float, 4> params = {rope.theta, static_cast<float>(x.columns()), static_cast<float>(rotated), 0.0f};
  const std::array<std::uint32_t, 4> shape = {u32(x.shape[1]), static_cast<std::uint32_t>(rope.order), u32(x.shape[0]),
                                              0};
  if (auto bound =
          bind_kernel(context, kernel_name("rope_multi", x.dtype), x, out, params, positions, shape, rope.sections);
      !bound) {
    return bound;
  }
  dispatch_pairs(context, x.columns() / 2, x.rows());
  return {};
}

}  // namespace anymetal::ops
