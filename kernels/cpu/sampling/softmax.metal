#include <metal_stdlib>
#include "cpu/row_softmax.h"
using namespace metal;
using namespace anymetal;

// kernels: softmax_f32 softmax_f16 softmax_bf16

/// sampling/softmax.metal for a core that takes a row: nothing depends on the thread.
template <class T>
kernel void softmax(device const T* x [[buffer(0)]],
                    device T* y [[buffer(1)]],
                    constant float* params [[buffer(2)]],
                    threadgroup float* scratch [[threadgroup(0)]],
                    uint row [[threadgroup_position_in_grid]]) {
  const uint columns = uint(params[0]);
  x += ulong(row) * columns;
  y += ulong(row) * columns;
  const auto wide = [=](uint i) { return Wide::load(x + i); };
  const auto one = [=](uint i) { return float(x[i]); };
  store_softmax(y, columns, wide, one);
}

#define INSTANTIATE(name, T) \
  template [[host_name("softmax_" name)]] kernel void softmax<T>( \
      device const T*, device T*, constant float*, threadgroup float*, uint);
INSTANTIATE("f32", float)
INSTANTIATE("f16", half)
INSTANTIATE("bf16", bfloat)
