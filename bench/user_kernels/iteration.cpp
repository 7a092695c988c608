// Numbers that are iterated until they settle or escape, and those drawn at random.
#include <cmath>

#include "user_kernel.hpp"

namespace anymetal::bench {
namespace {

constexpr std::uint32_t kWidth = 512, kHeight = 128;

UserKernel mandelbrot() {
  return {.name = "mandelbrot",
          .source = R"(
kernel void mandelbrot(device uint* rounds [[buffer(0)]], constant uint2& size [[buffer(1)]],
                       uint2 p [[thread_position_in_grid]]) {
  if (p.x >= size.x || p.y >= size.y) return;
  const float2 c = float2(p) / float2(size) * float2(3, 2) - float2(2, 1);
  float2 z = 0;
  uint n = 0;
  while (n < 128 && dot(z, z) <= 4) {
    z = float2(z.x * z.x - z.y * z.y, 2 * z.x * z.y) + c;
    ++n;
  }
  rounds[p.y * size.x + p.x] = n / 8;
})",
          .arrays = {output<std::uint32_t>(kWidth * kHeight), input(std::vector<std::uint32_t>{kWidth, kHeight})},
          .threads = {kWidth, kHeight},
          .group = {16, 16},
          .loop =
              [](const Buffers& b) {
                auto* rounds = b.at<std::uint32_t>(0);
                for (std::uint32_t y = 0; y < kHeight; ++y) {
                  for (std::uint32_t x = 0; x < kWidth; ++x) {
                    const float cx = float(x) / kWidth * 3 - 2, cy = float(y) / kHeight * 2 - 1;
                    float zx = 0, zy = 0;
                    unsigned n = 0;
                    while (n < 128 && zx * zx + zy * zy <= 4) {
                      const float t = zx * zx - zy * zy + cx;
                      zy = 2 * zx * zy + cy;
                      zx = t;
                      ++n;
                    }
                    rounds[y * kWidth + x] = n / 8;
                  }
                }
              },
          .strays = 256};
}

UserKernel collatz() {
  constexpr std::uint32_t kCount = 1U << 14;
  return {.name = "collatz",
          .source = R"(
kernel void collatz(device uint* steps [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  uint n = i + 1, count = 0;
  while (n != 1) { n = n & 1 ? 3 * n + 1 : n / 2; ++count; }
  steps[i] = count;
})",
          .arrays = {output<std::uint32_t>(kCount)},
          .threads = {kCount},
          .group = {256},
          .loop = [](const Buffers& b) {
            auto* steps = b.at<std::uint32_t>(0);
            for (std::uint32_t i = 0; i < kCount; ++i) {
              std::uint32_t n = i + 1, count = 0;
              while (n != 1) {
                n = (n & 1) != 0 ? 3 * n + 1 : n / 2;
                ++count;
              }
              steps[i] = count;
            }
          }};
}

UserKernel gcd() {
  constexpr std::uint32_t kCount = 1U << 15;
  return {.name = "greatest_divisor",
          .source = R"(
kernel void greatest_divisor(device const uint* a [[buffer(0)]], device const uint* b [[buffer(1)]],
                             device uint* out [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  uint x = a[i], y = b[i];
  while (y != 0) { const uint rest = x % y; x = y; y = rest; }
  out[i] = x;
})",
          .arrays = {input(random_numbers(kCount, 1U << 24)), input(random_numbers(kCount, 1U << 24, 2)),
                     output<std::uint32_t>(kCount)},
          .threads = {kCount},
          .group = {256},
          .loop = [](const Buffers& b) {
            const auto *x = b.at<std::uint32_t>(0), *y = b.at<std::uint32_t>(1);
            for (std::uint32_t i = 0; i < kCount; ++i) {
              std::uint32_t p = x[i], q = y[i];
              while (q != 0) {
                const std::uint32_t rest = p % q;
                p = q;
                q = rest;
              }
              b.at<std::uint32_t>(2)[i] = p;
            }
          }};
}

/// Kepler's equation by Newton's method, until the step is small.
UserKernel newton() {
  constexpr std::uint32_t kCount = 1U << 14;
  return {.name = "newton_kepler",
          .source = R"(
kernel void newton_kepler(device const float* mean [[buffer(0)]], device float* out [[buffer(1)]],
                          constant float& e [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  float x = mean[i], step = 1;
  int rounds = 0;
  while (fabs(step) > 1e-5f && rounds++ < 20) {
    step = (x - e * sin(x) - mean[i]) / (1 - e * cos(x));
    x -= step;
  }
  out[i] = x;
})",
          .arrays = {input(random_floats(kCount, 0, 6)), output<float>(kCount), parameter(0.6F)},
          .threads = {kCount},
          .group = {256},
          .loop =
              [](const Buffers& b) {
                const auto* mean = b.at<float>(0);
                const auto e = b.value<float>(2);
                for (std::uint32_t i = 0; i < kCount; ++i) {
                  float x = mean[i], step = 1;
                  int rounds = 0;
                  while (std::fabs(step) > 1e-5F && rounds++ < 20) {
                    step = (x - e * std::sin(x) - mean[i]) / (1 - e * std::cos(x));
                    x -= step;
                  }
                  b.at<float>(1)[i] = x;
                }
              },
          .tolerance = 1e-4};
}

UserKernel monte_carlo() {
  constexpr std::uint32_t kCount = 4096;
  return {.name = "monte_carlo_pi",
          .source = R"(
kernel void monte_carlo_pi(device uint* hits [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  uint state = i * 747796405u + 2891336453u, inside = 0;
  for (uint n = 0; n < 64; ++n) {
    float p[2];
    for (uint k = 0; k < 2; ++k) {
      state ^= state << 13; state ^= state >> 17; state ^= state << 5;
      p[k] = float(state >> 8) * (1.0f / 16777216.0f);
    }
    if (p[0] * p[0] + p[1] * p[1] < 1) ++inside;
  }
  hits[i] = inside;
})",
          .arrays = {output<std::uint32_t>(kCount)},
          .threads = {kCount},
          .group = {128},
          .loop = [](const Buffers& b) {
            for (std::uint32_t i = 0; i < kCount; ++i) {
              std::uint32_t state = i * 747796405U + 2891336453U, inside = 0;
              const auto next = [&] {
                state ^= state << 13U;
                state ^= state >> 17U;
                state ^= state << 5U;
                return float(state >> 8U) * (1.0F / 16777216.0F);
              };
              for (unsigned n = 0; n < 64; ++n) {
                const float x = next(), y = next();
                if (x * x + y * y < 1) ++inside;
              }
              b.at<std::uint32_t>(0)[i] = inside;
            }
          }};
}

UserKernel nbody() {
  constexpr std::uint32_t kCount = 1024;
  return {.name = "nbody_tiled",
          .source = R"(
kernel void nbody_tiled(device const float4* bodies [[buffer(0)]], device float4* forces [[buffer(1)]],
                        constant uint& count [[buffer(2)]], uint i [[thread_position_in_grid]],
                        uint local [[thread_position_in_threadgroup]]) {
  threadgroup float4 tile[256];
  const float3 own = bodies[i].xyz;
  float3 force = 0;
  for (uint first = 0; first < count; first += 256) {
    tile[local] = bodies[first + local];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint k = 0; k < 256; ++k) {
      const float3 way = tile[k].xyz - own;
      const float inverse = rsqrt(dot(way, way) + 0.01f);
      force += way * (tile[k].w * inverse * inverse * inverse);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  forces[i] = float4(force, 0);
})",
          .arrays = {input(random_floats(kCount * 4)), output<float>(kCount * 4), parameter(kCount)},
          .threads = {kCount},
          .group = {256},
          .loop =
              [](const Buffers& b) {
                const auto* bodies = b.at<float>(0);
                auto* forces = b.at<float>(1);
                for (std::uint32_t i = 0; i < kCount; ++i) {
                  float fx = 0, fy = 0, fz = 0;
                  for (std::uint32_t k = 0; k < kCount; ++k) {
                    const float x = bodies[4 * k] - bodies[4 * i], y = bodies[4 * k + 1] - bodies[4 * i + 1],
                                z = bodies[4 * k + 2] - bodies[4 * i + 2];
                    const float inverse = 1 / std::sqrt(x * x + y * y + z * z + 0.01F);
                    const float scale = bodies[4 * k + 3] * inverse * inverse * inverse;
                    fx += x * scale;
                    fy += y * scale;
                    fz += z * scale;
                  }
                  forces[4 * i] = fx;
                  forces[4 * i + 1] = fy;
                  forces[4 * i + 2] = fz;
                }
              },
          .tolerance = 1e-3};
}

}  // namespace

UserKernels iteration_kernels() { return {mandelbrot(), collatz(), gcd(), newton(), monte_carlo(), nbody()}; }

}  // namespace anymetal::bench
