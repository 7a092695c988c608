// Every built-in input of a kernel: the attribute and its value. Read by thread_inputs.h and by msl/thread_inputs.cpp, which each say
// what an entry is.
__MSL_VECTOR_INPUT(thread_position_in_grid,
                   __msl_threadgroup_position_in_grid(dim) * __msl_dispatch_threads_per_threadgroup(dim) +
                       __msl_thread_position_in_threadgroup(dim))
__MSL_VECTOR_INPUT(threads_per_grid, __msl_threads_per_grid(dim))
__MSL_VECTOR_INPUT(thread_position_in_threadgroup, __msl_thread_position_in_threadgroup(dim))
__MSL_VECTOR_INPUT(threads_per_threadgroup, __msl_threads_per_threadgroup(dim))
__MSL_VECTOR_INPUT(dispatch_threads_per_threadgroup, __msl_dispatch_threads_per_threadgroup(dim))
__MSL_VECTOR_INPUT(threadgroup_position_in_grid, __msl_threadgroup_position_in_grid(dim))
__MSL_VECTOR_INPUT(threadgroups_per_grid, __msl_threadgroups_per_grid(dim))
__MSL_SCALAR_INPUT(thread_index_in_threadgroup, __msl_thread_index_in_threadgroup())
__MSL_SCALAR_INPUT(thread_index_in_simdgroup, __msl_thread_index_in_simdgroup())
__MSL_SCALAR_INPUT(simdgroup_index_in_threadgroup, __msl_simdgroup_index_in_threadgroup())
__MSL_SCALAR_INPUT(simdgroups_per_threadgroup, (__MSL_THREADS + 31u) / 32u)
__MSL_SCALAR_INPUT(dispatch_simdgroups_per_threadgroup, (__MSL_DISPATCH_THREADS + 31u) / 32u)
__MSL_SCALAR_INPUT(threads_per_simdgroup, 32u)
__MSL_SCALAR_INPUT(thread_execution_width, 32u)
__MSL_SCALAR_INPUT(thread_index_in_quadgroup, __msl_thread_index_in_threadgroup() % 4u)
__MSL_SCALAR_INPUT(quadgroup_index_in_threadgroup, __msl_thread_index_in_threadgroup() / 4u)
__MSL_SCALAR_INPUT(quadgroups_per_threadgroup, (__MSL_THREADS + 3u) / 4u)
__MSL_SCALAR_INPUT(dispatch_quadgroups_per_threadgroup, (__MSL_DISPATCH_THREADS + 3u) / 4u)
