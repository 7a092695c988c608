// Matrices: mixed element types, origin 0, transposed, element access, product operator (32 threads)
#include <metal_stdlib>
using namespace metal;
#include <metal_simdgroup_matrix>
kernel void x18(device const half* a [[buffer(0)]], device const float* b [[buffer(1)]], device float* o [[buffer(2)]], ushort lane [[thread_index_in_simdgroup]]) {
  simdgroup_half8x8 ma[2]; simdgroup_float8x8 mb, mc[1]; mc[0] = make_filled_simdgroup_matrix<float, 8>(0.f);
  for (short k = 0; k < 2; ++k) {
    simdgroup_load(ma[k], a + 8 * k, 16, 0, false); simdgroup_load(mb, b + 64 * k, 8, 0, true); simdgroup_barrier(mem_flags::mem_none);
    simdgroup_multiply_accumulate(mc[0], mb, ma[k], mc[0]);
  }
  const short q = lane / 4, row = (q & 4) + (lane / 2) % 4, col = (q & 2) * 2 + (lane % 2) * 2; simdgroup_matrix<float, 8, 8> d(1.0f), e;
  e.thread_elements()[0] = row * 8 + col; e.thread_elements()[1] = row * 8 + col + 1; simdgroup_matrix<float, 8, 8> p = (d * e) * d;
  thread vec<float, 2>& f = reinterpret_cast<thread vec<float, 2>&>(p.thread_elements()); mc[0].thread_elements()[1] += f[1] - f.x;
  simdgroup_store(mc[0], o, 8, 0, false);
}
