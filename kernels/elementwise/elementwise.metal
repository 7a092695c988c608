#include <metal_stdlib>
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

// kernels: elementwise_add_f32 elementwise_add_f16 elementwise_add_bf16
// kernels: elementwise_mul_f32 elementwise_mul_f16 elementwise_mul_bf16
// kernels: cast_f16_to_f32 cast_f32_to_f16 cast_bf16_to_f32 cast_f32_to_bf16
// kernels: scalar_mul_f32 scalar_mul_bf16

/// out = a + b, in f32 and rounded once.
///
/// buffer 0: a [n]; 1: b [n]; 2: out [n]; 3: u32 n
/// grid: threads (n). out may be a or b. tolerance: exact
template <class T>
kernel void elementwise_add(device const T* a [[buffer(0)]],
                            device const T* b [[buffer(1)]],
                            device T* out [[buffer(2)]],
                            constant uint& n [[buffer(3)]],
                            uint i [[thread_position_in_grid]],
                            uint group [[threadgroup_position_in_grid]],
                            uint size [[threads_per_threadgroup]]) {
  for_element<T>({i, group, size}, n, [&](uint e) { return T(float(a[e]) + float(b[e])); }, [&](uint e, T v) { out[e] = v; });
}

/// out = a * b, in f32 and rounded once.
///
/// buffer 0: a [n]; 1: b [n]; 2: out [n]; 3: u32 n
/// grid: threads (n). out may be a or b. tolerance: exact
template <class T>
kernel void elementwise_mul(device const T* a [[buffer(0)]],
                            device const T* b [[buffer(1)]],
                            device T* out [[buffer(2)]],
                            constant uint& n [[buffer(3)]],
                            uint i [[thread_position_in_grid]],
                            uint group [[threadgroup_position_in_grid]],
                            uint size [[threads_per_threadgroup]]) {
  for_element<T>({i, group, size}, n, [&](uint e) { return T(float(a[e]) * float(b[e])); }, [&](uint e, T v) { out[e] = v; });
}

/// out = x in another type, to nearest even; NaN and infinities stay.
///
/// buffer 0: x [n]; 1: out [n]; 2: u32 n
/// grid: threads (n). tolerance: exact
template <class From, class To>
kernel void cast(device const From* x [[buffer(0)]],
                 device To* out [[buffer(1)]],
                 constant uint& n [[buffer(2)]],
                 uint i [[thread_position_in_grid]],
                 uint group [[threadgroup_position_in_grid]],
                 uint size [[threads_per_threadgroup]]) {
  for_element<From>({i, group, size}, n, [&](uint e) { return To(float(x[e])); }, [&](uint e, To v) { out[e] = v; });
}

struct ScalarMulParams {
  float scalar;
  uint count;
};

/// out = x * scalar, in f32 and rounded once.
///
/// buffer 0: x [count]; 1: out [count]; 2: ScalarMulParams
/// grid: threads (count). out may be x. tolerance: exact
template <class T>
kernel void scalar_mul(device const T* x [[buffer(0)]],
                       device T* out [[buffer(1)]],
                       constant ScalarMulParams& p [[buffer(2)]],
                       uint i [[thread_position_in_grid]],
                       uint group [[threadgroup_position_in_grid]],
                       uint size [[threads_per_threadgroup]]) {
  for_element<T>({i, group, size}, p.count, [&](uint e) { return T(float(x[e]) * p.scalar); }, [&](uint e, T v) { out[e] = v; });
}

#define INSTANTIATE_BINARY(name, T) \
  template [[host_name("elementwise_add_" name)]] kernel void elementwise_add<T>( \
      device const T*, device const T*, device T*, constant uint&, uint, uint, uint); \
  template [[host_name("elementwise_mul_" name)]] kernel void elementwise_mul<T>( \
      device const T*, device const T*, device T*, constant uint&, uint, uint, uint);
INSTANTIATE_BINARY("f32", float)
INSTANTIATE_BINARY("f16", half)
INSTANTIATE_BINARY("bf16", bfloat)

#define INSTANTIATE_CAST(name, From, To) \
  template [[host_name("cast_" name)]] kernel void cast<From, To>(device const From*, device To*, constant uint&, uint, uint, uint);
INSTANTIATE_CAST("f16_to_f32", half, float)
INSTANTIATE_CAST("f32_to_f16", float, half)
INSTANTIATE_CAST("bf16_to_f32", bfloat, float)
INSTANTIATE_CAST("f32_to_bf16", float, bfloat)

#define INSTANTIATE_SCALAR_MUL(name, T) \
  template [[host_name("scalar_mul_" name)]] kernel void scalar_mul<T>( \
      device const T*, device T*, constant ScalarMulParams&, uint, uint, uint);
INSTANTIATE_SCALAR_MUL("f32", float)
INSTANTIATE_SCALAR_MUL("bf16", bfloat)
