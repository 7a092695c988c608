// As libraries of tiles write: compile-time integers, tuples, layouts that compose, loops without a counter, operators as policies.
#include <metal_stdlib>
#if !defined(TILE_INLINE)
#define TILE_INLINE METAL_FUNC constexpr
#endif
namespace tile {
using namespace metal;
template <int N> struct C : integral_constant<int, N> {
  TILE_INLINE C() thread {}
  TILE_INLINE operator int() const thread { return N; }
};
template <int A, int B> TILE_INLINE auto operator+(C<A>, C<B>) { return C<A + B>{}; }
template <int A, int B> TILE_INLINE auto operator*(C<A>, C<B>) { return C<A * B>{}; }
template <int A> TILE_INLINE int operator*(C<A>, int b) { return A * b; }
template <int A> TILE_INLINE int operator*(int a, C<A>) { return a * A; }
template <char... Digits> TILE_INLINE auto operator""_c() { constexpr int n = [] { int v = 0; for (char d : {Digits...}) v = v * 10 + (d - '0'); return v; }(); return C<n>{}; }

template <typename... T> struct tuple;
template <> struct tuple<> { TILE_INLINE tuple() thread {} static constexpr constant int size = 0; };
template <typename H, typename... T> struct tuple<H, T...> : tuple<T...> {
  H head;
  static constexpr constant int size = 1 + sizeof...(T);
  TILE_INLINE tuple(H h, T... t) thread : tuple<T...>(t...), head(h) {}
};
template <typename... T> tuple(T...) -> tuple<T...>;
template <int I, typename H, typename... T> TILE_INLINE auto get(tuple<H, T...> t) {
  if constexpr (I == 0) return t.head; else return get<I - 1>(static_cast<tuple<T...>>(t));
}
template <int... I> struct indices {};
namespace detail {
template <int N, int... I> struct make : make<N - 1, N - 1, I...> {};
template <int... I> struct make<0, I...> { using type = indices<I...>; };
template <typename F, int... I> TILE_INLINE void each(thread F& f, indices<I...>) { (f(C<I>{}), ...); }
template <typename F, typename S, int... I> TILE_INLINE auto map(thread const F& f, S s, indices<I...>) { return tuple(f(get<I>(s))...); }
}  // namespace detail
template <int N, typename F> TILE_INLINE void for_each(F f) { detail::each(f, typename detail::make<N>::type{}); }
template <typename F, typename... T> TILE_INLINE auto transform(F f, tuple<T...> t) { return detail::map(f, t, typename detail::make<sizeof...(T)>::type{}); }
template <typename T> struct is_tuple : false_type {};
template <typename... T> struct is_tuple<tuple<T...>> : true_type {};

template <typename S> TILE_INLINE auto product(S s) {
  if constexpr (is_tuple<S>::value) { if constexpr (S::size == 1) return get<0>(s); else return get<0>(s) * get<1>(s); } else return s;
}
template <typename Shape, typename Stride> struct Layout {
  Shape shape; Stride stride;
  template <typename... I> TILE_INLINE int operator()(I... i) const thread { return offset(tuple(i...), typename detail::make<sizeof...(I)>::type{}); }
  TILE_INLINE auto size() const thread { return product(shape); }
 private:
  template <typename T, int... K> TILE_INLINE int offset(T at, indices<K...>) const thread { return (0 + ... + int(get<K>(at) * get<K>(stride))); }
};
template <typename Shape, typename Stride> TILE_INLINE auto make_layout(Shape s, Stride d) { return Layout<Shape, Stride>{s, d}; }
template <typename Shape> TILE_INLINE auto row_major(Shape s) { return make_layout(s, tuple(get<1>(s), C<1>{})); }

template <typename Pointer, typename L> struct View {
  Pointer data; L layout;
  template <typename... I> TILE_INLINE auto operator()(I... i) const thread -> decltype(auto) { return (data[layout(i...)]); }
  TILE_INLINE View block(int r, int c) const thread { return {data + layout(r, c), layout}; }
};
template <typename P, typename L> TILE_INLINE View<P, L> view(P p, L l) { return {p, l}; }

struct Relu { template <typename T> static T apply(T x) { return x > T(0) ? x : T(0); } };
template <int Scale> struct Affine { template <typename T> static T apply(T x) { return x * T(Scale) + T(1); } };
template <typename... F> struct Chain { template <typename T> static T apply(T x) { ((x = F::apply(x)), ...); return x; } };
}  // namespace tile

using namespace tile;
#define EXPORT(T, N, name, ...) template [[host_name("tiled_" #T "_" #N "_" name)]] [[kernel]] void tiled_product<T, C<N>, __VA_ARGS__>(device const T*, device const T*, device T*, constant const int (&)[3], uint2, uint);
template <typename T, typename Side, typename Epilogue>
[[kernel, max_total_threads_per_threadgroup(64)]] void tiled_product(device const T* a, device const T* b, device T* out, constant const int (&extent)[3], uint2 group [[threadgroup_position_in_grid]],
                                                                     uint index [[thread_index_in_threadgroup]]) {
  constexpr int kTile = Side::value;
  threadgroup T left[kTile * kTile], right[kTile * kTile];
  auto A = view(a, row_major(tuple(extent[0], extent[2])));
  auto B = view(b, make_layout(tuple(extent[2], extent[1]), tuple(1_c, extent[2])));
  auto O = view(out, row_major(tuple(extent[0], extent[1])));
  auto l = view((threadgroup T*)left, row_major(tuple(C<kTile>{}, C<kTile>{})));
  auto r = view((threadgroup T*)right, make_layout(tuple(C<kTile>{}, C<kTile>{}), tuple(1_c, C<kTile>{})));
  const int y = int(index) / kTile, x = int(index) % kTile;
  T sum = T(0);
  for (int k = 0; k < extent[2]; k += kTile) {
    l(y, x) = A.block(group.y * kTile, k)(y, x);
    r(y, x) = B(k + y, int(group.x) * kTile + x);
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    for_each<kTile>([&](auto i) { constexpr int at = decltype(i)::value; sum += l(y, at) * r(at, x); });
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  }
  const auto shifted = transform([&](auto v) { return v + (sizeof(v) == 4 ? 1 : 0); }, tuple(int(group.y) * kTile + y, int(group.x) * kTile + x));
  O(get<0>(shifted) - 1, get<1>(shifted) - 1) = Epilogue::apply(sum);
}
EXPORT(float, 8, "relu", Relu)
EXPORT(half, 4, "chain", Chain<Affine<2>, Relu, Affine<3>>)
EXPORT(int, 8, "affine", Affine<-1>)
