#include "ops/experts.hpp"

#include <fmt/format.h>

#include <string>

#include "ops/checks.hpp"
#include "ops/kernel_params.hpp"
#include "ops/launch.hpp"

namespace anymetal::ops {
namespace {

constexpr std::size_t kManyTokens = 32;      // from here on sorting by expert pays
constexpr std::size_t kMaxExperts = 1024;    // of the kernel that sorts: a thread for each
constexpr std::uint32_t kExpertCount = 330;  // function constant of the mat-vec forms

struct Problem {
  const Tensor& weight;
  std::size_t experts, n, k, tokens, slots;

  [[nodiscard]] std::size_t row_bytes() const { return bytes_of(weight.dtype, k); }
  [[nodiscard]] std::size_t expert_bytes() const { return bytes_of(weight.dtype, weight.stride[0]); }
  [[nodiscard]] bool super_blocks() const { return info(weight.dtype).block_elements == 256; }
};

void check_weight(Checks& check, const Tensor& weight) {
  check.exists("weight", weight);
  check.that(weight.rank == 3 && weight.stride[2] == 1 && weight.stride[1] == weight.shape[2],
             "weight is {}, must be [experts, N, K] of dense matrices", weight.describe());
  check.that(is_quantised(weight.dtype), "no kernel for {} weights", name(weight.dtype));
  const std::size_t block = info(weight.dtype).block_elements;
  check.that(weight.columns() % block == 0, "row of {} elements is no multiple of the {}-element blocks of {}",
             weight.columns(), block, name(weight.dtype));
  check.that(weight.stride[0] % block == 0 && weight.stride[0] >= weight.shape[1] * weight.shape[2],
             "experts lie {} elements apart, must be whole blocks and at least {}", weight.stride[0],
             weight.shape[1] * weight.shape[2]);
}

void check_table(Checks& check, const Tensor& weight, const Tensor& ids, const Tensor& out) {
  check.dense("ids", ids, DType::U32);
  check.dense("out", out, DType::F32);
  check.that(ids.rank == 2, "ids are {}, must be [tokens, choices]", ids.describe());
  check.that(out.elements() == ids.elements() * weight.shape[1], "out is {}, must be [{}, {}, {}]", out.describe(),
             ids.shape[0], ids.shape[1], weight.shape[1]);
  check.fits_32_bits("number of experts", weight.shape[0]);
  check.fits_32_bits("N", weight.shape[1]);
  check.fits_32_bits("K", weight.shape[2]);
  check.fits_32_bits("number of rows", ids.elements());
}

ExpertMatVecParams mat_vec_params(const Problem& p) {
  return {.ne00 = i64(p.k),
          .ne01 = i64(p.n),
          .ne10 = i64(p.k),
          .ne0 = i64(p.n),
          .ne1 = i64(p.tokens * p.slots),
          .top_k = u32(p.slots),
          .n_tokens = u32(p.tokens),
          .expert_stride = i64(p.expert_bytes())};
}

Result<PipelinePtr> checked_ids(Context& context, const std::string& kernel, const Problem& p) {
  return context.pipeline(kernel, {{kExpertCount, i32(p.experts)}});
}

void dispatch_mat_vec(Context& context, const Problem& p) {
  const std::size_t rows = p.super_blocks() ? 2 : 8;
  const Size group = p.super_blocks() ? Size{2, 32} : Size{8, 8};
  context.encoder.dispatch_threadgroups({divide_up(p.n, rows), p.tokens * p.slots}, group);
}

/// The form on matrix hardware where the device has it.
std::string mat_mat_kernel(const Context& context, DType type) {
  const bool tensor = context.device.has_tensor() && !context.wide_threads();
  return fmt::format("kernel_mul_mm_id_{}_{}f32", name(type), tensor ? "tensor_" : "");
}

Result<void> by_expert(Context& context, const Problem& p, const Tensor& x, const Tensor& ids, const Tensor& out,
                       const Tensor& scratch) {
  const Tensor counts = scratch.reshaped({scratch.elements()}).rows(0, p.experts);
  const Tensor lists = scratch.reshaped({scratch.elements()}).rows(p.experts, p.experts * p.tokens);
  const ExpertMapParams map = {.ne10 = i32(p.n),
                               .ne11 = i32(p.slots),
                               .ne21 = i32(p.tokens),
                               .ne20 = i32(p.slots),
                               .nb21 = sizeof(std::uint32_t) * p.slots};
  if (auto bound = bind_kernel(context, fmt::format("kernel_mul_mm_id_map0_ne20_{}", p.slots), map, ids, counts, lists);
      !bound) {
    return bound;
  }
  context.encoder.set_threadgroup_memory_length(0, 16);
  context.encoder.dispatch_threadgroups({1}, {p.experts});
  context.encoder.memory_barrier();

  const ExpertMatMatParams params = {.ne00 = i32(p.k),
                                     .ne02 = i32(p.experts),
                                     .nb01 = p.row_bytes(),
                                     .nb02 = p.expert_bytes(),
                                     .ne11 = i32(p.slots),
                                     .nb12 = sizeof(float) * p.k,
                                     .ne20 = i32(p.slots),
                                     .ne21 = i32(p.tokens),
                                     .ne0 = i32(p.n),
                                     .ne1 = i32(p.slots)};
  if (auto bound =
          bind_kernel(context, mat_mat_kernel(context, p.weight.dtype), params, p.weight, x, counts, lists, out);
      !bound) {
    return bound;
  }
  context.encoder.set_threadgroup_memory_length(0, 8192);
  context.encoder.dispatch_threadgroups({divide_up(p.tokens, 32), divide_up(p.n, 64), p.experts}, {128});
  return {};
}

}  // namespace

Result<void> mul_mat_id(Context& context, const Tensor& weight, const Tensor& x, const Tensor& ids, const Tensor& out,
                        const Tensor& scratch) {
  Checks check("mul_mat_id");
  check_weight(check, weight);
  check.dense("x", x, DType::F32);
  if (auto failed = check.failure()) return *failed;
  check_table(check, weight, ids, out);
  check.that(x.rank == 2 && x.shape[1] == weight.shape[2] && x.shape[0] == ids.shape[0], "x is {}, must be [{}, {}]",
             x.describe(), ids.shape[0], weight.shape[2]);
  if (scratch.defined()) {
    check.dense("scratch", scratch, DType::U32);
    check.that(scratch.elements() >= expert_scratch_elements(weight.shape[0], ids.shape[0]),
               "scratch has {} elements, must have {}", scratch.elements(),
               expert_scratch_elements(weight.shape[0], ids.shape[0]));
  }
  if (auto failed = check.failure()) return *failed;

  const Problem p = {weight, weight.shape[0], weight.shape[1], weight.shape[2], ids.shape[0], ids.shape[1]};
  const bool sorts =
      scratch.defined() && p.tokens > kManyTokens && (p.slots == 1 || p.slots == 8) && p.experts <= kMaxExperts;
  if (sorts) return by_expert(context, p, x, ids, out, scratch);
  const std::string kernel = fmt::format("kernel_mul_mv_id_{}_f32", name(weight.dtype));
  if (auto bound = bind_kernel(context, checked_ids(context, kernel, p), weight, x, out, ids, mat_vec_params(p));
      !bound) {
    return bound;
  }
  dispatch_mat_vec(context, p);
  return {};
}

Result<void> mul_mat_id_swiglu(Context& context, const Tensor& weight, const Tensor& gate, const Tensor& up,
                               const Tensor& ids, const Tensor& out) {
  Checks check("mul_mat_id_swiglu");
  check_weight(check, weight);
  check.that(weight.dtype == DType::Q4_0, "weight is {}, must be q4_0", name(weight.dtype));
  check.dense("gate", gate, DType::F32);
  check.dense("up", up, DType::F32);
  check.same_shape("up", up, "gate", gate);
  if (auto failed = check.failure()) return *failed;
  check_table(check, weight, ids, out);
  check.that(gate.columns() == weight.shape[2] && gate.rows() == ids.elements(), "gate is {}, must be [{}, {}, {}]",
             gate.describe(), ids.shape[0], ids.shape[1], weight.shape[2]);
  if (auto failed = check.failure()) return *failed;

  const Problem p = {weight, weight.shape[0], weight.shape[1], weight.shape[2], ids.shape[0], ids.shape[1]};
  if (auto bound = bind_kernel(context, checked_ids(context, "kernel_mul_mv_id_q4_0_f32_swiglu", p), weight, gate, up,
                               out, ids, mat_vec_params(p));
      !bound) {
    return bound;
  }
  dispatch_mat_vec(context, p);
  return {};
}

}  // namespace anymetal::ops
