#pragma once
// The functions a back end lowers; meaning and IR attributes are those of docs/entry-ir.md.
#pragma clang system_header

// A pure query: no memory, the same answer for the whole life of the thread.
#define __MSL_QUERY extern "C" __attribute__((nothrow, const))
// Talks to other lanes: may not be moved into or out of a branch.
#define __MSL_CROSS_LANE extern "C" __attribute__((nothrow, const, convergent))
// Orders memory: everything reachable counts as read and written.
#define __MSL_SYNC extern "C" __attribute__((nothrow, convergent))

__MSL_QUERY unsigned __msl_thread_position_in_threadgroup(unsigned dim);
__MSL_QUERY unsigned __msl_threadgroup_position_in_grid(unsigned dim);
__MSL_QUERY unsigned __msl_threads_per_threadgroup(unsigned dim);
__MSL_QUERY unsigned __msl_dispatch_threads_per_threadgroup(unsigned dim);
__MSL_QUERY unsigned __msl_threadgroups_per_grid(unsigned dim);
__MSL_QUERY unsigned __msl_threads_per_grid(unsigned dim);
__MSL_QUERY unsigned __msl_thread_index_in_threadgroup();
__MSL_QUERY unsigned __msl_thread_index_in_simdgroup();
__MSL_QUERY unsigned __msl_simdgroup_index_in_threadgroup();

__MSL_SYNC void __msl_threadgroup_barrier(unsigned flags);
__MSL_SYNC void __msl_simdgroup_barrier(unsigned flags);
__MSL_SYNC void __msl_fence(unsigned flags, unsigned scope);

__MSL_CROSS_LANE unsigned __msl_simd_shuffle(unsigned value, unsigned lane);
__MSL_CROSS_LANE unsigned long __msl_simd_ballot(bool predicate);

__MSL_CROSS_LANE int __msl_simd_sum_i32(int value);
__MSL_CROSS_LANE unsigned __msl_simd_sum_u32(unsigned value);
__MSL_CROSS_LANE float __msl_simd_sum_f32(float value);
__MSL_CROSS_LANE int __msl_simd_product_i32(int value);
__MSL_CROSS_LANE unsigned __msl_simd_product_u32(unsigned value);
__MSL_CROSS_LANE float __msl_simd_product_f32(float value);
__MSL_CROSS_LANE int __msl_simd_min_i32(int value);
__MSL_CROSS_LANE unsigned __msl_simd_min_u32(unsigned value);
__MSL_CROSS_LANE float __msl_simd_min_f32(float value);
__MSL_CROSS_LANE int __msl_simd_max_i32(int value);
__MSL_CROSS_LANE unsigned __msl_simd_max_u32(unsigned value);
__MSL_CROSS_LANE float __msl_simd_max_f32(float value);
__MSL_CROSS_LANE unsigned __msl_simd_and_u32(unsigned value);
__MSL_CROSS_LANE unsigned __msl_simd_or_u32(unsigned value);
__MSL_CROSS_LANE unsigned __msl_simd_xor_u32(unsigned value);
__MSL_CROSS_LANE unsigned __msl_simd_prefix_inclusive_sum_u32(unsigned value);
__MSL_CROSS_LANE float __msl_simd_prefix_inclusive_sum_f32(float value);
__MSL_CROSS_LANE unsigned __msl_simd_prefix_inclusive_product_u32(unsigned value);
__MSL_CROSS_LANE float __msl_simd_prefix_inclusive_product_f32(float value);
__MSL_CROSS_LANE unsigned __msl_simd_prefix_exclusive_sum_u32(unsigned value);
__MSL_CROSS_LANE float __msl_simd_prefix_exclusive_sum_f32(float value);
__MSL_CROSS_LANE unsigned __msl_simd_prefix_exclusive_product_u32(unsigned value);
__MSL_CROSS_LANE float __msl_simd_prefix_exclusive_product_f32(float value);

__MSL_QUERY float __msl_fast_exp2(float x);
__MSL_QUERY float __msl_fast_log2(float x);
__MSL_QUERY float __msl_fast_rcp(float x);
__MSL_QUERY float __msl_fast_rsqrt(float x);
__MSL_QUERY float __msl_fast_sin(float x);
__MSL_QUERY float __msl_fast_cos(float x);

// Two matrix elements of one lane. The contract wants `<2 x float>` in the IR: the x86-64 C ABI makes that of a pair
// of floats (and `double` of a vector), the other targets of the vector itself.
#if defined(__x86_64__)
struct __msl_lane_pair {
  float first, second;
};
#else
typedef float __msl_lane_pair __attribute__((ext_vector_type(2)));
#endif

#define __MSL_MULTIPLY_ACCUMULATE(A, B)                                                                                \
  __MSL_CROSS_LANE __msl_lane_pair __msl_simdgroup_multiply_accumulate_##A##_##B(__msl_lane_pair a, __msl_lane_pair b, \
                                                                                 __msl_lane_pair c);
__MSL_MULTIPLY_ACCUMULATE(f32, f32)
__MSL_MULTIPLY_ACCUMULATE(f32, f16)
__MSL_MULTIPLY_ACCUMULATE(f32, bf16)
__MSL_MULTIPLY_ACCUMULATE(f16, f32)
__MSL_MULTIPLY_ACCUMULATE(f16, f16)
__MSL_MULTIPLY_ACCUMULATE(f16, bf16)
__MSL_MULTIPLY_ACCUMULATE(bf16, f32)
__MSL_MULTIPLY_ACCUMULATE(bf16, f16)
__MSL_MULTIPLY_ACCUMULATE(bf16, bf16)
#undef __MSL_MULTIPLY_ACCUMULATE
