// Numbers of 256 bits as eight limbs: products column by column, sums with carries, products modulo a number by halving.
#include <metal_stdlib>
using namespace metal;
#ifndef LIMBS
#define LIMBS 8
#endif

template <ushort N> struct Big {
  array<uint, N> limbs;
  constexpr Big() = default;
  constexpr explicit Big(uint low) : limbs{low} {}
  constexpr bool operator>=(const thread Big& other) const thread {
    for (short i = N - 1; i >= 0; --i)
      if (limbs[i] != other.limbs[i]) return limbs[i] > other.limbs[i];
    return true;
  }
  constexpr bool is_odd() const { return limbs[0] & 1; }
  // The carry out of the last limb.
  constexpr uint add(const thread Big& other) thread {
    ulong sum = 0;
    for (ushort i = 0; i < N; ++i) {
      sum += ulong(limbs[i]) + other.limbs[i];
      limbs[i] = uint(sum);
      sum >>= 32;
    }
    return uint(sum);
  }
  constexpr void subtract(const thread Big& other) thread {
    long difference = 0;
    for (ushort i = 0; i < N; ++i) {
      difference += long(limbs[i]) - long(other.limbs[i]);
      limbs[i] = uint(difference);
      difference >>= 32;
    }
  }
  constexpr void halve(uint top) thread {
    for (ushort i = 0; i + 1 < N; ++i) limbs[i] = limbs[i] >> 1 | limbs[i + 1] << 31;
    limbs[N - 1] = limbs[N - 1] >> 1 | top << 31;
  }
  friend constexpr Big operator+(Big a, Big b) { return a.add(b), a; }
};
typedef Big<LIMBS> Number;

constexpr Number odd_prime() {
  Number p;
  p.limbs = {0xffffffffu, 0xffffffffu, 0xffffffffu, 0u, 0u, 0u, 1u, 0xffffffffu};
  return p;
}
constexpr constant Number kPrime = odd_prime();
static_assert(kPrime.is_odd() && odd_prime().limbs[6] == 1, "");

struct Column {
  uint low = 0, middle = 0, high = 0;
  void add(uint a, uint b) thread {
    const uint product = a * b, sum = low + product;
    const uint above = mulhi(a, b) + uint(sum < product);  // never wraps
    low = sum;
    middle += above;
    high += uint(middle < above);
  }
  uint pop() thread {
    const uint limb = low;
    low = middle, middle = high, high = 0;
    return limb;
  }
};

kernel void products(device const Number* a [[buffer(0)]], device const Number* b [[buffer(1)]], device Big<2 * LIMBS>* out [[buffer(2)]],
                     uint i [[thread_position_in_grid]]) {
  const Number x = a[i], y = b[i];
  Column column;
  Big<2 * LIMBS> product(0u);
#pragma unroll
  for (ushort k = 0; k < 2 * LIMBS - 1; ++k) {
    for (ushort j = k < LIMBS ? 0 : k - LIMBS + 1; j <= k && j < LIMBS; ++j) column.add(x.limbs[j], y.limbs[k - j]);
    product.limbs[k] = column.pop();
  }
  product.limbs[2 * LIMBS - 1] = column.pop();
  out[i] = product;
}

// a * b / 2^256 modulo the prime, a bit of a at a time.
kernel void halved_products(device const Number* a [[buffer(0)]], device const Number* b [[buffer(1)]], device Number* out [[buffer(2)]],
                            uint i [[thread_position_in_grid]]) {
  const Number x = a[i], y = b[i], p = kPrime;
  Number sum(0u);
  for (ushort bit = 0; bit < 32 * LIMBS; ++bit) {
    uint carry = 0;
    if (x.limbs[bit / 32] >> (bit % 32) & 1) carry += sum.add(y);
    if (sum.is_odd()) carry += sum.add(p);
    sum.halve(carry & 1);
    if (carry > 1 || sum >= p) sum.subtract(p);
  }
  out[i] = sum;
}
