// A permutation of 1600 bits in the manner of ports from OpenCL.
#include <metal_stdlib>
using namespace metal;
#define __kernel kernel
#define __constant constant
#define __private thread
#define get_global_id(n) gid[n]
#define TURN(x, n) rotate((ulong)(x), (ulong)(n))

// Bit 2^j - 1 of a round's constant is bit 7 * round + j of a shift register.
constexpr ulong round_constant(int round) {
  ulong word = 0;
  uint state = 1;
  for (int t = 0; t < 7 * round; ++t) state = (state << 1) ^ (state & 0x80 ? 0x171 : 0);
  for (int j = 0; j < 7; ++j) {
    if (state & 1) word |= 1ul << ((1 << j) - 1);
    state = (state << 1) ^ (state & 0x80 ? 0x171 : 0);
  }
  return word;
}
template <int... rounds> struct Rounds { static constexpr __constant ulong words[] = {round_constant(rounds)...}; };
typedef Rounds<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23> AllRounds;

static void permute(__private ulong lanes[25], const __private uchar steps[24]) {
  for (int round = 0; round < 24; ++round) {
    ulong parity[5], next[5];
    for (int x = 0; x < 5; ++x) parity[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20];
    for (int i = 0; i < 25; ++i) lanes[i] ^= parity[(i + 4) % 5] ^ TURN(parity[(i + 1) % 5], 1);
    int x = 1, y = 0;
    ulong held = lanes[1];
    for (int t = 0; t < 24; ++t) {
      const int to = (2 * x + 3 * y) % 5;
      x = y, y = to;
      const ulong taken = lanes[x + 5 * y];
      lanes[x + 5 * y] = TURN(held, steps[t]);
      held = taken;
    }
    for (int row = 0; row < 25; row += 5) {
      for (int k = 0; k < 5; ++k) next[k] = lanes[row + k] ^ (~lanes[row + (k + 1) % 5] & lanes[row + (k + 2) % 5]);
      for (int k = 0; k < 5; ++k) lanes[row + k] = next[k];
    }
    lanes[0] ^= AllRounds::words[round];
  }
}

__kernel void sponge(device ulong* states, uint3 gid [[thread_position_in_grid]]) {
  ulong lanes[25];
  uchar steps[24];
  for (uint t = 0; t < 24; ++t) steps[t] = uchar((t + 1) * (t + 2) / 2 % 64);
  for (int i = 0; i < 25; ++i) lanes[i] = states[get_global_id(0) * 25 + i];
  permute(lanes, steps);
  for (int i = 0; i < 25; ++i) states[get_global_id(0) * 25 + i] = lanes[i];
}
