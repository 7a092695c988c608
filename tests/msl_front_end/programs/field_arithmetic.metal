// Arithmetic in a field of 256 bits: limbs with carries, operators, constants of the program
#include <metal_stdlib>
#include <metal_math>
using namespace metal;
namespace fp {
  constant uint32_t P[8] = {0xFFFFFC2F, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF};
  struct u256 { uint limbs[8];
    constexpr u256() = default;
    static u256 zero() { u256 r; for (auto i = 0; i < 8; i++) r.limbs[i] = 0; return r; }
    friend bool operator==(const thread u256& a, const thread u256& b) { for (int i = 0; i < 8; ++i) if (a.limbs[i] != b.limbs[i]) return false; return true; }
    bool operator>=(u256 b) const { for (int i = 7; i >= 0; --i) { if (limbs[i] > b.limbs[i]) return true; if (limbs[i] < b.limbs[i]) return false; } return true; }
    uint add(u256 b) thread { ulong c = 0; for (int i = 0; i < 8; ++i) { c += ulong(limbs[i]) + b.limbs[i]; limbs[i] = uint(c); c >>= 32; } return uint(c); }
    uint sub(u256 b) thread { long c = 0; for (int i = 0; i < 8; ++i) { c += long(limbs[i]) - long(b.limbs[i]); limbs[i] = uint(c); c >>= 32; } return c < 0; }
  };
  inline u256 modulus() { u256 r; for (int i = 0; i < 8; ++i) r.limbs[i] = P[i]; return r; }
  class Fp { public: u256 v; Fp() = default; Fp(u256 x) : v{x} {} explicit Fp(uint x) { v = u256::zero(); v.limbs[0] = x; }
    Fp operator+(const Fp o) const { Fp r = *this; const uint carry = r.v.add(o.v); if (carry || r.v >= modulus()) r.v.sub(modulus()); return r; }
    Fp operator*(const Fp o) const { Fp r(0u); for (int i = 255; i >= 0; --i) { r = r + r; if ((o.v.limbs[i / 32] >> (i % 32)) & 1) r = r + *this; } return r; }
    Fp pow(uint e) const { Fp r(1u), b = *this; for (; e; e >>= 1, b = b * b) if (e & 1) r = r * b; return r; } };
}
[[kernel]] void field(device const fp::Fp* a [[buffer(0)]], device const fp::Fp* b [[buffer(1)]], device fp::Fp* out [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  const fp::Fp x = a[i], y = b[i]; out[3 * i] = x + y; out[3 * i + 1] = x * y; out[3 * i + 2] = x.pow(5);
  const fp::u256 sum = out[3 * i].v; if (sum == y.v) out[3 * i + 2] = fp::Fp(7);
}
