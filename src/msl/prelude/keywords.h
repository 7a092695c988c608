#pragma once
// MSL's own keywords. Address spaces are erased from types; the annotation keeps them visible to the front end.
#pragma clang system_header

#define device __attribute__((annotate("msl:device")))
#define constant const __attribute__((annotate("msl:constant")))
#define threadgroup __attribute__((annotate("msl:threadgroup")))
#define thread __attribute__((annotate("msl:thread")))
#define kernel __attribute__((annotate("msl:kernel")))
#define vertex __attribute__((annotate("msl:vertex")))
#define fragment __attribute__((annotate("msl:fragment")))
#define __msl_any_space __attribute__((annotate("msl:any_space")))
#define coherent(scope) __attribute__((annotate("msl:coherent", #scope)))

extern "C" __attribute__((nothrow, const)) bool __msl_is_function_constant_defined(const void*);
#define is_function_constant_defined(name) (__msl_is_function_constant_defined(&(name)))
