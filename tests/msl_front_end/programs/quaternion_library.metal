// A header-like library of quaternions, dual quaternions and rigid motions in nested namespaces, generic over the scalar; a skinning kernel.
#include <metal_stdlib>

namespace geo {
using metal::vec;
inline namespace v2 {
template <typename T> struct quat {
  using scalar = T;
  vec<T, 4> q;  // x, y, z, w
  quat() = default;
  constexpr quat(T x, T y, T z, T w) thread : q(x, y, z, w) {}
  constexpr explicit quat(vec<T, 4> v) : q(v) {}
  constexpr quat(T w, vec<T, 3> v) : q(v, w) {}
  template <typename U> constexpr explicit quat(quat<U> o) : q(vec<T, 4>(o.q)) {}
  static quat axis_angle(vec<T, 3> axis, T angle) { T c; const T s = metal::sincos(angle / 2, c); return {c, metal::normalize(axis) * s}; }
  constexpr vec<T, 3> v() const { return q.xyz; }
  constexpr T w() const { return q.w; }
  constexpr quat operator-() const { return quat(-q); }
  thread quat& operator*=(quat b) thread { return *this = *this * b; }
  friend constexpr quat operator*(quat a, quat b) { return {a.w() * b.w() - metal::dot(a.v(), b.v()), a.w() * b.v() + b.w() * a.v() + metal::cross(a.v(), b.v())}; }
  friend constexpr quat operator+(quat a, quat b) { return quat(a.q + b.q); }
  friend constexpr quat operator*(quat a, T s) { return quat(a.q * s); }
  friend constexpr bool operator==(quat a, quat b) { return metal::all(a.q == b.q); }
  vec<T, 3> operator()(vec<T, 3> p) const { const auto t = T(2) * metal::cross(v(), p); return p + w() * t + metal::cross(v(), t); }
  explicit operator metal::matrix<T, 3, 3>() const {
    const auto x = q.x, y = q.y, z = q.z, w = q.w;
    return {vec<T, 3>(1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)), vec<T, 3>(2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)),
            vec<T, 3>(2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y))};
  }
};
template <typename T> constexpr quat<T> conjugate(quat<T> a) { return quat<T>(a.q * vec<T, 4>(-1, -1, -1, 1)); }
template <typename T> quat<T> normalize(quat<T> a) { return a * metal::rsqrt(metal::dot(a.q, a.q)); }
template <typename T> quat<T> slerp(quat<T> a, quat<T> b, T t) {
  T d = metal::dot(a.q, b.q);
  if (d < 0) { b = -b; d = -d; }
  if (d > T(0.9995)) return normalize(quat<T>(metal::mix(a.q, b.q, t)));
  const T angle = metal::acos(d), s = metal::sin(angle);
  return a * (metal::sin((1 - t) * angle) / s) + b * (metal::sin(t * angle) / s);
}
}  // namespace v2

template <class T> struct dual { quat<T> real, dual_; };
using quatf = quat<float>;
using quath = v2::quat<half>;
namespace literals { constant constexpr quatf kIdentity = {0, 0, 0, 1}, kHalfTurn{0.0f, 0.0f, 1.0f, 0.0f}; }

namespace motion {
struct rigid {
  quatf rotation = literals::kIdentity;
  metal::float3 translation = 0;
  metal::float3 operator()(metal::float3 p) const { return rotation(p) + translation; }
  static dual<float> to_dual(thread const rigid& r) { return {r.rotation, geo::quatf(0.0f, r.translation) * r.rotation * 0.5f}; }
  static rigid from_dual(dual<float> d) { d.dual_ = d.dual_ * metal::rsqrt(metal::length_squared(d.real.q)); d.real = normalize(d.real); return {d.real, ((d.dual_ * conjugate(d.real)) * 2.0f).v()}; }
};
}  // namespace motion
}  // namespace geo

namespace skin = geo::motion;
using geo::literals::kHalfTurn;

struct Bone { metal::packed_float4 rotation; metal::packed_float3 translation; };
struct Influence { metal::uchar4 bones; metal::packed_half4 weights; };

[[kernel]] void skin_vertices(constant Bone* bones [[buffer(0)]], device const Influence* influences [[buffer(1)]], device metal::packed_float3* positions [[buffer(2)]], metal::uint i [[thread_position_in_grid]]) {
  const Influence w = influences[i];
  geo::dual<float> sum = {geo::quatf(0, 0, 0, 0), geo::quatf(0, 0, 0, 0)};
  geo::quatf pivot;
  for (metal::ushort k = 0; k < 4; ++k) {
    constant Bone& bone = bones[w.bones[k]];
    const skin::rigid r{geo::quatf(metal::float4(bone.rotation)), bone.translation};
    auto d = skin::rigid::to_dual(r);
    if (k == 0) pivot = d.real;
    const float weight = w.weights[k] * (metal::dot(pivot.q, d.real.q) < 0 ? -1.0f : 1.0f);
    sum.real = sum.real + d.real * weight;
    sum.dual_ = sum.dual_ + d.dual_ * weight;
  }
  positions[i] = skin::rigid::from_dual(sum)(positions[i]);
}

[[kernel]] void turns(device metal::float4* out [[buffer(0)]], device const metal::float4* in [[buffer(1)]], metal::uint i [[thread_position_in_grid]]) {
  using namespace geo;
  const auto a = quatf::axis_angle(in[i].xyz, in[i].w);
  auto b = quatf(quath(a));
  b *= kHalfTurn;
  const metal::float3x3 m = metal::float3x3(a);
  out[3 * i] = slerp(literals::kIdentity, a, 0.25f).q;
  out[3 * i + 1] = metal::float4(m * in[i].xyz + metal::transpose(m)[1], metal::determinant(m));
  out[3 * i + 2] = b == b ? b.q : metal::float4(0);
}
