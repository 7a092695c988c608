#pragma once
// The built-in inputs of a kernel, one function per attribute; `dim` is ignored by those that have one component.
#pragma clang system_header

#define __MSL_INPUT(name, value) \
  inline __attribute__((always_inline)) unsigned __msl_input_##name(unsigned dim) { return (void)dim, (value); }
#define __MSL_THREADS \
  (__msl_threads_per_threadgroup(0) * __msl_threads_per_threadgroup(1) * __msl_threads_per_threadgroup(2))
#define __MSL_DISPATCH_THREADS                                                          \
  (__msl_dispatch_threads_per_threadgroup(0) * __msl_dispatch_threads_per_threadgroup(1) * \
   __msl_dispatch_threads_per_threadgroup(2))

__MSL_INPUT(thread_position_in_grid,
            __msl_threadgroup_position_in_grid(dim) * __msl_dispatch_threads_per_threadgroup(dim) +
                __msl_thread_position_in_threadgroup(dim))
__MSL_INPUT(threads_per_grid, __msl_threads_per_grid(dim))
__MSL_INPUT(thread_position_in_threadgroup, __msl_thread_position_in_threadgroup(dim))
__MSL_INPUT(threads_per_threadgroup, __msl_threads_per_threadgroup(dim))
__MSL_INPUT(dispatch_threads_per_threadgroup, __msl_dispatch_threads_per_threadgroup(dim))
__MSL_INPUT(threadgroup_position_in_grid, __msl_threadgroup_position_in_grid(dim))
__MSL_INPUT(threadgroups_per_grid, __msl_threadgroups_per_grid(dim))
__MSL_INPUT(thread_index_in_threadgroup, __msl_thread_index_in_threadgroup())
__MSL_INPUT(thread_index_in_simdgroup, __msl_thread_index_in_simdgroup())
__MSL_INPUT(simdgroup_index_in_threadgroup, __msl_simdgroup_index_in_threadgroup())
__MSL_INPUT(simdgroups_per_threadgroup, (__MSL_THREADS + 31u) / 32u)
__MSL_INPUT(dispatch_simdgroups_per_threadgroup, (__MSL_DISPATCH_THREADS + 31u) / 32u)
__MSL_INPUT(threads_per_simdgroup, 32u)
__MSL_INPUT(thread_execution_width, 32u)
__MSL_INPUT(thread_index_in_quadgroup, __msl_thread_index_in_threadgroup() % 4u)
__MSL_INPUT(quadgroup_index_in_threadgroup, __msl_thread_index_in_threadgroup() / 4u)
__MSL_INPUT(quadgroups_per_threadgroup, (__MSL_THREADS + 3u) / 4u)
__MSL_INPUT(dispatch_quadgroups_per_threadgroup, (__MSL_DISPATCH_THREADS + 3u) / 4u)

#undef __MSL_DISPATCH_THREADS
#undef __MSL_THREADS
#undef __MSL_INPUT
