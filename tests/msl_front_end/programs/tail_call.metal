// Strided walker: recursive template member and a run-time tail call on itself; constant arrays as parameters
#include <metal_stdlib>
using namespace metal;
template <int D, typename O = size_t> struct walk_t {
  int dim; walk_t<D - 1, O> inner; O off{0}; int at{0};
  walk_t(int d) thread : dim(d), inner(d - 1) {}
  void next(int n, const constant int* shape, const constant long* strides) thread {
    if (dim == 0) return;
    at += n; off += n * O(strides[dim - 1]);
    if (at >= shape[dim - 1]) {
      int extra = at - shape[dim - 1];
      inner.next(1, shape, strides); at = 0; off = inner.off;
      if (extra > 0) next(extra, shape, strides);
    }
  }
};
template <typename O> struct walk_t<0, O> { O off{0}; walk_t(int) thread {} void next(int, const constant int*, const constant long*) thread {} };
kernel void x51(constant const int* shape [[buffer(0)]], constant const long strides[2] [[buffer(1)]], device ulong* o [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  walk_t<2> w(2);
  w.next(i, shape, strides);
  o[i] = w.off;
}
