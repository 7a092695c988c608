#pragma once
// <metal_tensor>: views of strided memory. Extent 0 is the fastest-varying (column) dimension.
#pragma clang system_header
#include "address_spaces.h"
#include "array.h"
#include "scalars.h"
#include "traits.h"

namespace metal {

inline constexpr size_t dynamic_extent = ~static_cast<size_t>(0);
template <class T>
inline constexpr T dynamic_length_v = static_cast<T>(dynamic_extent);

template <class Index, size_t... Extent>
struct extents {
  static_assert(sizeof...(Extent) != 0 && sizeof...(Extent) <= 16, "a tensor has 1 to 16 dimensions");
  using index_type = Index;
  Index __e[sizeof...(Extent)];

  __MSL_MEMBER constexpr extents() : __e{static_cast<Index>(Extent == dynamic_extent ? 0 : Extent)...} {}
  template <class... I>
    requires(sizeof...(I) == sizeof...(Extent) && (__is_convertible(I, Index) && ...))
  __MSL_MEMBER constexpr extents(I... e) : __e{static_cast<Index>(e)...} {}
  template <class I>
  __MSL_MEMBER constexpr extents(const array<I, sizeof...(Extent)>& e) {
    for (size_t r = 0; r < rank(); ++r) __e[r] = static_cast<Index>(e[r]);
  }

  static __MSL_MEMBER constexpr size_t rank() { return sizeof...(Extent); }
  static __MSL_MEMBER constexpr size_t rank_dynamic() {
    return (static_cast<size_t>(Extent == dynamic_extent) + ... + 0);
  }
  static __MSL_MEMBER constexpr size_t static_extent(size_t r) {
    const size_t all[] = {Extent...};
    return all[r];
  }
  __MSL_MEMBER constexpr Index extent(size_t r) const { return __e[r]; }
};

}  // namespace metal

namespace __msl {

template <metal::size_t Rank>
struct checked_rank {
  static constexpr bool is_possible = Rank != 0 && Rank <= 16;
  static_assert(is_possible, "a tensor has 1 to 16 dimensions");
  static constexpr int value = is_possible ? static_cast<int>(Rank) : 1;
};
template <class Index, class Sequence>
struct dynamic_extents;
template <class Index, int... r>
struct dynamic_extents<Index, sequence<int, r...>> {
  using type = metal::extents<Index, (static_cast<void>(r), metal::dynamic_extent)...>;
};

}  // namespace __msl

namespace metal {

template <class Index, size_t Rank>
using dextents = typename __msl::dynamic_extents<Index, __msl::first<__msl::checked_rank<Rank>::value>>::type;

struct tensor_inline {};
struct tensor_handle {};
struct tensor_offset {};

// One that the host binds, which is outside the compute subset: its members are declared and not defined.
template <class T, class Extents, class Descriptor = tensor_handle>
struct tensor {
  using element_type = T;
  using value_type = __msl::plain<T>;
  using extents_type = Extents;
  using index_type = typename Extents::index_type;

  ulong __handle;
  static size_t get_rank();
  static size_t get_static_extent(size_t);
  static bool has_static_extent(size_t);
  index_type get_extent(size_t) const;
  index_type get_stride(size_t) const;
  T* data_handle() const;
  template <class... I>
  T& operator[](I...) const;
  template <class... I>
  value_type get(I...) const;
  template <class... I>
  void set(value_type, I...) const;
  template <size_t... E, class... I>
  tensor<T, dextents<index_type, Extents::rank()>, tensor_offset> slice(I...) const;
  template <size_t... E, class... I>
  tensor<T, dextents<index_type, Extents::rank()>, tensor_offset> static_slice(I...) const;
};

template <class T, class Extents>
struct tensor<T, Extents, tensor_inline> {
  using element_type = T;
  using value_type = __msl::plain<T>;
  using extents_type = Extents;
  using index_type = typename Extents::index_type;

  T* __data;
  Extents __extents;
  long __strides[Extents::rank()];

  tensor() = default;
  // Without gaps.
  __MSL_MEMBER constexpr tensor(T* data, const Extents& e) : __data(data), __extents(e) {
    long stride = 1;
    for (size_t r = 0; r < Extents::rank(); ++r) {
      __strides[r] = stride;
      stride *= static_cast<long>(e.extent(r));
    }
  }
  template <class I>
  __MSL_MEMBER constexpr tensor(T* data, const Extents& e, const array<I, Extents::rank()>& strides)
      : __data(data), __extents(e) {
    for (size_t r = 0; r < Extents::rank(); ++r) __strides[r] = static_cast<long>(strides[r]);
  }

  static __MSL_MEMBER constexpr size_t get_rank() { return Extents::rank(); }
  static __MSL_MEMBER constexpr size_t get_static_extent(size_t r) { return Extents::static_extent(r); }
  static __MSL_MEMBER constexpr bool has_static_extent(size_t r) { return Extents::static_extent(r) != dynamic_extent; }
  __MSL_MEMBER constexpr index_type get_extent(size_t r) const { return __extents.extent(r); }
  __MSL_MEMBER constexpr index_type get_stride(size_t r) const { return static_cast<index_type>(__strides[r]); }
  __MSL_MEMBER constexpr T* data_handle() const { return __data; }

  template <class... I>
    requires(sizeof...(I) == Extents::rank() && (__is_convertible(I, index_type) && ...))
  __MSL_MEMBER constexpr T& operator[](I... i) const {
    return *__at(static_cast<long>(i)...);
  }
  template <class I>
  __MSL_MEMBER constexpr T& operator[](const array<I, Extents::rank()>& i) const {
    long offset = 0;
    for (size_t r = 0; r < Extents::rank(); ++r) offset += static_cast<long>(i[r]) * __strides[r];
    return __data[offset];
  }

  // Reads 0 and drops writes outside the extents.
  template <class... I>
    requires(sizeof...(I) == Extents::rank())
  __MSL_MEMBER constexpr value_type get(I... i) const {
    return __contains(static_cast<long>(i)...) ? *__at(static_cast<long>(i)...) : static_cast<value_type>(0);
  }
  template <class... I>
    requires(sizeof...(I) == Extents::rank())
  __MSL_MEMBER constexpr void set(value_type value, I... i) const {
    if (__contains(static_cast<long>(i)...)) *__at(static_cast<long>(i)...) = value;
  }

  // The part from an origin on: to the end, or of a static size.
  template <class... I>
    requires(sizeof...(I) == Extents::rank())
  __MSL_MEMBER constexpr auto slice(I... origin) const {
    return __slice<dextents<index_type, Extents::rank()>>(origin...);
  }
  template <size_t... E, class... I>
    requires(sizeof...(E) == Extents::rank() && sizeof...(I) == Extents::rank())
  __MSL_MEMBER constexpr auto slice(I... origin) const {
    return __slice<extents<index_type, E...>>(origin...);
  }
  template <size_t... E, class... I>
    requires(sizeof...(E) == Extents::rank() && sizeof...(I) == Extents::rank())
  __MSL_MEMBER constexpr auto static_slice(I... origin) const {
    return __slice<extents<index_type, E...>>(origin...);
  }

  template <class... I>
  __MSL_MEMBER constexpr T* __at(I... i) const {
    long offset = 0;
    size_t r = 0;
    ((offset += i * __strides[r++]), ...);
    return __data + offset;
  }
  template <class... I>
  __MSL_MEMBER constexpr bool __contains(I... i) const {
    bool inside = true;
    size_t r = 0;
    ((inside = inside & (i >= 0) & (i < static_cast<long>(__extents.extent(r++)))), ...);
    return inside;
  }

 private:
  template <class Result, class... I>
  __MSL_MEMBER constexpr tensor<T, Result, tensor_inline> __slice(I... origin) const {
    const long from[] = {static_cast<long>(origin)...};
    tensor<T, Result, tensor_inline> part;
    part.__data = __at(static_cast<long>(origin)...);
    part.__extents = Result();
    for (size_t r = 0; r < Extents::rank(); ++r) {
      if (Result::static_extent(r) == dynamic_extent) {
        part.__extents.__e[r] = static_cast<index_type>(static_cast<long>(__extents.extent(r)) - from[r]);
      }
      part.__strides[r] = __strides[r];
    }
    return part;
  }
};

template <class T, class Extents>
tensor(T*, Extents) -> tensor<T, Extents, tensor_inline>;
template <class T, class Extents, class I, size_t Rank>
tensor(T*, Extents, array<I, Rank>) -> tensor<T, Extents, tensor_inline>;

// Who executes a tensor operation together.
struct execution_thread {};
template <int N>
struct execution_simdgroups {};
using execution_simdgroup = execution_simdgroups<1>;

}  // namespace metal
