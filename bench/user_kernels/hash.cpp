// Whole numbers mixed: digests, checksums, random numbers by counter.
#include <array>
#include <bit>

#include "user_kernel.hpp"

namespace anymetal::bench {
namespace {

constexpr std::array<std::uint32_t, 64> kRound = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
constexpr std::array<std::uint32_t, 8> kStart = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/// SHA-256's compression (FIPS 180-4, 6.2.2) of one block of 16 words.
void compress(const std::uint32_t* block, std::uint32_t* digest) {
  std::uint32_t w[64];
  for (unsigned t = 0; t < 16; ++t) w[t] = block[t];
  for (unsigned t = 16; t < 64; ++t) {
    const std::uint32_t a = w[t - 15], b = w[t - 2];
    w[t] = w[t - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ (a >> 3)) + w[t - 7] +
           (std::rotr(b, 17) ^ std::rotr(b, 19) ^ (b >> 10));
  }
  auto s = kStart;
  for (unsigned t = 0; t < 64; ++t) {
    const std::uint32_t e = s[4], a = s[0];
    const std::uint32_t t1 =
        s[7] + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + kRound[t] + w[t];
    const std::uint32_t t2 =
        (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    s = {t1 + t2, s[0], s[1], s[2], s[3] + t1, s[4], s[5], s[6]};
  }
  for (unsigned k = 0; k < 8; ++k) digest[k] = s[k] + kStart[k];
}

UserKernel sha256() {
  constexpr std::uint32_t kMessages = 2048;
  return {.name = "sha256_block",
          .source = R"(
uint turn(uint x, uint by) { return rotate(x, 32 - by); }
kernel void sha256_block(device const uint* blocks [[buffer(0)]], device uint* digests [[buffer(1)]],
                         constant uint* round [[buffer(2)]], constant uint* start [[buffer(3)]],
                         uint i [[thread_position_in_grid]]) {
  uint w[64];
  for (uint t = 0; t < 16; ++t) w[t] = blocks[i * 16 + t];
  for (uint t = 16; t < 64; ++t)
    w[t] = w[t - 16] + (turn(w[t - 15], 7) ^ turn(w[t - 15], 18) ^ (w[t - 15] >> 3)) + w[t - 7] +
           (turn(w[t - 2], 17) ^ turn(w[t - 2], 19) ^ (w[t - 2] >> 10));
  uint a = start[0], b = start[1], c = start[2], d = start[3], e = start[4], f = start[5], g = start[6], h = start[7];
  for (uint t = 0; t < 64; ++t) {
    const uint t1 = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + round[t] + w[t];
    const uint t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g; g = f; f = e; e = d + t1; d = c; c = b; b = a; a = t1 + t2;
  }
  const uint s[8] = {a, b, c, d, e, f, g, h};
  for (uint k = 0; k < 8; ++k) digests[i * 8 + k] = s[k] + start[k];
})",
          .arrays = {input(random_numbers(kMessages * 16, 0xffffffff)), output<std::uint32_t>(kMessages * 8),
                     input(std::vector<std::uint32_t>(kRound.begin(), kRound.end())),
                     input(std::vector<std::uint32_t>(kStart.begin(), kStart.end()))},
          .threads = {kMessages},
          .group = {128},
          .loop = [](const Buffers& b) {
            for (std::uint32_t i = 0; i < kMessages; ++i)
              compress(b.at<std::uint32_t>(0) + i * 16, b.at<std::uint32_t>(1) + i * 8);
          }};
}

std::vector<std::uint32_t> crc_table() {
  std::vector<std::uint32_t> table(256);
  for (std::uint32_t n = 0; n < 256; ++n) {
    std::uint32_t c = n;
    for (unsigned k = 0; k < 8; ++k) c = (c & 1) != 0 ? 0xedb88320U ^ (c >> 1) : c >> 1;
    table[n] = c;
  }
  return table;
}

UserKernel crc32() {
  constexpr std::uint32_t kRows = 2048, kWidth = 128;
  return {.name = "crc32_rows",
          .source = R"(
kernel void crc32_rows(device const uchar* text [[buffer(0)]], constant uint* table [[buffer(1)]],
                       device uint* sums [[buffer(2)]], constant uint& width [[buffer(3)]],
                       uint i [[thread_position_in_grid]]) {
  uint sum = 0xffffffff;
  for (uint k = 0; k < width; ++k) sum = table[(sum ^ text[i * width + k]) & 255] ^ (sum >> 8);
  sums[i] = ~sum;
})",
          .arrays = {input(random_numbers<std::uint8_t>(kRows * kWidth, 256)), input(crc_table()),
                     output<std::uint32_t>(kRows), parameter(kWidth)},
          .threads = {kRows},
          .group = {128},
          .loop = [](const Buffers& b) {
            const auto* table = b.at<std::uint32_t>(1);
            for (std::uint32_t i = 0; i < kRows; ++i) {
              std::uint32_t sum = 0xffffffff;
              for (std::uint32_t k = 0; k < kWidth; ++k)
                sum = table[(sum ^ b.at<std::uint8_t>(0)[i * kWidth + k]) & 255] ^ (sum >> 8);
              b.at<std::uint32_t>(2)[i] = ~sum;
            }
          }};
}

/// Philox 4x32 with ten rounds (Salmon and others, SC 2011).
UserKernel philox() {
  constexpr std::uint32_t kCount = 1U << 15;
  return {.name = "philox_4x32",
          .source = R"(
kernel void philox_4x32(device uint4* out [[buffer(0)]], constant uint2& seed [[buffer(1)]],
                        uint i [[thread_position_in_grid]]) {
  uint4 c = uint4(i, 0, 0, 0);
  uint2 k = seed;
  for (uint n = 0; n < 10; ++n) {
    const uint h0 = mulhi(c.x, 0xd2511f53u), h1 = mulhi(c.z, 0xcd9e8d57u);
    c = uint4(h1 ^ c.y ^ k.x, c.z * 0xcd9e8d57u, h0 ^ c.w ^ k.y, c.x * 0xd2511f53u);
    k += uint2(0x9e3779b9u, 0xbb67ae85u);
  }
  out[i] = c;
})",
          .arrays = {output<std::uint32_t>(kCount * 4), input(std::vector<std::uint32_t>{12, 34})},
          .threads = {kCount},
          .group = {256},
          .loop = [](const Buffers& b) {
            for (std::uint32_t i = 0; i < kCount; ++i) {
              std::uint32_t c[4] = {i, 0, 0, 0}, k0 = b.at<std::uint32_t>(1)[0], k1 = b.at<std::uint32_t>(1)[1];
              for (unsigned n = 0; n < 10; ++n) {
                const std::uint64_t p0 = std::uint64_t{c[0]} * 0xd2511f53U, p1 = std::uint64_t{c[2]} * 0xcd9e8d57U;
                const std::uint32_t next[4] = {std::uint32_t(p1 >> 32) ^ c[1] ^ k0, std::uint32_t(p1),
                                               std::uint32_t(p0 >> 32) ^ c[3] ^ k1, std::uint32_t(p0)};
                for (unsigned j = 0; j < 4; ++j) c[j] = next[j];
                k0 += 0x9e3779b9U;
                k1 += 0xbb67ae85U;
              }
              for (unsigned j = 0; j < 4; ++j) b.at<std::uint32_t>(0)[4 * i + j] = c[j];
            }
          }};
}

/// FNV-1a in 64 bits over the words of a row.
UserKernel fnv() {
  constexpr std::uint32_t kRows = 4096, kWidth = 64;
  return {
      .name = "fnv1a_64",
      .source = R"(
kernel void fnv1a_64(device const uint* x [[buffer(0)]], device ulong* sums [[buffer(1)]],
                     constant uint& width [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  ulong sum = 0xcbf29ce484222325ul;
  for (uint k = 0; k < width; ++k) sum = (sum ^ x[i * width + k]) * 0x100000001b3ul;
  sums[i] = sum;
})",
      .arrays = {input(random_numbers(kRows * kWidth, 0xffffffff)), output<std::uint64_t>(kRows), parameter(kWidth)},
      .threads = {kRows},
      .group = {128},
      .loop = [](const Buffers& b) {
        for (std::uint32_t i = 0; i < kRows; ++i) {
          std::uint64_t sum = 0xcbf29ce484222325UL;
          for (std::uint32_t k = 0; k < kWidth; ++k)
            sum = (sum ^ b.at<std::uint32_t>(0)[i * kWidth + k]) * 0x100000001b3UL;
          b.at<std::uint64_t>(1)[i] = sum;
        }
      }};
}

}  // namespace

UserKernels hash_kernels() { return {sha256(), crc32(), philox(), fnv()}; }

}  // namespace anymetal::bench
