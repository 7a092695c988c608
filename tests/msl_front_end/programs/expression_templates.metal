// Header-only C++: expression templates, tuples, constant tables made by functions, lists of values, detection
#include <metal_stdlib>
namespace lib {
namespace mt = metal;
template <class Derived> struct Expression {
  thread const Derived& self() const thread { return static_cast<thread const Derived&>(*this); }
  float operator[](uint i) const thread { return self().at(i); }
};
struct Column : Expression<Column> { const device float* p; explicit Column(const device float* q) : p(q) {} float at(uint i) const thread { return p[i]; } };
struct Scalar : Expression<Scalar> { float v; Scalar(float x) : v(x) {} float at(uint) const thread { return v; } };
template <class L, class R, class F> struct Binary : Expression<Binary<L, R, F>> { L l; R r; Binary(L a, R b) : l(a), r(b) {} float at(uint i) const thread { return F::apply(l.at(i), r.at(i)); } };
struct Plus { static float apply(float a, float b) { return a + b; } };
struct Times { static float apply(float a, float b) { return a * b; } };
template <class L, class R> Binary<L, R, Plus> operator+(thread const Expression<L>& l, thread const Expression<R>& r) { return {l.self(), r.self()}; }
template <class L, class R> Binary<L, R, Times> operator*(thread const Expression<L>& l, thread const Expression<R>& r) { return {l.self(), r.self()}; }
template <typename... T> struct Tuple;
template <> struct Tuple<> { static constexpr int size = 0; };
template <typename H, typename... T> struct Tuple<H, T...> { static constexpr int size = 1 + sizeof...(T); H head; Tuple<T...> tail; };
template <int I, typename H, typename... T> auto get(Tuple<H, T...> t) { if constexpr (I == 0) return t.head; else return get<I - 1>(t.tail); }
template <int N> struct Table { int v[N]; };
template <int N> constexpr Table<N> squares() { Table<N> t{}; for (int i = 0; i < N; ++i) t.v[i] = i * i; return t; }
constexpr constant auto kSquares = squares<16>();
static_assert(kSquares.v[5] == 25, "");
template <typename T, T... V> struct list { static constexpr int size = sizeof...(V); template <typename F> static void each(F f) { (f(mt::integral_constant<T, V>()), ...); } static constexpr T sum() { return (V + ... + T(0)); } };
template <typename T, typename = void> struct has_apply : mt::false_type {};
template <typename T> struct has_apply<T, decltype(void(&T::apply))> : mt::true_type {};
static_assert(has_apply<Plus>::value && !has_apply<Column>::value, "");
template <typename A, typename B> constexpr constant bool bigger = sizeof(A) > sizeof(B);
template <typename A, typename B> using bigger_t = mt::conditional_t<bigger<A, B>, A, B>;
}
using namespace lib;
kernel void fused(device const float* a, device const float* b, device float* out, uint i [[thread_position_in_grid]]) {
  const Column x(a), y(b); const Scalar two(2.0f);
  out[i] = (x * two + y * x)[i];
}
kernel void tables(device int* out, uint i [[thread_position_in_grid]]) {
  const Tuple<int, float, ushort> t{int(i), {1.5f, {ushort(7)}}};
  int total = kSquares.v[i & 15] + get<0>(t) * 2 + int(get<1>(t) * 2) + get<2>(t) + decltype(t)::size;
  list<int, 3, 1, 4, 1, 5>::each([&](auto v) { if constexpr (decltype(v)::value > 3) total += v.value * 100; else total -= v.value; });
  constexpr int s = list<int, 3, 1, 4, 1, 5>::sum(); bigger_t<char, short> w = 700; (void)s;
  auto add = [total, i](int k) -> int { return total + k + int(i); };
  out[i] = add(s) + w;
}
