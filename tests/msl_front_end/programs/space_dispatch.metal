// Dispatch on the space of a pointer type
#include <metal_stdlib>
using namespace metal;
template <typename T> struct elem_t {};
template <typename T> struct elem_t<device T*> { using type = remove_cv_t<T>; };
template <typename T> struct elem_t<threadgroup T*> { using type = remove_cv_t<T>; };
template <typename T> struct elem_t<constant T*> { using type = remove_cv_t<T>; };
template <typename T> struct elem_t<thread T*> { using type = remove_cv_t<T>; };
template <typename P> void put(P p, float v) { using U = typename elem_t<remove_cv_t<P>>::type; p[0] = static_cast<U>(v); }
float get(device const float* p) { return p[0]; }
float get(threadgroup const float* p) { return p[0] + 0.0f; }
float get(thread const float* p) { return p[0]; }
kernel void x32(device half* o [[buffer(0)]], device float* q [[buffer(1)]], uint i [[thread_index_in_threadgroup]]) { threadgroup float t[32]; float v = 3; put(&t[i], 1.5f); put(o + i, get(&t[i]) + get(&v)); q[i] = get(q + i); }
