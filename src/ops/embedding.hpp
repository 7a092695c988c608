#pragma once
/// \file
/// Row lookup in an embedding table.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// out[t, :] = table[ids[t], :] * scale. table [V, E] f32 or a block-quantised type; ids u32 [T]; out f32 [T, E].
/// An id past the end of the table gives a row of zeros.
Result<void> embedding(Context& context, const Tensor& table, const Tensor& ids, float scale, const Tensor& out);

}  // namespace anymetal::ops
