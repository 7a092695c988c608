// Integer functions on every type, scalar and vector, against the definitions in 128 bits.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "msl_library/run_support.hpp"

namespace anymetal::tests {
namespace {

__extension__ using Wide = __int128;

template <class T>
constexpr int kBits = 8 * static_cast<int>(sizeof(T));

template <class T>
T wrapped(Wide x) {
  return static_cast<T>(static_cast<std::make_unsigned_t<T>>(static_cast<unsigned __int128>(x)));
}
template <class T>
T clamped(Wide x) {
  return static_cast<T>(std::clamp<Wide>(x, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}

/// What one thread of the kernel writes, in its order.
template <class T>
std::vector<T> expected_of(T x, T y, T z) {
  using U = std::make_unsigned_t<T>;
  const auto wx = static_cast<Wide>(x), wy = static_cast<Wide>(y), wz = static_cast<Wide>(z);
  const auto ux = static_cast<U>(x);
  const int turn = static_cast<int>(static_cast<U>(y) & static_cast<U>(kBits<T> - 1));
  U reversed = 0;
  for (int i = 0; i < kBits<T>; ++i) reversed = static_cast<U>((reversed << 1) | ((ux >> i) & 1));
  const int offset = 3, count = 4;
  const U field = static_cast<U>((ux >> offset) & 0xf);
  const T extracted =
      static_cast<T>(std::is_signed_v<T> && (field & 8) != 0 ? static_cast<U>(field | static_cast<U>(~U{0xf})) : field);
  const U mask = static_cast<U>(((1u << count) - 1) << offset);
  const U inserted =
      static_cast<U>((ux & static_cast<U>(~mask)) | (static_cast<U>(static_cast<U>(y) << offset) & mask));
  // A product of two 64-bit numbers fits 128 bits, with one more addition as unsigned or in range as signed.
  Wide saturated;
  if constexpr (sizeof(T) == 8 && !std::is_signed_v<T>) {
    const auto exact = static_cast<unsigned __int128>(ux) * static_cast<U>(y) + static_cast<U>(z);
    saturated = exact > std::numeric_limits<T>::max() ? static_cast<Wide>(std::numeric_limits<T>::max())
                                                      : static_cast<Wide>(exact);
  } else {
    saturated = wx * wy + wz;
  }
  Wide high;
  if constexpr (!std::is_signed_v<T>) {
    high = static_cast<Wide>((static_cast<unsigned __int128>(ux) * static_cast<U>(y)) >> kBits<T>);
  } else {
    high = (wx * wy) >> kBits<T>;
  }
  return {wrapped<T>(wx < 0 ? -wx : wx),
          wrapped<T>(wx < wy ? wy - wx : wx - wy),
          clamped<T>(wx + wy),
          clamped<T>(wx - wy),
          clamped<T>(saturated),
          wrapped<T>((wx + wy) >> 1),
          wrapped<T>((wx + wy + 1) >> 1),
          wrapped<T>(high),
          wrapped<T>(high + wz),
          static_cast<T>(std::countl_zero(ux)),
          static_cast<T>(std::countr_zero(ux)),
          static_cast<T>(std::popcount(ux)),
          static_cast<T>(std::rotl(ux, turn)),
          static_cast<T>(reversed),
          extracted,
          static_cast<T>(inserted),
          std::min(x, y),
          std::max({x, y, z}),
          std::max(std::min(x, y), std::min(std::max(x, y), z)),
          std::min(std::max(x, std::min(y, z)), std::max(y, z))};
}

constexpr const char* kKernel = R"(
template <typename V, typename O> void all(V x, V y, V z, thread O& o) {
  o[0] = V(abs(x)); o[1] = V(absdiff(x, y)); o[2] = addsat(x, y); o[3] = subsat(x, y); o[4] = madsat(x, y, z); o[5] = hadd(x, y); o[6] = rhadd(x, y);
  o[7] = mulhi(x, y); o[8] = madhi(x, y, z); o[9] = clz(x); o[10] = ctz(x); o[11] = popcount(x); o[12] = rotate(x, y); o[13] = reverse_bits(x);
  o[14] = extract_bits(x, 3, 4); o[15] = insert_bits(x, y, 3, 4); o[16] = min(x, y); o[17] = max3(x, y, z); o[18] = median3(x, y, z);
  o[19] = clamp(x, min(y, z), max(y, z));
}
kernel void k(device const T* v [[buffer(0)]], constant uint& n [[buffer(1)]], device T* o [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  T x = v[i], y = v[(i * 7 + 3) % n], z = v[(i * 5 + 1) % n]; T scalar[20]; vec<T, 3> vector[20];
  all(x, y, z, scalar); all(vec<T, 3>(1, x, 2), vec<T, 3>(y), vec<T, 3>(0, z, 1), vector);
  for (uint j = 0; j < 20; ++j) { o[40 * i + j] = scalar[j]; o[40 * i + 20 + j] = vector[j][1]; }
}
)";

class IntegerValues : public LibraryRun {
 protected:
  template <class T>
  void check(const char* type) {
    using Limits = std::numeric_limits<T>;
    std::vector<T> v = {0,
                        1,
                        2,
                        3,
                        5,
                        static_cast<T>(Limits::max() / 2),
                        static_cast<T>(Limits::max() - 1),
                        Limits::max(),
                        Limits::min(),
                        static_cast<T>(Limits::min() + 1),
                        static_cast<T>(-1),
                        static_cast<T>(-2),
                        static_cast<T>(-7)};
    std::uint64_t state = 88172645463325252u;
    while (v.size() < 61) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      v.push_back(static_cast<T>(state >> 11));
    }
    const std::vector<std::uint32_t> n = {static_cast<std::uint32_t>(v.size())};
    const auto out =
        run<T>("typedef " + std::string(type) + " T;" + kKernel, {bytes(v), bytes(n)}, 40 * v.size(), {v.size()}, {19});
    ASSERT_EQ(out.size(), 40 * v.size());
    for (std::size_t i = 0; i < v.size(); ++i) {
      const T x = v[i], y = v[(i * 7 + 3) % v.size()], z = v[(i * 5 + 1) % v.size()];
      const std::vector<T> expected = expected_of(x, y, z);
      for (std::size_t j = 0; j < 20; ++j) {
        EXPECT_EQ(+out[40 * i + j], +expected[j])
            << type << " function " << j << " of " << +x << ' ' << +y << ' ' << +z;
        EXPECT_EQ(+out[40 * i + 20 + j], +expected[j])
            << type << "3 function " << j << " of " << +x << ' ' << +y << ' ' << +z;
      }
    }
  }
};

TEST_F(IntegerValues, Char) { check<std::int8_t>("char"); }
TEST_F(IntegerValues, Uchar) { check<std::uint8_t>("uchar"); }
TEST_F(IntegerValues, Short) { check<std::int16_t>("short"); }
TEST_F(IntegerValues, Ushort) { check<std::uint16_t>("ushort"); }
TEST_F(IntegerValues, Int) { check<std::int32_t>("int"); }
TEST_F(IntegerValues, Uint) { check<std::uint32_t>("uint"); }
TEST_F(IntegerValues, Long) { check<std::int64_t>("long"); }
TEST_F(IntegerValues, Ulong) { check<std::uint64_t>("ulong"); }

}  // namespace
}  // namespace anymetal::tests
