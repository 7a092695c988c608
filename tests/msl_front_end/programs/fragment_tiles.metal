// Tiles in the manner of gemm headers: simdgroup matrices, traits, variadics, static loops
#include <metal_stdlib>
#include <metal_simdgroup>
#include <metal_simdgroup_matrix>
namespace lib {
template <int... Is> struct sequence {};
template <int N, int... Is> struct make_sequence : make_sequence<N - 1, N - 1, Is...> {};
template <int... Is> struct make_sequence<0, Is...> { using type = sequence<Is...>; };
template <typename F, int... Is> inline void static_for_impl(F f, sequence<Is...>) { (f(metal::integral_constant<int, Is>{}), ...); }
template <int N, typename F> inline void static_for(F f) { static_for_impl(f, typename make_sequence<N>::type{}); }
template <typename T> struct accumulator { using type = float; };
template <> struct accumulator<int> { using type = int; };
template <typename T> using accumulator_t = typename accumulator<T>::type;
template <typename... T> constexpr int total_size() { return (int(sizeof(T)) + ... + 0); }
static_assert(total_size<half, float2, char>() == 11, "");
}
using namespace metal;
template <typename T, int R, int C> struct Tile {
  simdgroup_matrix<T, 8, 8> f[R][C];
  Tile() { lib::static_for<R * C>([&](auto i) { f[decltype(i)::value / C][decltype(i)::value % C] = make_filled_simdgroup_matrix<T, 8, 8>(T(0)); }); }
  thread simdgroup_matrix<T, 8, 8>& at(short r, short c) { return f[r][c]; }
};
template <typename T, int R, int C> [[kernel, max_total_threads_per_threadgroup(32)]] void tile_gemm(device const T* a [[buffer(0)]], device const T* b [[buffer(1)]], device float* d [[buffer(2)]],
    constant int& k [[buffer(3)]], ushort lane [[thread_index_in_simdgroup]]) {
  Tile<float, R, C> acc;
  for (int kk = 0; kk < k; kk += 8) {
    simdgroup_matrix<T, 8, 8> ma[R], mb[C];
    _Pragma("clang loop unroll(full)") for (short r = 0; r < R; ++r) simdgroup_load(ma[r], a + r * 8 * k + kk, k);
    _Pragma("clang loop unroll(full)") for (short c = 0; c < C; ++c) simdgroup_load(mb[c], b + kk * C * 8 + c * 8, C * 8);
    simdgroup_barrier(mem_flags::mem_none);
    for (short r = 0; r < R; ++r) for (short c = 0; c < C; ++c) { const short cs = r % 2 ? C - 1 - c : c; simdgroup_multiply_accumulate(acc.at(r, cs), ma[r], mb[cs], acc.at(r, cs)); }
  }
  acc.at(0, 0).thread_elements()[0] += 1; reinterpret_cast<thread float2&>(acc.at(0, 0).thread_elements()) *= 2;
  for (short r = 0; r < R; ++r) for (short c = 0; c < C; ++c) simdgroup_store(acc.at(r, c), d + r * 8 * C * 8 + c * 8, C * 8, ulong2(0, 0), false);
}
template [[host_name("tile_gemm_f16_2x2")]] kernel decltype(tile_gemm<half, 2, 2>) tile_gemm<half, 2, 2>;
template [[host_name("tile_gemm_bf16_1x2")]] kernel decltype(tile_gemm<bfloat, 1, 2>) tile_gemm<bfloat, 1, 2>;
