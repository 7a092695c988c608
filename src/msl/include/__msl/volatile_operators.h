#pragma once
// Operators on volatile vectors and matrices: on a copy of what they hold, written back as a whole.
#pragma clang system_header
#include "matrix.h"
#include "operator_lists.h"
#include "packed.h"

namespace metal {

#define __MSL_OPERATOR(op)                                                                                 \
  template <class A, class B>                                                                              \
    requires((__is_volatile(A) || __is_volatile(B)) &&                                                     \
             requires(const A& a, const B& b) { __msl::loaded(a) op __msl::loaded(b); })                   \
  __MSL_INLINE auto operator op(const A& a, const B& b) {                                                  \
    return __msl::loaded(a) op __msl::loaded(b);                                                           \
  }
#define __MSL_ASSIGNED(op)                                                                                 \
  __MSL_OPERATOR(op)                                                                                       \
  template <class A, class B>                                                                              \
    requires(__is_volatile(A) && requires(A& a, const B& b) { a = __msl::loaded(a) op __msl::loaded(b); }) \
  __MSL_INLINE auto operator op##=(A & a, const B & b) {                                                   \
    return a = __msl::loaded(a) op __msl::loaded(b);                                                       \
  }
__MSL_COMPUTING_OPERATORS(__MSL_ASSIGNED)
__MSL_COMPARING_OPERATORS(__MSL_OPERATOR)
__MSL_LOGICAL_OPERATORS(__MSL_OPERATOR)
#undef __MSL_OPERATOR
#undef __MSL_ASSIGNED

#define __MSL_SIGN(op)                                                          \
  template <class A>                                                            \
    requires(__is_volatile(A) && requires(const A& a) { op __msl::loaded(a); }) \
  __MSL_INLINE auto operator op(const A& a) {                                   \
    return op __msl::loaded(a);                                                 \
  }
__MSL_SIGN_OPERATORS(__MSL_SIGN)
#undef __MSL_SIGN

#define __MSL_STEP(step, op)                                                    \
  template <class A>                                                            \
    requires(__is_volatile(A) && requires(A& a) { a = __msl::loaded(a) op 1; }) \
  __MSL_INLINE auto operator step(A& a) {                                       \
    return a = __msl::loaded(a) op 1;                                           \
  }                                                                             \
  template <class A>                                                            \
    requires(__is_volatile(A) && requires(A& a) { a = __msl::loaded(a) op 1; }) \
  __MSL_INLINE auto operator step(A& a, int) {                                  \
    const auto old = __msl::loaded(a);                                          \
    a = old op 1;                                                               \
    return old;                                                                 \
  }
__MSL_STEP(++, +)
__MSL_STEP(--, -)
#undef __MSL_STEP

}  // namespace metal
