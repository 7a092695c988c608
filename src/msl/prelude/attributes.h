#pragma once
// Attributes whose names come from macros of the user's: `[[TID]]` is `__msl_written(TID)` too (prepass.hpp), which TID's text completes.
// `threadgroup` is `__local` by then.
#pragma clang system_header

#define __msl_written(...) __msl_written_(__VA_ARGS__)
#define __msl_written_(...) __msl_attribute_##__VA_ARGS__

#define __msl_attribute_buffer(index) annotate("msl:buffer", index)
#define __msl_attribute___local(index) annotate("msl:threadgroup_index", index)
#define __msl_attribute_host_name(name) annotate("msl:host_name", name)
#define __msl_attribute_max_total_threads_per_threadgroup(threads) annotate("msl:max_total_threads_per_threadgroup", threads)
#define __msl_attribute_thread_position_in_grid annotate("msl:thread_position_in_grid")
#define __msl_attribute_threads_per_grid annotate("msl:threads_per_grid")
#define __msl_attribute_thread_position_in_threadgroup annotate("msl:thread_position_in_threadgroup")
#define __msl_attribute_threads_per_threadgroup annotate("msl:threads_per_threadgroup")
#define __msl_attribute_dispatch_threads_per_threadgroup annotate("msl:dispatch_threads_per_threadgroup")
#define __msl_attribute_threadgroup_position_in_grid annotate("msl:threadgroup_position_in_grid")
#define __msl_attribute_threadgroups_per_grid annotate("msl:threadgroups_per_grid")
#define __msl_attribute_thread_index_in_threadgroup annotate("msl:thread_index_in_threadgroup")
#define __msl_attribute_thread_index_in_simdgroup annotate("msl:thread_index_in_simdgroup")
#define __msl_attribute_simdgroup_index_in_threadgroup annotate("msl:simdgroup_index_in_threadgroup")
#define __msl_attribute_simdgroups_per_threadgroup annotate("msl:simdgroups_per_threadgroup")
#define __msl_attribute_dispatch_simdgroups_per_threadgroup annotate("msl:dispatch_simdgroups_per_threadgroup")
#define __msl_attribute_threads_per_simdgroup annotate("msl:threads_per_simdgroup")
#define __msl_attribute_thread_execution_width annotate("msl:thread_execution_width")
#define __msl_attribute_thread_index_in_quadgroup annotate("msl:thread_index_in_quadgroup")
#define __msl_attribute_quadgroup_index_in_threadgroup annotate("msl:quadgroup_index_in_threadgroup")
#define __msl_attribute_quadgroups_per_threadgroup annotate("msl:quadgroups_per_threadgroup")
#define __msl_attribute_dispatch_quadgroups_per_threadgroup annotate("msl:dispatch_quadgroups_per_threadgroup")
