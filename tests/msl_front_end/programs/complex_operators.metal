// A number type with constructors, conversions and operators of its own in every space; strided walks over two arrays.
#include <metal_stdlib>
using namespace metal;
struct cplx {
  float re, im;
  constexpr cplx(float r, float i) : re(r), im(i) {}
  constexpr cplx() : re(0), im(0) {}
  constexpr cplx() threadgroup : re(0), im(0) {}
  template <typename T, typename = enable_if_t<!is_same_v<T, cplx> && is_convertible_v<T, float>>> constexpr cplx(T x) thread : re(x), im(0) {}
  template <typename T, typename = enable_if_t<!is_same_v<T, cplx> && is_convertible_v<T, float>>> constexpr cplx(T x) device : re(x), im(0) {}
  template <typename T, typename = enable_if_t<!is_same_v<T, cplx> && is_convertible_v<T, float>>> constexpr cplx(T x) constant : re(x), im(0) {}
  template <typename T, typename = enable_if_t<!is_same_v<T, cplx> && is_convertible_v<float, T>>> constexpr operator T() const thread { return static_cast<T>(re); }
  template <typename T, typename = enable_if_t<!is_same_v<T, cplx> && is_convertible_v<float, T>>> constexpr operator T() const threadgroup { return static_cast<T>(re); }
  template <typename T, typename = enable_if_t<!is_same_v<T, cplx> && is_convertible_v<float, T>>> constexpr operator T() const device { return static_cast<T>(re); }
  template <typename T, typename = enable_if_t<!is_same_v<T, cplx> && is_convertible_v<float, T>>> constexpr operator T() const constant { return static_cast<T>(re); }
};
constexpr cplx operator+(cplx a, cplx b) { return {a.re + b.re, a.im + b.im}; }
constexpr cplx operator*(cplx a, cplx b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
constexpr bool operator>(cplx a, cplx b) { return a.re > b.re || (a.re == b.re && a.im > b.im); }
constexpr thread cplx& operator+=(thread cplx& a, cplx b) { a.re += b.re; a.im += b.im; return a; }
constexpr threadgroup cplx& operator+=(threadgroup cplx& a, cplx b) { a.re += b.re; a.im += b.im; return a; }
constexpr device cplx& operator+=(device cplx& a, cplx b) { a.re += b.re; a.im += b.im; return a; }
constexpr thread cplx& operator-=(thread cplx& a, cplx b) { a.re -= b.re; a.im -= b.im; return a; }
constexpr thread cplx& operator++(thread cplx& a) { a.re += 1; return a; }
constexpr cplx operator--(thread cplx& a, int) { const cplx old = a; a.re -= 1; return old; }

template <typename Index> METAL_FUNC vec<Index, 2> two_locations(uint3 at, constant const int* shape, constant const long* a, constant const long* b, int dims) {
  vec<Index, 2> loc = {Index(at.x * Index(a[dims - 1]) + Index(at.y) * Index(a[dims - 2])), Index(at.x * Index(b[dims - 1]) + at.y * Index(b[dims - 2]))};
  for (int d = dims - 3; d >= 0; --d) {
    const uint l = at.z % shape[d];
    loc.x += l * Index(a[d]);
    loc.y += l * Index(b[d]);
    at.z /= shape[d];
  }
  return loc;
}
struct Add { template <typename T> T operator()(T a, T b) { return a + b; } };
struct Larger {
  template <typename T> enable_if_t<!is_floating_point_v<T>, T> operator()(T a, T b) { return a > b ? a : b; }
  template <typename T> enable_if_t<is_floating_point_v<T>, T> operator()(T a, T b) { return max(a, b); }
};
template <typename T, typename Op, int N, typename Index>
[[kernel]] void walk(device const T* a, device const T* b, device T* c, constant const int* shape, constant const long* a_strides, constant const long* b_strides,
                     constant const int& dims, uint3 index [[thread_position_in_grid]], uint3 grid [[threads_per_grid]]) {
  auto at = two_locations<Index>({N * index.x, index.y, index.z}, shape, a_strides, b_strides, dims);
  const auto width = shape[dims - 1];
  Index out = N * index.x + width * (index.y + Index(grid.y) * index.z);
  for (int i = 0; i < N && int(N * index.x) + i < width; ++i) {
    c[out++] = Op()(a[at.x], b[at.y]);
    at.x += a_strides[dims - 1];
    at.y += b_strides[dims - 1];
  }
}
// Every way of changing a component of a dependent type, beside the same on numbers with operators of their own.
template <typename T, typename V> METAL_FUNC V change(V v, T step) {
  struct pair_t { V first; T second; } p = {v, step};
  thread V* at = &p.first;
  p.first.x += step; at->y -= step; (*at).z *= step;
  ++p.first.x; at->y--; p.first.xy += p.first.yx;
  auto later = [&](auto w) { w.x += step; w.w = step; return w; };
  p.first.x -= p.second;
  return later(p.first);
}
template <typename T> [[kernel]] void changes(device float4* o, device cplx* n, constant T& step, uint i [[thread_position_in_grid]]) {
  o[i] = float4(change<T, vec<T, 4>>(vec<T, 4>(o[i]), step));
  threadgroup cplx shared[1];
  cplx own = n[i];
  if (i == 0) shared[0] = 2;
  own += n[i]; ++own; own -= cplx(0, 1); own--;
  shared[0] += own;
  n[i] += own * cplx(0, 1) + cplx(shared[0]) + cplx(float(n[i]), int(own));
}
#define instantiate_kernel(name, func, ...) template [[host_name(name)]] [[kernel]] decltype(func<__VA_ARGS__>) func<__VA_ARGS__>;
#define instantiate_walks(op) instantiate_kernel("walk_" #op "_cplx", walk, cplx, op, 4, long) instantiate_kernel("walk_" #op "_bfloat", walk, bfloat, op, 2, int) instantiate_kernel("walk_" #op "_int", walk, int, op, 1, uint)
instantiate_walks(Add) instantiate_walks(Larger)
instantiate_kernel("changes_float", changes, float) instantiate_kernel("changes_half", changes, half)
