// Section 5.10, 5.11 and 8: barriers, atomics, fences, the execution model.
#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

const Feature kFeatures[] = {
    {"threadgroup variables that follow a pragma",
     "",
     "#pragma clang fp contract(off)\n threadgroup int a[32]; const threadgroup int* p = a; a[t] = t * "
     "2; threadgroup_barrier(mem_flags::mem_threadgroup); if (t < 3) o[t] = p[31 - t] + (t == 0);",
     {63, 60, 58},
     32},
    {"barriers in loops and helpers, `|` of memory flags",
     "int reduce(threadgroup int* s, uint t, uint count) { for (uint d = count / 2; d > 0; d /= 2) { if (t < d) s[t] "
     "+= s[t + d]; threadgroup_barrier(mem_flags::mem_threadgroup | mem_flags::mem_device); } return s[0]; }",
     "threadgroup int s[64]; s[t] = n[t]; threadgroup_barrier(mem_flags::mem_threadgroup); int r = reduce(s, t, 64); "
     "threadgroup_barrier(mem_flags::mem_none); if (t < 2) o[t] = r + t;",
     {2016, 2017},
     64},
    {"threads that return before a barrier do not block it",
     "",
     "threadgroup int s[64]; if (t >= 40) return; s[t] = n[t]; threadgroup_barrier(mem_flags::mem_threadgroup); if (t "
     "== 0) { int r = 0; for (int i = 0; i < 40; ++i) r += s[i]; o[0] = r; }",
     {780},
     64},
    {"simdgroup_barrier between lanes that exchange data",
     "",
     "threadgroup int s[64]; uint lane = t % 32, base = t - lane; s[t] = n[t]; "
     "simdgroup_barrier(mem_flags::mem_threadgroup); int v = s[base + (lane + 1) % 32]; if (t == 31) o[0] = v; if (t "
     "== 40) o[1] = v;",
     {0, 41},
     64},
    {"barriers under uniform conditions and in switch",
     "constant bool twice [[function_constant(0)]];",
     "threadgroup int s[32]; s[t] = 1; if (twice) { threadgroup_barrier(mem_flags::mem_threadgroup); int v = s[(t + 1) "
     "% 32]; threadgroup_barrier(mem_flags::mem_threadgroup); s[t] = v + 1; } "
     "threadgroup_barrier(mem_flags::mem_threadgroup); if (t == 0) o[0] = s[31];",
     {2},
     32,
     "metal4.0",
     {{0U, true}}},
    {"atomics on int, uint, bool: all operations, device and threadgroup",
     "",
     "threadgroup atomic_int a; threadgroup atomic_uint u; threadgroup atomic<bool> b; if (t == 0) { "
     "atomic_store_explicit(&a, 5, memory_order_relaxed); atomic_store_explicit(&u, 0xf0u, memory_order_relaxed); "
     "atomic_store_explicit(&b, false, memory_order_relaxed); } threadgroup_barrier(mem_flags::mem_threadgroup); "
     "atomic_fetch_add_explicit(&a, n[t], memory_order_relaxed); atomic_fetch_or_explicit(&u, 1u << (t % 4), "
     "memory_order_relaxed); atomic_fetch_max_explicit(&a, -100, memory_order_relaxed); "
     "threadgroup_barrier(mem_flags::mem_threadgroup); if (t == 0) { o[0] = atomic_load_explicit(&a, "
     "memory_order_relaxed); o[1] = atomic_fetch_and_explicit(&u, 0x0fu, memory_order_relaxed); o[2] = "
     "atomic_fetch_xor_explicit(&u, 1u, memory_order_relaxed); o[3] = atomic_exchange_explicit(&b, true, "
     "memory_order_relaxed) * 10 + atomic_load_explicit(&b, memory_order_relaxed); o[4] = "
     "atomic_fetch_min_explicit(&a, 3, memory_order_relaxed) - atomic_fetch_sub_explicit(&a, 1, memory_order_relaxed); "
     "device atomic_int* d = (device atomic_int*)(o + 5); atomic_store_explicit(d, 7, memory_order_relaxed); "
     "atomic_fetch_add_explicit(d, 2, memory_order_relaxed); }",
     {501, 255, 15, 1, 498, 9},
     32},
    {"float and ulong atomics, compare-exchange loops, atomics of user types",
     "template <typename T> struct cell { atomic<T> val; }; template <typename T> METAL_FUNC void add(device cell<T>* "
     "c, T v, size_t at) { atomic_fetch_add_explicit(&(c[at].val), v, memory_order_relaxed); } METAL_FUNC void "
     "keep_max(device cell<float>* c, float v, size_t at) { float e = atomic_load_explicit(&(c[at].val), "
     "memory_order_relaxed); while (v > e) { if (atomic_compare_exchange_weak_explicit(&(c[at].val), &e, v, "
     "memory_order_relaxed, memory_order_relaxed)) return; } }",
     "device cell<float>* f = (device cell<float>*)o; device cell<int>* c = (device cell<int>*)o; device atomic_ulong* "
     "l = (device atomic_ulong*)(o + 4); if (t == 0) { for (int i = 0; i < 6; ++i) o[i] = 0; } "
     "threadgroup_barrier(mem_flags::mem_device); add(f, 0.5f, 0); keep_max(f, float(t), 1); add(c, 2, 2); "
     "atomic_max_explicit(l, ulong(t) << 32, memory_order_relaxed); threadgroup_barrier(mem_flags::mem_device); if (t "
     "== 0) { o[0] = as_type<float>(o[0]) * 10; o[1] = as_type<float>(o[1]); }",
     {160, 31, 64, 0, 0, 31},
     32},
    {"atomics by the name of the class behind them",
     "void add(device _atomic<uint>* at, uint v) { atomic_fetch_add_explicit(at, v, memory_order_relaxed); } template <typename T> T get(device "
     "metal::_atomic<T>* at) { return atomic_load_explicit(at, memory_order_relaxed); }",
     "device _atomic<uint>* a = reinterpret_cast<device _atomic<uint>*>(o); if (t == 0) o[0] = 0; threadgroup_barrier(mem_flags::mem_device); "
     "add(a, 3); threadgroup_barrier(mem_flags::mem_device); o[1] = get(a);",
     {96, 96},
     32},
    {"fences and scopes, `coherent` and volatile pointers",
     "namespace metal { constexpr constant metal::thread_scope thread_scope_system = "
     "static_cast<thread_scope>(__METAL_MEMORY_SCOPE_SYSTEM__); } int stamp(volatile coherent(system) device int* p) { "
     "p[0] = 3; return p[0]; }",
     "o[0] = stamp(o); atomic_thread_fence(mem_flags::mem_device, memory_order_seq_cst, thread_scope_device); "
     "atomic_thread_fence(mem_flags::mem_threadgroup, memory_order_relaxed); "
     "atomic_thread_fence(mem_flags::mem_device, memory_order_seq_cst, thread_scope_system); volatile coherent device "
     "int* v = o + 1; v[0] = 4;",
     {3, 4}},
    {"dynamic threadgroup memory carved by casts",
     "kernel void k(device int* o [[buffer(0)]], device const int* n [[buffer(1)]], uint t "
     "[[thread_index_in_threadgroup]]) { threadgroup char shm[1024]; threadgroup half* sa = (threadgroup half*)(shm); "
     "threadgroup float* sb = (threadgroup float*)(shm + 512); sa[t] = half(t); sb[t] = n[t] * 2; "
     "threadgroup_barrier(mem_flags::mem_threadgroup); o[t] = sa[3 - t] + sb[(t + 1) % 4]; }",
     "",
     {5, 6, 7, 0},
     4},
    {"volatile variables in threads and threadgroups, also where threads meet",
     "#define ISOLATED(stop) { volatile bool stop = false; if (stop) break; }",
     "volatile threadgroup int s[4]; volatile int own[2] = {n[t], 5}; int k = t; while (true) { ISOLATED(never) if (k "
     ">= 4) break; s[k] = own[k & 1] + k; k += 4; } threadgroup_barrier(mem_flags::mem_threadgroup); own[t & 1] += "
     "simd_sum(own[1]); o[t] = s[3 - t] + own[0] * 10 + own[1];",
     {213, 39, 231, 55},
     4},
    {"private arrays of some KiB, dynamic indices",
     "",
     "int a[512]; for (int i = 0; i < 512; ++i) a[i] = i ^ n[1]; o[0] = a[n[7] * 10]; float m[8][8]; for (int i = 0; i "
     "< 64; ++i) m[i / 8][i % 8] = i; o[1] = m[n[3]][n[4]];",
     {71, 28}},
    {"large lookup tables in constant",
     "#define R4(n) n, n + 64, n + 16, n + 80\n#define R16(n) R4(n), R4(n + 4), R4(n + 1), R4(n + 5)\nconstant uchar "
     "kTable[64] = {R16(0), R16(2), R16(8), R16(10)};\nconstant ulong kRounds[4] = {0x428a2f98d728ae22ul, "
     "0x7137449123ef65cdul, 0xb5c0fbcfec4d3b2ful, 0xe9b5dba58189dbbcul};",
     "o[0] = kTable[n[17]]; o[1] = uint(kRounds[n[2]] >> 40); ulong x = kRounds[n[0]] ^ rotate(kRounds[1], "
     "ulong(n[13])); o[2] = uint(x >> 60);",
     {66, int(0xb5c0fb),
      int(((0x428a2f98d728ae22ULL ^ ((0x7137449123ef65cdULL << 13) | (0x7137449123ef65cdULL >> 51))) >> 60))}},
};

}  // namespace

std::span<const Feature> execution() { return kFeatures; }

}  // namespace msl_conformance
