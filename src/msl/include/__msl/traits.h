#pragma once
// <metal_type_traits>: over Clang's own traits, so that a query costs no instantiation chain.
#pragma clang system_header
#include "bfloat.h"

namespace metal {

template <class T, T v>
struct integral_constant {
  static constexpr T value = v;
  using value_type = T;
  using type = integral_constant;
  constexpr operator T() const noexcept { return v; }
  constexpr T operator()() const noexcept { return v; }
};
template <bool b>
using bool_constant = integral_constant<bool, b>;
using true_type = bool_constant<true>;
using false_type = bool_constant<false>;

#define __MSL_TRAIT(name, ...)                  \
  template <class T>                            \
  inline constexpr bool name##_v = __VA_ARGS__; \
  template <class T>                            \
  struct name : bool_constant<__VA_ARGS__> {};
#define __MSL_TRAIT_2(name, ...)                \
  template <class T, class U>                   \
  inline constexpr bool name##_v = __VA_ARGS__; \
  template <class T, class U>                   \
  struct name : bool_constant<__VA_ARGS__> {};

__MSL_TRAIT(is_integral, __is_integral(T))
__MSL_TRAIT(is_floating_point, __is_floating_point(T) || __is_same(__remove_cv(T), bfloat))
__MSL_TRAIT(is_arithmetic, __is_arithmetic(T) || __is_same(__remove_cv(T), bfloat))
__MSL_TRAIT(is_signed, __is_signed(T) || __is_same(__remove_cv(T), bfloat))
__MSL_TRAIT(is_unsigned, __is_unsigned(T))
__MSL_TRAIT(is_scalar, __is_scalar(T) || __is_same(__remove_cv(T), bfloat))
__MSL_TRAIT(is_pointer, __is_pointer(T))
__MSL_TRAIT(is_reference, __is_reference(T))
__MSL_TRAIT(is_lvalue_reference, __is_lvalue_reference(T))
__MSL_TRAIT(is_rvalue_reference, __is_rvalue_reference(T))
__MSL_TRAIT(is_array, __is_array(T))
__MSL_TRAIT(is_enum, __is_enum(T))
__MSL_TRAIT(is_union, __is_union(T))
__MSL_TRAIT(is_class, __is_class(T) && !__is_same(__remove_cv(T), bfloat))
__MSL_TRAIT(is_const, __is_const(T))
__MSL_TRAIT(is_volatile, __is_volatile(T))
__MSL_TRAIT(is_trivial, __is_trivial(T))
__MSL_TRAIT(is_trivially_copyable, __is_trivially_copyable(T))
__MSL_TRAIT(is_standard_layout, __is_standard_layout(T))
__MSL_TRAIT(is_function, __is_function(T))
__MSL_TRAIT(is_void, __is_void(T))
__MSL_TRAIT_2(is_same, __is_same(T, U))
__MSL_TRAIT_2(is_convertible, __is_convertible(T, U))
__MSL_TRAIT_2(is_base_of, __is_base_of(T, U))
#undef __MSL_TRAIT
#undef __MSL_TRAIT_2

template <class T, class... A>
inline constexpr bool is_constructible_v = __is_constructible(T, A...);
template <class T, class... A>
struct is_constructible : bool_constant<__is_constructible(T, A...)> {};

template <bool b, class T = void>
struct enable_if {};
template <class T>
struct enable_if<true, T> {
  using type = T;
};
template <bool b, class T = void>
using enable_if_t = typename enable_if<b, T>::type;

template <bool b, class T, class F>
struct conditional {
  using type = T;
};
template <class T, class F>
struct conditional<false, T, F> {
  using type = F;
};
template <bool b, class T, class F>
using conditional_t = typename conditional<b, T, F>::type;

#define __MSL_TRANSFORM(name, ...) \
  template <class T>               \
  struct name {                    \
    using type = __VA_ARGS__;      \
  };                               \
  template <class T>               \
  using name##_t = __VA_ARGS__;
__MSL_TRANSFORM(remove_cv, __remove_cv(T))
__MSL_TRANSFORM(remove_const, __remove_const(T))
__MSL_TRANSFORM(remove_volatile, __remove_volatile(T))
__MSL_TRANSFORM(remove_reference, __remove_reference_t(T))
__MSL_TRANSFORM(remove_pointer, __remove_pointer(T))
__MSL_TRANSFORM(remove_extent, __remove_extent(T))
__MSL_TRANSFORM(add_const, const T)
__MSL_TRANSFORM(add_volatile, volatile T)
__MSL_TRANSFORM(add_pointer, __add_pointer(T))
__MSL_TRANSFORM(add_lvalue_reference, __add_lvalue_reference(T))
__MSL_TRANSFORM(add_rvalue_reference, __add_rvalue_reference(T))
__MSL_TRANSFORM(decay, __decay(T))
__MSL_TRANSFORM(make_signed, __make_signed(T))
__MSL_TRANSFORM(make_unsigned, __make_unsigned(T))
__MSL_TRANSFORM(underlying_type, __underlying_type(T))
#undef __MSL_TRANSFORM

template <class T>
struct remove_addrspace {
  using type = T;
};
#define __MSL_SPACE(qualifier)                \
  template <class T>                          \
  struct remove_addrspace<qualifier T> {      \
    using type = T;                           \
  };
__MSL_SPACE(__attribute__((opencl_global)))
__MSL_SPACE(__attribute__((opencl_local)))
__MSL_SPACE(__attribute__((opencl_private)))
#undef __MSL_SPACE
template <class T>
using remove_addrspace_t = typename remove_addrspace<T>::type;

template <class T>
add_rvalue_reference_t<T> declval() noexcept;

template <class... T>
struct common_type {};
template <class T>
struct common_type<T> {
  using type = decay_t<T>;
};
template <class T, class U>
  requires requires { false ? declval<T>() : declval<U>(); }
struct common_type<T, U> {
  using type = decay_t<decltype(false ? declval<T>() : declval<U>())>;
};
template <class T, class U, class... V>
  requires(sizeof...(V) > 0)
struct common_type<T, U, V...> : common_type<typename common_type<T, U>::type, V...> {};
template <class... T>
using common_type_t = typename common_type<T...>::type;

// How many elements a vector has; what is none has 0.
template <class T, int N>
struct vec;
template <class T, int N>
struct packed_vec;
template <class T>
struct vec_elements : integral_constant<int, 0> {};
template <class T>
struct vec_elements<const T> : vec_elements<T> {};
template <class T, int N>
struct vec_elements<vec<T, N>> : integral_constant<int, N> {};
template <class T, int N>
struct vec_elements<packed_vec<T, N>> : integral_constant<int, N> {};

template <class... B>
struct _conjunction : bool_constant<(static_cast<bool>(B::value) && ...)> {};
template <class... B>
struct _disjunction : bool_constant<(static_cast<bool>(B::value) || ...)> {};
template <class B>
struct _negation : bool_constant<!static_cast<bool>(B::value)> {};

}  // namespace metal
