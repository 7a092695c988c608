// Defaults, derived constants, constexpr-qualified constants
#include <metal_stdlib>
using namespace metal;
constant int blk [[function_constant(0)]];
constant int blk_or = is_function_constant_defined(blk) ? blk : 32;
static constant constexpr const int steps [[function_constant(1)]];
static constant constexpr const bool inverse [[function_constant(2)]];
constant int span = blk_or * 2 - 1;
constant bool small_inv = inverse && steps < 4;
kernel void x10(device int* o [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  int s = small_inv ? -1 : 1;
  for (int k = 0; k < steps; k++) s += span % (k + 2);
  o[i] = s;
}
