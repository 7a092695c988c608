#pragma once
// <metal_atomic>: atomic<T> and its functions, for device and for threadgroup memory.
#pragma clang system_header
#include "address_spaces.h"
#include "compute.h"
#include "overload.h"

namespace __msl {

template <class T>
concept atomic_number = __is_same(T, int) || __is_same(T, uint);
template <class T>
concept atomic_sum = atomic_number<T> || __is_same(T, float) || __is_same(T, ulong);
template <class T>
concept atomic_value = atomic_sum<T> || __is_same(T, bool);

// The values of thread_scope (and of the system scope, 3, that sources cast) from the narrowest to the widest scope:
// thread 0, SIMD-group 1, threadgroup 2, device 3, system 4.
__MSL_INLINE constexpr uint scope_rank(uint scope) { return scope == 0 ? 0 : scope == 4 ? 1 : scope + 1; }

}  // namespace __msl

namespace metal {

// acquire, release and the others of C++ do not exist.
enum memory_order { memory_order_relaxed = 0, memory_order_seq_cst = 5 };
enum thread_scope { thread_scope_thread, thread_scope_threadgroup, thread_scope_device, thread_scope_simdgroup = 4 };

template <__msl::atomic_value T>
struct atomic {
  T __value;
  atomic() = default;
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;
};

}  // namespace metal

namespace __msl {

template <class T>
__MSL_INLINE volatile T* anywhere(const volatile metal::atomic<T>* object) {
  return const_cast<volatile T*>(&object->__value);
}

}  // namespace __msl

namespace metal {

// The class behind `atomic<T>` in Metal's own headers.
template <__msl::atomic_value T>
using _atomic = atomic<T>;
using atomic_int = atomic<int>;
using atomic_uint = atomic<uint>;
using atomic_bool = atomic<bool>;
using atomic_ulong = atomic<ulong>;
using atomic_float = atomic<float>;

#define __MSL_RELAXED(order) \
  __attribute__((diagnose_if(order != memory_order_relaxed, "the order of atomic functions is memory_order_relaxed; others are atomic_thread_fence's", "error")))
// The functions exist once per space that atomics may be in. Clang's builtins take pointers of one space only.
#define __MSL_ATOMICS(space)                                                                                                                                                 \
  template <__msl::atomic_value T>                                                                                                                                           \
  __MSL_INLINE void atomic_store_explicit(volatile space atomic<T>* object, __msl::converted<T> desired,                                                                     \
                                          memory_order order) __MSL_RELAXED(order) {                                                                                         \
    __atomic_store(__msl::anywhere<T>(object), &desired, __ATOMIC_RELAXED);                                                                                                  \
  }                                                                                                                                                                          \
  template <__msl::atomic_value T>                                                                                                                                           \
  __MSL_INLINE T atomic_load_explicit(const volatile space atomic<T>* object, memory_order order) __MSL_RELAXED(order) {                                                     \
    T value;                                                                                                                                                                 \
    __atomic_load(__msl::anywhere<T>(object), &value, __ATOMIC_RELAXED);                                                                                                     \
    return value;                                                                                                                                                            \
  }                                                                                                                                                                          \
  template <__msl::atomic_value T>                                                                                                                                           \
  __MSL_INLINE T atomic_exchange_explicit(volatile space atomic<T>* object, __msl::converted<T> desired,                                                                     \
                                          memory_order order) __MSL_RELAXED(order) {                                                                                         \
    T old;                                                                                                                                                                   \
    __atomic_exchange(__msl::anywhere<T>(object), &desired, &old, __ATOMIC_RELAXED);                                                                                         \
    return old;                                                                                                                                                              \
  }                                                                                                                                                                          \
  /* Floats compare by their bits. */                                                                                                                                        \
  template <__msl::atomic_value T>                                                                                                                                           \
  __MSL_INLINE bool atomic_compare_exchange_weak_explicit(volatile space atomic<T>* object, T* expected,                                                                     \
                                                          __msl::converted<T> desired, memory_order order, memory_order failed) __MSL_RELAXED(order) __MSL_RELAXED(failed) { \
    return __atomic_compare_exchange(__msl::anywhere<T>(object), expected, &desired, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED);                                              \
  }                                                                                                                                                                          \
  __MSL_FETCH(space, add, atomic_sum, __atomic_fetch_add)                                                                                                                    \
  __MSL_FETCH(space, sub, atomic_sum, __atomic_fetch_sub)                                                                                                                    \
  __MSL_FETCH(space, min, atomic_number, __atomic_fetch_min)                                                                                                                 \
  __MSL_FETCH(space, max, atomic_number, __atomic_fetch_max)                                                                                                                 \
  __MSL_FETCH(space, and, atomic_number, __atomic_fetch_and)                                                                                                                 \
  __MSL_FETCH(space, or, atomic_number, __atomic_fetch_or)                                                                                                                   \
  __MSL_FETCH(space, xor, atomic_number, __atomic_fetch_xor)                                                                                                                 \
  template <class T>                                                                                                                                                         \
    requires(__is_same(T, ulong))                                                                                                                                            \
  __MSL_INLINE void atomic_min_explicit(volatile space atomic<T>* object, __msl::converted<T> operand,                                                                       \
                                        memory_order order) __MSL_RELAXED(order) {                                                                                           \
    __atomic_fetch_min(__msl::anywhere<T>(object), operand, __ATOMIC_RELAXED);                                                                                               \
  }                                                                                                                                                                          \
  template <class T>                                                                                                                                                         \
    requires(__is_same(T, ulong))                                                                                                                                            \
  __MSL_INLINE void atomic_max_explicit(volatile space atomic<T>* object, __msl::converted<T> operand,                                                                       \
                                        memory_order order) __MSL_RELAXED(order) {                                                                                           \
    __atomic_fetch_max(__msl::anywhere<T>(object), operand, __ATOMIC_RELAXED);                                                                                               \
  }
#define __MSL_FETCH(space, f, E, builtin)                                                                   \
  template <__msl::E T>                                                                                     \
  __MSL_INLINE T atomic_fetch_##f##_explicit(volatile space atomic<T>* object, __msl::converted<T> operand, \
                                             memory_order order) __MSL_RELAXED(order) {                     \
    return builtin(__msl::anywhere<T>(object), operand, __ATOMIC_RELAXED);                                  \
  }
__MSL_ATOMICS(__MSL_DEVICE)
__MSL_ATOMICS(__MSL_THREADGROUP)
#undef __MSL_FETCH
#undef __MSL_ATOMICS
#undef __MSL_RELAXED

__MSL_INLINE void atomic_thread_fence(mem_flags flags, memory_order order, thread_scope scope = thread_scope_device) {
  if (order != memory_order_relaxed) __msl_fence(static_cast<uint>(flags), __msl::scope_rank(static_cast<uint>(scope)));
}

}  // namespace metal
