#pragma once
// Address spaces are part of types (docs/address-spaces.md). The library's own spelling of them: the keywords `device`,
// `constant` and `threadgroup` are the front end's. `thread` is the default space, to which pointers and references to
// every other convert, so that a library function that takes `const T&` takes objects in all of them.
#pragma clang system_header

#define __MSL_DEVICE __attribute__((opencl_global))
#define __MSL_CONSTANT const __attribute__((opencl_private))
#define __MSL_THREADGROUP __attribute__((opencl_local))

namespace __msl {

// like<T>: T in the space (and with the const) of S. unspaced: S without them.
template <class S>
struct space_of {
  template <class T>
  using like = T;
  using unspaced = S;
};
template <class S>
struct space_of<const S> {
  template <class T>
  using like = const T;
  using unspaced = S;
};
#define __MSL_SPACE(qualifier)               \
  template <class S>                         \
  struct space_of<qualifier S> {             \
    template <class T>                       \
    using like = qualifier T;                \
    using unspaced = S;                      \
  };                                         \
  template <class S>                         \
  struct space_of<const qualifier S> {       \
    template <class T>                       \
    using like = const qualifier T;          \
    using unspaced = S;                      \
  };
__MSL_SPACE(__attribute__((opencl_global)))
__MSL_SPACE(__attribute__((opencl_local)))
__MSL_SPACE(__attribute__((opencl_private)))
#undef __MSL_SPACE

// volatile S is S; a class, as Clang 19 cannot lay out what `__remove_volatile` of a template argument leads to.
template <class S>
struct steady {
  using type = S;
};
template <class S>
struct steady<volatile S> {
  using type = S;
};

template <class S, class T>
using like = typename space_of<S>::template like<T>;
// Neither const, volatile nor in a space.
template <class S>
using plain = typename space_of<__remove_volatile(S)>::unspaced;

}  // namespace __msl
