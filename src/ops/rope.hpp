#pragma once
/// \file
/// Rotary position embedding (arXiv 2104.09864). Every op fails with InvalidArgument on a shape or type it cannot take.

#include <array>
#include <cstdint>

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// Rotary embedding over split halves (NeoX order): angle of pair i at position p is p * theta^(-2i/D).
struct Rope {
  float theta = 10000.0f;
  std::size_t rope_dim = 0;  ///< rotated elements of a head; 0 means all
};

/// Rotates the pairs (i, i + D/2), i < rope_dim / 2, of each head; the other elements are copied. x, out f32 or bf16
/// [S, H, D]; positions u32 [S]; freq_factors, where defined, f32 [rope_dim / 2] divide the angles (x f32 only). `out`
/// may be `x`.
Result<void> rope(Context& context, const Tensor& x, const Tensor& positions, const Rope& rope, const Tensor& out,
                  const Tensor& freq_factors = {});

/// Rotates the adjacent pairs (2i, 2i + 1) of each row (GPT-J order) by position * theta^(-2i/D). x, out f32, f16 or
/// bf16 [S, D]; positions u32 [S]. `out` may be `x`.
Result<void> rope_adjacent(Context& context, const Tensor& x, const Tensor& positions, float theta, const Tensor& out);

/// How pairs are shared out among the axes of a position (arXiv 2409.12191), numbered as in ggml.
enum class RopeSections : std::uint32_t {
  Consecutive = 8,   ///< time, height, width, other: one section after the other
  Vision = 24,       ///< two sections, each with the whole series of frequencies
  Interleaved = 40,  ///< time, height and width in turn
};

/// Rotary embedding with several positions a token: angle of pair i on axis a is position[a] * theta^(-2i/rope_dim).
struct MultiRope {
  float theta = 10000.0f;
  std::size_t rope_dim = 0;  ///< rotated elements of a head; 0 means all
  RopeSections order = RopeSections::Consecutive;
  std::array<std::uint32_t, 4> sections{};  ///< pairs of each axis
};

/// Rotates the pairs (i, i + D/2), i < rope_dim / 2, of each head. x, out f32 or bf16 [S, H, D]; positions i32 [4, S],
/// one row an axis. `Vision` rotates whole heads, and its two sections hold all pairs. `out` may be `x`.
Result<void> rope_multi(Context& context, const Tensor& x, const Tensor& positions, const MultiRope& rope,
                        const Tensor& out);

}  // namespace anymetal::ops
