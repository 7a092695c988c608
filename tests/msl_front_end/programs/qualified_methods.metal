// Methods, constructors and conversions by space; objects in three spaces (4 threads)
#include <metal_stdlib>
using namespace metal;
template <typename T> struct pair_t {
  T re, im;
  constexpr pair_t(T r, T i) thread : re(r), im(i) {}
  constexpr pair_t() thread : re(0), im(0) {}
  constexpr pair_t() threadgroup : re(0), im(0) {}
  template <typename U, typename = enable_if_t<is_convertible_v<U, T>>> constexpr pair_t(U x) thread : re(static_cast<T>(x)), im(0) {}
  template <typename U, typename = enable_if_t<is_convertible_v<U, T>>> constexpr pair_t(U x) device : re(static_cast<T>(x)), im(0) {}
  constexpr operator vec<T, 2>() const thread { return vec<T, 2>(re, im); }
  constexpr operator vec<T, 2>() const device { return vec<T, 2>(re, im); }
  T sum() const thread { return re + im; }
  T sum() const device { return re + im; }
};
template <typename T> constexpr thread pair_t<T>& operator+=(thread pair_t<T>& a, pair_t<T> b) { a.re += b.re; a.im += b.im; return a; }
template <typename T> constexpr device pair_t<T>& operator+=(device pair_t<T>& a, pair_t<T> b) { a.re += b.re; a.im += b.im; return a; }
kernel void x12(device pair_t<float>* p [[buffer(0)]], device float* o [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  threadgroup pair_t<float> t[4]; pair_t<float> a = p[i]; a += pair_t<float>(1.0f, 2.0f); p[i] += a; t[i % 4] = a; float2 v = a;
  o[i] = v.x + p[i].sum() + t[i % 4].re;
}
