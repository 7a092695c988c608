#pragma once
// Attributes whose names come from macros of the user's: `[[TID]]` is `__msl_written(TID)` too (prepass.hpp), which says what TID's
// text does: `annotate("msl:thread_position_in_grid")`. `threadgroup` is `__local` by then.
#pragma clang system_header

#define __msl_written(...) __msl_written_(__VA_ARGS__)
#define __msl_written_(...) __msl_second(__msl_of_##__VA_ARGS__, annotate("msl:" #__VA_ARGS__), )
#define __msl_second(...) __msl_second_(__VA_ARGS__)
#define __msl_second_(first, second, ...) second
// Among parameters, where `function_constant` names the constant that says whether there is one.
#define __msl_written_parameter(...) __msl_written_parameter_(__VA_ARGS__)
#define __msl_written_parameter_(...) \
  __msl_second(__msl_guard_##__VA_ARGS__, __msl_second(__msl_of_##__VA_ARGS__, annotate("msl:" #__VA_ARGS__), ), )
#define __msl_guard_function_constant(name) , annotate("msl:function_constant_guard", &(name))

// Those with arguments.
#define __msl_of_function_constant(index) , annotate("msl:function_constant", index)
#define __msl_of_buffer(index) , annotate("msl:buffer", index)
#define __msl_of___local(index) , annotate("msl:threadgroup_index", index)
#define __msl_of_host_name(name) , annotate("msl:host_name", name)
#define __msl_of_max_total_threads_per_threadgroup(threads) , annotate("msl:max_total_threads_per_threadgroup", threads)
// A keyword, which is an attribute of Clang's by then: `[[KERNEL]]` where KERNEL is `kernel`.
#define __msl_of___attribute__(list) , __msl_listed list
#define __msl_listed(...) __VA_ARGS__
