// Section 5.8, 5.9, 5.12: SIMD-groups, quad-groups, simdgroup_matrix. Lane by lane references are in tests/msl_library.
#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

const Feature kFeatures[] = {
    {"reductions of every kind over the active lanes",
     "",
     "int v = n[t]; int r = simd_sum(v) * 1000 + simd_max(v) * 100 + simd_min(v + 1) * 10 + simd_or(v); o[t] = r + "
     "simd_and(v | 4) + simd_xor(v) + simd_product(1) + int(simd_sum(half(v))) + int(simd_max(float2(v)).y);",
     {6327, 6327, 6327, 6327},
     4},
    {"reductions in divergent branches",
     "",
     "int v = n[t]; if (t < 2) v = simd_sum(v + 1); else v = simd_sum(v) * 10; o[t] = v;",
     {3, 3, 50, 50},
     4},
    {"prefix sums and products",
     "",
     "o[t] = simd_prefix_inclusive_sum(n[t] + 1) * 100 + simd_prefix_exclusive_sum(n[t] + 1) * 10 + "
     "simd_prefix_inclusive_product(2) + int(simd_prefix_exclusive_product(1.0f));",
     {103, 315, 639, 1077},
     4},
    {"shuffles: any lane, up, down, xor, rotations, broadcasts",
     "",
     "int v = n[t] + 1; int a = simd_shuffle(v, ushort(3 - t)) * 1000 + simd_shuffle_xor(v, 1) * 100 + "
     "simd_broadcast(v, 2) * 10 + simd_broadcast_first(v); int b = simd_shuffle_up(v, 1) * 10 + simd_shuffle_down(v, "
     "1); o[t] = a; if (t == 1) o[4] = b; short4 w = simd_shuffle(short4(v), 2); if (t == 0) o[5] = w.z; ulong l = "
     "as_type<ulong>(simd_shuffle_down(as_type<uint2>(ulong(v) << 33), 1)); if (t == 0) o[6] = l >> 32;",
     {4231, 3131, 2431, 1331, 13, 3, 4},
     4},
    {"shuffle and fill, rotations within 32 lanes",
     "",
     "int v = n[t]; int a = simd_shuffle_rotate_down(v, 1), b = simd_shuffle_rotate_up(v, 2), c = "
     "simd_shuffle_and_fill_up(v, v + 100, 1), d = simd_shuffle_and_fill_down(v, v + 100, 4, 8); if (t == 31) o[0] = "
     "a; if (t == 1) o[1] = b; if (t == 0) o[2] = c; if (t == 5) o[3] = d; if (t == 3) o[4] = d;",
     {0, 31, 131, 101, 7},
     32},
    {"votes",
     "",
     "bool odd = t & 1; simd_vote b = simd_ballot(odd); o[t] = int(simd_vote::vote_t(b)) * 100 + simd_all(t < 4) * 10 "
     "+ simd_any(t == 9) + b.any() + int(simd_vote::vote_t(simd_active_threads_mask())) * 1000 + simd_is_first() * "
     "100000;",
     {116011, 16011, 16011, 16011},
     4},
    {"quad functions",
     "",
     "int v = n[t] + 1; o[t] = quad_sum(v) * 1000 + quad_max(v) * 100 + quad_broadcast(v, 1) * 10 + "
     "quad_shuffle_xor(v, 1); o[t] += quad_prefix_exclusive_sum(v) + quad_shuffle_up(v, 1) + "
     "int(quad_vote::vote_t(quad_ballot(t & 1))) + quad_all(true) + quad_is_first();",
     {10435, 10434, 10440, 10443, 26883, 26886, 26896, 26903},
     8},
    {"simdgroup_matrix: diagonal, filled, load, store, transposed, origin",
     "#include <metal_simdgroup_matrix>\n",
     "threadgroup float s[128]; for (int i = t; i < 128; i += 32) s[i] = i; "
     "threadgroup_barrier(mem_flags::mem_threadgroup); simdgroup_float8x8 a, d(2.0f), f = "
     "make_filled_simdgroup_matrix<float, 8>(1.0f), r; simdgroup_load(a, s, 16, 0, true); simdgroup_multiply(r, d, a); "
     "simdgroup_multiply_accumulate(r, f, d, r); simdgroup_store(r, s, 16, ulong2(8, 0)); "
     "threadgroup_barrier(mem_flags::mem_threadgroup); if (t < 4) o[t] = s[8 + 16 * t + 1];",
     {34, 36, 38, 40},
     32},
    {"simdgroup_matrix: mixed element types, arrays, element access, product operator",
     "#include <metal_simdgroup_matrix>\n",
     "simdgroup_half8x8 h[2]; h[0] = make_filled_simdgroup_matrix<half, 8, 8>(0.5h); h[1] = simdgroup_half8x8(2.0h); "
     "simdgroup_matrix<bfloat, 8, 8> b(3.0bf); simdgroup_float8x8 c(0.0f), e; simdgroup_multiply_accumulate(c, h[0], "
     "h[1], c); simdgroup_multiply_accumulate(c, h[0], simdgroup_float8x8(2.0f), c); simdgroup_multiply_accumulate(c, "
     "b, b, c); const short q = t / 4, row = (q & 4) + (t / 2) % 4, col = (q & 2) * 2 + (t % 2) * 2; "
     "e.thread_elements()[0] = row * 8 + col; e.thread_elements()[1] = row * 8 + col + 1; simdgroup_float8x8 p = (e * "
     "simdgroup_float8x8(2.0f)) * e; thread vec<float, 2>& x = reinterpret_cast<thread vec<float, "
     "2>&>(c.thread_elements()); if (t == 0) { o[0] = x[0]; o[1] = x.y; } if (t == 3) { o[2] = p.thread_elements()[0]; "
     "o[3] = row * 10 + col; }",
     {11, 2, 6192, 12},
     32},
    {"64-bit and bool overloads of the user's beside the library's",
     "inline ulong simd_shuffle_down(ulong x, ushort d) { return "
     "as_type<ulong>(metal::simd_shuffle_down(as_type<uint2>(x), d)); } inline bool simd_shuffle_down(bool x, ushort "
     "d) { return metal::simd_shuffle_down(uint(x), d); } inline long simd_max(long x) { for (ushort d = 16; d > 0; d "
     "/= 2) { long y = as_type<long>(metal::simd_shuffle_xor(as_type<uint2>(x), d)); x = metal::max(x, y); } return x; "
     "}",
     "ulong v = ulong(n[t]) << 32; int r = (simd_shuffle_down(v, 1) >> 32) + simd_shuffle_down(t == 1, 1) * 100; long "
     "m = simd_max(long(v)); if (t < 2) o[t] = r; if (t == 2) o[2] = m >> 32;",
     {101, 2, 31},
     32},
    {"the name of a matrix of bool, of which none is made",
     "template <typename T> struct piece { typedef simdgroup_matrix<T, 8, 8> matrix; T v; }; template <typename T> int "
     "width(piece<T> f) { return sizeof(f); }",
     "piece<bool> f{n[1] == 1}; piece<float> m; o[0] = width(f) + f.v; o[1] = width(m);",
     {2, 4}},
};

}  // namespace

std::span<const Feature> simdgroup_functions() { return kFeatures; }

}  // namespace msl_conformance
