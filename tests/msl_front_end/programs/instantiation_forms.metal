// Three instantiation forms; names built by macros; kernel template after [[...]]
#include <metal_stdlib>
using namespace metal;
template <typename T, int N> [[kernel, max_total_threads_per_threadgroup(N * 32)]] void x07(device const T* a [[buffer(0)]], device T* o [[buffer(1)]], uint i [[thread_position_in_grid]]) { o[i] = a[i] * T(N); }
template [[host_name("x07_plain")]] [[kernel]] void x07<float, 1>(device const float* a [[buffer(0)]], device float* o [[buffer(1)]], uint i [[thread_position_in_grid]]);
typedef decltype(x07<float, 2>) x07_t;
template [[host_name("x07_typedef")]] kernel x07_t x07<float, 2>;
#define make_kernel(name, func, ...) template [[host_name(name)]] [[kernel]] decltype(func<__VA_ARGS__>) func<__VA_ARGS__>;
#define make_typed(tname, T) make_kernel("x07_" #tname "_n4", x07, T, 4)
make_typed(f16, half)
make_typed(i32, int)
