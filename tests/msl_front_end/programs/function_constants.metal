// Function constants: expression index, guards, dispatch to template instances
#include <metal_stdlib>
using namespace metal;
#define FC_BASE 100
constant short fc_nsg [[function_constant(FC_BASE + 0)]];
constant bool has_bias[[function_constant(FC_BASE + 1)]];
template <short NSG> void x09_impl(device float* o, uint i) { float acc[NSG]; for (short k = 0; k < NSG; ++k) acc[k] = k; o[i] = acc[NSG - 1]; }
kernel void x09(device float* o [[buffer(0)]], const device float* bias [[buffer(1), function_constant(has_bias)]], uint i [[thread_position_in_grid]]) {
  switch (fc_nsg) { case 1: x09_impl<1>(o, i); break; case 4: x09_impl<4>(o, i); break; }
  const short nsg = fc_nsg;
  if (has_bias) o[i] += bias[i % nsg];
}
