// Convolutions of 3x3 in the transformed domain: small matrices as arrays passed by reference, tables of arrays, a structure of strides.
#include <metal_stdlib>
using namespace metal;
namespace wino {
template <typename T, int M, int R> struct tables;
template <typename T> struct tables<T, 2, 3> {
  static constexpr constant int kTile = 4;
  static constexpr constant T data[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
  static constexpr constant T filter[4][3] = {{1, 0, 0}, {T(0.5), T(0.5), T(0.5)}, {T(0.5), T(-0.5), T(0.5)}, {0, 0, 1}};
  static constexpr constant T inverse[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};
};
// o = a * b and o = b * transpose of a, of arrays in any space.
template <typename O, typename T, int N, int K, int C> METAL_FUNC void left(thread O (&o)[N][C], constant const T (&a)[N][K], thread const O (&b)[K][C]) {
  for (int i = 0; i < N; ++i)
    for (int j = 0; j < C; ++j) { O s = 0; for (int k = 0; k < K; ++k) s += a[i][k] * b[k][j]; o[i][j] = s; }
}
template <typename O, typename T, int N, int K, int C> METAL_FUNC void right(thread O (&o)[C][N], thread const O (&b)[C][K], constant const T (&a)[N][K]) {
  for (int i = 0; i < C; ++i)
    for (int j = 0; j < N; ++j) { O s = 0; for (int k = 0; k < K; ++k) s += b[i][k] * a[j][k]; o[i][j] = s; }
}
struct shape_t { int channels, height, width, filters; struct { int row, plane; } stride; };
template <typename T> METAL_FUNC auto at(device const T* plane, constant shape_t& s, int2 p) { return all(p >= 0) && all(p < int2(s.width, s.height)) ? plane[p.y * s.stride.row + p.x] : T(0); }
}  // namespace wino
template <typename T, typename A>
kernel void convolve(device const T* in [[buffer(0)]], device const T* weights [[buffer(1)]], device T* out [[buffer(2)]], constant wino::shape_t& s [[buffer(3)]], threadgroup A (&filters)[8][4][4] [[threadgroup(0)]],
                     uint3 g [[thread_position_in_grid]], uint3 l [[thread_position_in_threadgroup]], uint3 n [[threads_per_threadgroup]]) {
  using table = wino::tables<A, 2, 3>;
  constexpr int kTile = table::kTile;
  const int f = g.z;
  for (int c = l.x + n.x * l.y; c < s.channels; c += n.x * n.y) {
    A w[3][3], half_way[4][3], whole[4][4];
    for (int i = 0; i < 9; ++i) w[i / 3][i % 3] = A(weights[(f * s.channels + c) * 9 + i]);
    wino::left(half_way, table::filter, w);
    wino::right(whole, half_way, table::filter);
    for (int i = 0; i < kTile; ++i) for (int j = 0; j < kTile; ++j) filters[c][i][j] = whole[i][j];
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const int2 corner = int2(g.xy) * 2 - 1;
  A sum[kTile][kTile] = {};
  for (int c = 0; c < s.channels; ++c) {
    A d[kTile][kTile], h[kTile][kTile], t[kTile][kTile];
    for (int i = 0; i < kTile; ++i) for (int j = 0; j < kTile; ++j) d[i][j] = A(wino::at(in + c * s.stride.plane, s, corner + int2(j, i)));
    wino::left(h, table::data, d);
    wino::right(t, h, table::data);
    threadgroup auto& w = filters[c];
    for (int i = 0; i < kTile; ++i) for (int j = 0; j < kTile; ++j) sum[i][j] += t[i][j] * w[i][j];
  }
  A half_way[2][4], o[2][2];
  wino::left(half_way, table::inverse, sum);
  wino::right(o, half_way, table::inverse);
  for (ushort2 p = 0; p.y < 2; p = p.x == 1 ? ushort2(0, p.y + 1) : ushort2(1, p.y)) {
    const uint2 q = 2 * g.xy + uint2(p);
    if (all(int2(q) < int2(s.width, s.height))) out[(f * s.height + q.y) * s.width + q.x] = T(o[p.y][p.x]);
  }
}
#define instantiate_convolve(T, A) template [[host_name("convolve_" #T "_" #A)]] kernel void convolve<T, A>(device const T*, device const T*, device T*, constant wino::shape_t&, threadgroup A (&)[8][4][4], uint3, uint3, uint3)
instantiate_convolve(float, float);
instantiate_convolve(half, float);
