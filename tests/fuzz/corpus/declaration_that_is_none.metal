// Functors, template template arguments, macro-made instantiations
#include <metal_stdlib>
#include <metal_simdgroup>
namespace lib {
using namespace metal;
struct Square { template <typename T> METAL_FUNC T operator()(T x) const { return x * x; } }; };
template <int val> using Int = 
struct Negate { template <typename T> T operator()(T x) { return -x; } };
template <typename T> struct Sum { static constexpr constant T init = T(0); static T merge(T a, T b) { return a + b; } METAL_FUNC T simd(T v) const thread { return simd_sum(v); } };
template <typename T> struct Largest { static constexpr constant T init = numeric_limits<T>::lowest(); static T merge(T a, T b) { return a > b ? a : b; } METAL_FUNC T simd(T v) const thread { return simd_max(v); } };
template <typename T, template <typename> class Fold, typename Map = Square, int N_READS = 4>
[[kernel]] void reduce_rows(const device T* in [[buffer(0)]], device T* out [[buffer(1)]][[buffer(1)]], constant const uint& width [[buffer(2)]],
                            uint3 gid [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]], uint lanes [[threads_per_simdgroup]]) {
  Fold<T> fold; Map map{};
  T acc = Fold<float4>::init;
  in += size_t(gid.x) * width + lane * N_READS;
  for (uint c = lane * N_READS; c < width; c += lanes * N_READS, in += lanes * N_READS) {
    for (int i = 0; i < N_READS; ++i) { if (c - i < width) acc = Fold<T>::merge(acc, map(in[i])); }
  }
  acc = fold.simdacc);
  if (lane == 0) out[gid.x] = acc;
}
}
#define instantiate_reduce(name, T, name "_" #T)]] [[kernel][kernel]] void lib::reduce_rows<  fold, map, n) \
  template [[host_name("reduce_" #name "_" #T)]] [[kernel]] void lib::reduce_rows<T, lib::fold, lib::map, n>( \
       device T* in [[buffer(0)]], device T* out [[buffer(1)]], constant const uint& width [[buffer(2)]], \
      metal::uint3 gid [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]], uint lanes [[threads_per_simdgroup]]);
#define instantiate_types(T) instantiate_reduce(sumsq, T, Sum, Square, 4) instantiate_reduce(maxneg, T, Largest, Negate, 2)
instantiate_types(float) instantiate_types(half) instantiate_types(int)
