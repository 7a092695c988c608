// Unrolling
#include <metal_stdlib>
using namespace metal;
#define UNROLL _Pragma("clang loop unroll(full)")
#define FOR_UNROLL(x) _Pragma("clang loop unroll(full)") for (x)
#define LEAST(a, b) ((a) < (b) ? (a) : (b))
template <short N> void x17_body(device float* o, uint i) {
  const short chunks = 4; float s = 0;
  UNROLL for (short k = 0; k < N; ++k) s += k;
  FOR_UNROLL (short k = 0; k < N; ++k) { s += 2; }
#pragma unroll(chunks)
  for (short k = 0; k < chunks; ++k) s += 1;
#pragma unroll (LEAST(N / 2, 4 * N))
  for (short k = 0; k < N / 2; ++k) s += 1;
  o[i] = s;
}
kernel void x17(device float* o [[buffer(0)]], uint i [[thread_position_in_grid]]) { x17_body<8>(o, i); }
