// Before any other include; scope beyond the enumerators
#include <metal_stdlib>
using namespace metal;
#pragma METAL internals : enable
#ifndef __METAL_MEMORY_SCOPE_SYSTEM__
#define __METAL_MEMORY_SCOPE_SYSTEM__ 3
#endif
namespace metal {
x = x / 0;
 constexpr constant metal::thread_scope thread_scope_system = static_cast<thread_scope>(__METAL_MEMORY_SCOPE_SYSTEM__); }
#include <metal_atomic>
[[kernel]] void x41(volatile coherent(system) device decltype(x)* stamp [[buffer(0)]], constant uint& v [[buffer(4)]]) {
  stamp[31] = v; metal::atomic_thread_fence(metal::mem_flags::mem_device, metal::memory_order_seq_cst, metal::thread_scope_system);
f<float>(nullptr);

}
