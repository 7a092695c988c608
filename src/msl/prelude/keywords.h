#pragma once
// MSL's own keywords. `__global`, `__local` and `__private` are Clang's keywords for address spaces, known to
// these macros alone (library_macros.hpp); `thread` is Clang's default space, the annotation keeps it visible.
#pragma clang system_header

#define device __global
#define constant const __private
#define threadgroup __local
#define thread __attribute__((annotate("msl:thread")))
#define kernel __attribute__((annotate("msl:kernel")))
#define vertex __attribute__((annotate("msl:vertex")))
#define fragment __attribute__((annotate("msl:fragment")))
// Address spaces of other stages: like `device`, for functions that are no entries.
#define object_data __attribute__((annotate("msl:object_data"))) __global
#define ray_data __attribute__((annotate("msl:ray_data"))) __global
#define threadgroup_imageblock __attribute__((annotate("msl:threadgroup_imageblock"))) __global
// Behind a member function (prepass.hpp), where no annotation may stand.
#define __msl_thread_object __generic
#define __msl_constant_object __private
// What the pre-pass writes (prepass.hpp).
#define __msl_threadgroup __local
#define coherent(scope) __attribute__((annotate("msl:coherent", #scope)))

extern "C" __attribute__((nothrow, const)) bool __msl_is_function_constant_defined(const void*);
#define is_function_constant_defined(name) (__msl_is_function_constant_defined(&(name)))
// Where function constants have values a scalar one is a constant expression, and so is whether it has one.
#define __msl_is_given(name) (__is_class(decltype(name)) ? __msl_is_function_constant_defined(&(name)) : __builtin_constant_p(name))

// What an attribute becomes (prepass.hpp): `__msl_attribute((__msl_annotate("msl:buffer", 0)))`.
#define __msl_annotate annotate

// What a string literal becomes: `"abc" + __msl_in_constant` (text_literals.hpp).
inline constexpr struct __msl_constant_text {
} __msl_in_constant;
// In a function of this name alone Clang takes a change of the address space for a constant expression.
namespace std {
struct source_location {
  static constexpr const __attribute__((opencl_private)) char* current(const char* text) {
    return (const __attribute__((opencl_private)) char*)text;
  }
};
}  // namespace std
template <unsigned long size>
constexpr const __attribute__((opencl_private)) char* operator+(const char (&text)[size], __msl_constant_text) {
  return std::source_location::current(text);
}

// Threadgroup memory whose size depends on function constants.
extern "C" __attribute__((nothrow)) __attribute__((opencl_local)) void* __msl_threadgroup_array(unsigned long bytes);
