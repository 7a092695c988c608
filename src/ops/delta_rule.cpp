// The gated delta rule of recurrent.hpp.
#include <array>

#include "ops/launch.hpp"
#include "ops/operands.hpp"
#include "ops/recurrent.hpp"

namespace anymetal::ops {
namespace {

constexpr std::size_t kChunk = 64;

struct Sizes {
  std::size_t batches, tokens, key_heads, heads, key_dim, value_dim;
  [[nodiscard]] std::size_t chunks() const { return divide_up(tokens, kChunk); }
};

/// Shapes that belong together; queries, keys, values and `out` of one type.
std::optional<Sizes> check_delta(Checks& check, DType type, const DeltaInputs& in, const Tensor& state,
                                 const Tensor& out, const Tensor& new_state) {
  check.dense("k", in.k, type);
  check.dense("v", in.v, type);
  check.that(in.k.rank == 4 && in.v.rank == 4, "k is {}, v is {}, must be [sequences, tokens, heads, head size]",
             in.k.describe(), in.v.describe());
  if (check.failure()) return std::nullopt;
  const Sizes s = {in.v.shape[0], in.v.shape[1], in.k.shape[2], in.v.shape[2], in.k.shape[3], in.v.shape[3]};
  check_shape(check, type, {"q", in.q}, {s.batches, s.tokens, s.key_heads, s.key_dim});
  check_shape(check, type, {"k", in.k}, {s.batches, s.tokens, s.key_heads, s.key_dim});
  check_shape(check, type, {"out", out}, {s.batches, s.tokens, s.heads, s.value_dim});
  check_shape(check, DType::F32, {"gate", in.gate}, {s.batches, s.tokens, s.heads});
  check_shape(check, DType::F32, {"beta", in.beta}, {s.batches, s.tokens, s.heads});
  check_shape(check, DType::F32, {"state", state}, {s.batches, s.heads, s.value_dim, s.key_dim});
  check_shape(check, DType::F32, {"new_state", new_state}, {s.batches, s.heads, s.value_dim, s.key_dim});
  check.that(s.heads % s.key_heads == 0, "{} value heads for {} key heads", s.heads, s.key_heads);
  check.fits_32_bits("number of elements", std::max(in.v.elements(), state.elements()));
  return s;
}

}  // namespace

Result<void> gated_delta_rule(Context& context, const DeltaInputs& in, const Tensor& state, const Tensor& out,
                              const Tensor& new_state) {
  Checks check("gated_delta_rule");
  const auto sizes = check_delta(check, DType::F32, in, state, out, new_state);
  if (auto failed = check.failure()) return *failed;
  const Sizes& s = *sizes;
  const std::size_t cells = s.key_dim / 32;
  const bool by_simdgroups =
      s.key_dim % 32 == 0 && (cells == 1 || cells == 2 || cells == 4) && s.value_dim % cells == 0;
  check.that(by_simdgroups || (s.key_dim <= 128 && s.value_dim <= 128), "no kernel for keys of {} and values of {}",
             s.key_dim, s.value_dim);
  if (auto failed = check.failure()) return *failed;

  const std::array params = {
      u32(s.key_dim), u32(s.value_dim), u32(s.key_heads), u32(s.heads), u32(s.tokens), u32(s.batches), 0u, 0u};
  // A wide thread keeps a row of the state to itself and needs no other.
  const bool rows = (context.wide_threads() || !by_simdgroups) && s.key_dim <= 128 && s.value_dim <= 128;
  const std::string kernel =
      rows ? std::string("gated_delta_net_f32") : fmt::format("gated_delta_net_decode_f32_{}", cells);
  if (auto bound = bind_kernel(context, kernel, in.q, in.k, in.v, in.gate, in.beta, state, out, new_state, params);
      !bound)
    return bound;
  if (rows) {
    context.encoder.dispatch_threadgroups({s.heads, s.batches}, {s.value_dim});
  } else {
    context.encoder.dispatch_threadgroups({s.value_dim / cells, s.heads, s.batches}, {32, cells});
  }
  return {};
}

Result<void> gated_delta_rule_chunks(Context& context, const DeltaInputs& in, float scale, const Tensor& state,
                                     const Tensor& out, const Tensor& new_state, const DeltaScratch& scratch) {
  Checks check("gated_delta_rule_chunks");
  const auto sizes = check_delta(check, DType::BF16, in, state, out, new_state);
  if (auto failed = check.failure()) return *failed;
  const Sizes& s = *sizes;
  constexpr std::size_t kMaxKeys = 224;  // a tile of the state has to fit into threadgroup memory
  check.that(s.key_dim % 8 == 0 && s.key_dim <= kMaxKeys && s.value_dim % 32 == 0,
             "keys of {} and values of {}, must be multiples of 8 to {} and of 32", s.key_dim, s.value_dim, kMaxKeys);
  const std::size_t gates = s.batches * s.tokens * s.heads;
  check_count(check, DType::F32, {"scratch sums", scratch.sums}, gates, "needed are");
  check_count(check, DType::F32, {"scratch blocks", scratch.blocks}, gates * kChunk, "needed are");
  check_count(check, DType::BF16, {"scratch w", scratch.w}, gates * s.key_dim, "needed are");
  check_count(check, DType::BF16, {"scratch u", scratch.u}, gates * s.value_dim, "needed are");
  check_count(check, DType::BF16, {"scratch snapshots", scratch.snapshots},
              s.batches * s.chunks() * s.heads * s.value_dim * s.key_dim, "needed are");
  if (auto failed = check.failure()) return *failed;

  const std::uint32_t b = u32(s.batches), t = u32(s.tokens), hg = u32(s.key_heads), h = u32(s.heads),
                      k = u32(s.key_dim), v = u32(s.value_dim), n = u32(s.chunks()), c = kChunk;
  CommandEncoder& encoder = context.encoder;
  if (auto bound = bind_kernel(context, "chunk_local_cumsum_g_f32", in.gate, scratch.sums, std::array{b, t, h, c, n});
      !bound)
    return bound;
  encoder.dispatch_threadgroups({1, h, s.batches * n}, {kChunk});

  if (auto bound = bind_kernel(context, "gated_delta_net_kkt_bf16", in.k, in.beta, scratch.sums, scratch.blocks,
                               std::array{b, t, hg, h, k, c, n, c});
      !bound) {
    return bound;
  }
  encoder.set_threadgroup_memory_length(0, 8192);
  encoder.set_threadgroup_memory_length(1, 16384);
  encoder.dispatch_threadgroups({n, h, b}, {256});

  if (auto bound =
          bind_kernel(context, "chunk_tri_solve_invert_f32", scratch.blocks, scratch.blocks, std::array{b, t, h, c});
      !bound) {
    return bound;
  }
  encoder.set_threadgroup_memory_length(0, 4 * kChunk * (kChunk + 1));
  encoder.dispatch_threadgroups({n, h, b}, {kChunk});

  if (auto bound = bind_kernel(context, "gated_delta_net_recompute_wu_bf16", in.k, in.v, in.beta, scratch.sums,
                               scratch.blocks, scratch.w, scratch.u, std::array{b, t, hg, h, k, v, c, n});
      !bound) {
    return bound;
  }
  encoder.set_threadgroup_memory_length(0, 16384);
  encoder.set_threadgroup_memory_length(1, 8192);
  encoder.dispatch_threadgroups({n, h, b}, {256});

  // The writes take the place of u.
  if (auto bound =
          bind_kernel(context, "gated_delta_net_chunk_inter_state_bf16", in.k, scratch.w, scratch.u, scratch.sums,
                      state, scratch.snapshots, scratch.u, new_state, std::array{b, t, hg, h, k, v, c, n});
      !bound) {
    return bound;
  }
  encoder.set_threadgroup_memory_length(0, 128 * s.key_dim + 4096);
  encoder.dispatch_threadgroups({s.value_dim / 32, h, b}, {128});

  struct Params {
    std::array<std::uint32_t, 10> sizes;
    float scale;
  };
  static_assert(sizeof(Params) == 44);
  if (auto bound = bind_kernel(context, "gated_delta_net_chunk_o_bf16", in.q, in.k, scratch.u, scratch.snapshots,
                               scratch.sums, out, Params{{b, t, hg, h, k, v, c, n, 32, 32}, scale});
      !bound) {
    return bound;
  }
  encoder.set_threadgroup_memory_length(0, 8192);
  encoder.dispatch_threadgroups({s.value_dim / 32, n, s.batches * s.heads}, {256});
  return {};
}

}  // namespace anymetal::ops
