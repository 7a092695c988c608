#pragma once
// The built-in inputs of a kernel, one function per attribute; `dim` is ignored by those that have one component.
#pragma clang system_header

#define __MSL_SCALAR_INPUT(name, value) \
  inline __attribute__((always_inline)) unsigned __msl_input_##name(unsigned dim) { return (void)dim, (value); }
#define __MSL_VECTOR_INPUT(name, value) __MSL_SCALAR_INPUT(name, value)
#define __MSL_THREADS \
  (__msl_threads_per_threadgroup(0) * __msl_threads_per_threadgroup(1) * __msl_threads_per_threadgroup(2))
#define __MSL_DISPATCH_THREADS                                                          \
  (__msl_dispatch_threads_per_threadgroup(0) * __msl_dispatch_threads_per_threadgroup(1) * \
   __msl_dispatch_threads_per_threadgroup(2))

#include "thread_input_list.h"

#undef __MSL_DISPATCH_THREADS
#undef __MSL_THREADS
#undef __MSL_VECTOR_INPUT
#undef __MSL_SCALAR_INPUT
