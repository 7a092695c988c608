// Pictures of bytes and halves, and activations of halves.
#include <algorithm>
#include <cmath>

#include "user_kernel.hpp"

namespace anymetal::bench {
namespace {

constexpr std::uint32_t kWidth = 512, kHeight = 256;

UserKernel grey() {
  return {.name = "grey_of_rgba",
          .source = R"(
kernel void grey_of_rgba(device const uchar4* x [[buffer(0)]], device uchar* y [[buffer(1)]],
                         uint i [[thread_position_in_grid]]) {
  const uint3 c = uint3(x[i].xyz) * uint3(77, 150, 29);
  y[i] = uchar((c.x + c.y + c.z + 128) >> 8);
})",
          .arrays = {input(random_numbers<std::uint8_t>(4 * kWidth * kHeight, 256)),
                     output<std::uint8_t>(kWidth * kHeight)},
          .threads = {kWidth * kHeight},
          .group = {256},
          .loop = [](const Buffers& b) {
            const auto* x = b.at<std::uint8_t>(0);
            for (std::uint32_t i = 0; i < kWidth * kHeight; ++i) {
              const unsigned grey = 77U * x[4 * i] + 150U * x[4 * i + 1] + 29U * x[4 * i + 2] + 128;
              b.at<std::uint8_t>(1)[i] = static_cast<std::uint8_t>(grey >> 8);
            }
          }};
}

/// Half the size, between four neighbours.
UserKernel resize() {
  constexpr std::uint32_t kOutWidth = 384, kOutHeight = 192;
  return {.name = "resize_bilinear",
          .source = R"(
struct Sizes { uint2 from, to; };
kernel void resize_bilinear(device const float* x [[buffer(0)]], device float* y [[buffer(1)]],
                            constant Sizes& s [[buffer(2)]], uint2 p [[thread_position_in_grid]]) {
  if (any(p >= s.to)) return;
  const float2 at = max((float2(p) + 0.5f) * float2(s.from) / float2(s.to) - 0.5f, 0.0f);
  const uint2 low = uint2(at), high = min(low + 1, s.from - 1);
  const float2 part = at - float2(low);
  const float top = mix(x[low.y * s.from.x + low.x], x[low.y * s.from.x + high.x], part.x);
  const float bottom = mix(x[high.y * s.from.x + low.x], x[high.y * s.from.x + high.x], part.x);
  y[p.y * s.to.x + p.x] = mix(top, bottom, part.y);
})",
          .arrays = {input(random_floats(kWidth * kHeight)), output<float>(kOutWidth * kOutHeight),
                     input(std::vector<std::uint32_t>{kWidth, kHeight, kOutWidth, kOutHeight})},
          .threads = {kOutWidth, kOutHeight},
          .group = {16, 16},
          .loop =
              [](const Buffers& b) {
                const auto* x = b.at<float>(0);
                for (std::uint32_t r = 0; r < kOutHeight; ++r) {
                  for (std::uint32_t c = 0; c < kOutWidth; ++c) {
                    const float ax = std::max((float(c) + 0.5F) * kWidth / kOutWidth - 0.5F, 0.0F),
                                ay = std::max((float(r) + 0.5F) * kHeight / kOutHeight - 0.5F, 0.0F);
                    const auto lx = std::uint32_t(ax), ly = std::uint32_t(ay);
                    const std::uint32_t hx = std::min(lx + 1, kWidth - 1), hy = std::min(ly + 1, kHeight - 1);
                    const float px = ax - float(lx), py = ay - float(ly);
                    const float top = x[ly * kWidth + lx] + px * (x[ly * kWidth + hx] - x[ly * kWidth + lx]);
                    const float bottom = x[hy * kWidth + lx] + px * (x[hy * kWidth + hx] - x[hy * kWidth + lx]);
                    b.at<float>(1)[r * kOutWidth + c] = top + py * (bottom - top);
                  }
                }
              },
          .tolerance = 1e-3};
}

UserKernel relu_half() {
  constexpr std::uint32_t kCount = 1U << 17;
  std::vector<_Float16> values;
  for (float value : random_floats(kCount, -4, 4)) values.push_back(static_cast<_Float16>(std::round(value * 16) / 16));
  return {.name = "relu_scale_half4",
          .source = R"(
kernel void relu_scale_half4(device const half4* x [[buffer(0)]], device half4* y [[buffer(1)]],
                             uint i [[thread_position_in_grid]]) { y[i] = max(x[i], half4(0)) * half(2) + half(1); })",
          .arrays = {input(values), output<_Float16>(kCount)},
          .threads = {kCount / 4},
          .group = {256},
          .loop = [](const Buffers& b) {
            const auto* x = b.at<_Float16>(0);
            for (std::uint32_t i = 0; i < kCount; ++i)
              b.at<_Float16>(1)[i] = static_cast<_Float16>(std::max(float(x[i]), 0.0F) * 2 + 1);
          }};
}

UserKernel blend() {
  return {.name = "blend_rgba",
          .source = R"(
kernel void blend_rgba(device const uchar4* over [[buffer(0)]], device const uchar4* under [[buffer(1)]],
                       device uchar4* y [[buffer(2)]], uint2 p [[thread_position_in_grid]],
                       uint2 size [[threads_per_grid]]) {
  const uint at = p.y * size.x + p.x;
  const ushort4 a = ushort4(over[at]), b = ushort4(under[at]);
  y[at] = uchar4((a * a.w + b * ushort(255 - a.w)) / ushort(256));
})",
          .arrays = {input(random_numbers<std::uint8_t>(4 * kWidth * kHeight, 256)),
                     input(random_numbers<std::uint8_t>(4 * kWidth * kHeight, 256, 2)),
                     output<std::uint8_t>(4 * kWidth * kHeight)},
          .threads = {kWidth, kHeight},
          .group = {32, 8},
          .loop = [](const Buffers& b) {
            const auto *over = b.at<std::uint8_t>(0), *under = b.at<std::uint8_t>(1);
            for (std::uint32_t i = 0; i < kWidth * kHeight; ++i) {
              const unsigned alpha = over[4 * i + 3];
              for (unsigned k = 0; k < 4; ++k) {
                const unsigned sum = over[4 * i + k] * alpha + under[4 * i + k] * (255 - alpha);
                b.at<std::uint8_t>(2)[4 * i + k] = static_cast<std::uint8_t>((sum & 0xffff) / 256);
              }
            }
          }};
}

/// Largest of 2 x 2, a channel a thread, channels last.
UserKernel max_pool() {
  constexpr std::uint32_t kChannels = 32, kSide = 64;
  return {.name = "max_pool_2x2",
          .source = R"(
kernel void max_pool_2x2(device const float* x [[buffer(0)]], device float* y [[buffer(1)]], constant uint& side [[buffer(2)]],
                         uint3 p [[thread_position_in_grid]], uint3 size [[threads_per_grid]]) {
  float best = -INFINITY;
  for (uint dy = 0; dy < 2; ++dy)
    for (uint dx = 0; dx < 2; ++dx) best = max(best, x[((2 * p.z + dy) * side + 2 * p.y + dx) * size.x + p.x]);
  y[(p.z * size.y + p.y) * size.x + p.x] = best;
})",
          .arrays = {input(random_floats(kSide * kSide * kChannels)), output<float>(kSide * kSide * kChannels / 4),
                     parameter(kSide)},
          .threads = {kChannels, kSide / 2, kSide / 2},
          .group = {32, 4, 1},
          .loop = [](const Buffers& b) {
            const auto* x = b.at<float>(0);
            for (std::uint32_t r = 0; r < kSide / 2; ++r) {
              for (std::uint32_t c = 0; c < kSide / 2; ++c) {
                for (std::uint32_t k = 0; k < kChannels; ++k) {
                  const auto at = [&](std::uint32_t dy, std::uint32_t dx) {
                    return x[((2 * r + dy) * kSide + 2 * c + dx) * kChannels + k];
                  };
                  b.at<float>(1)[(r * kSide / 2 + c) * kChannels + k] =
                      std::max(std::max(at(0, 0), at(0, 1)), std::max(at(1, 0), at(1, 1)));
                }
              }
            }
          }};
}

}  // namespace

UserKernels image_kernels() { return {grey(), resize(), relu_half(), blend(), max_pool()}; }

}  // namespace anymetal::bench
