#pragma once
// <metal_tessellation>: how far a patch is divided, as the kernel that computes it leaves it in memory for the rasteriser.
#pragma clang system_header
#include "scalars.h"

struct MTLQuadTessellationFactorsHalf {
  half edgeTessellationFactor[4];
  half insideTessellationFactor[2];
};

struct MTLTriangleTessellationFactorsHalf {
  half edgeTessellationFactor[3];
  half insideTessellationFactor;
};

namespace metal {

using ::MTLQuadTessellationFactorsHalf;
using ::MTLTriangleTessellationFactorsHalf;

}  // namespace metal
