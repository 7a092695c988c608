// Products of matrices, convolutions and distances.
#include <algorithm>
#include <cmath>

#include "user_kernel.hpp"

namespace anymetal::bench {
namespace {

constexpr std::uint32_t kSide = 256;

void multiply(const Buffers& b) {
  const auto *x = b.at<float>(0), *y = b.at<float>(1);
  auto* z = b.at<float>(2);
  for (std::uint32_t r = 0; r < kSide; ++r) {
    for (std::uint32_t c = 0; c < kSide; ++c) z[r * kSide + c] = 0;
    for (std::uint32_t k = 0; k < kSide; ++k) {
      for (std::uint32_t c = 0; c < kSide; ++c) z[r * kSide + c] += x[r * kSide + k] * y[k * kSide + c];
    }
  }
}

UserKernel matmul_plain() {
  return {.name = "matmul_plain",
          .source = R"(
kernel void matmul_plain(device const float* x [[buffer(0)]], device const float* y [[buffer(1)]],
                         device float* z [[buffer(2)]], constant uint& n [[buffer(3)]],
                         uint2 p [[thread_position_in_grid]]) {
  if (p.x >= n || p.y >= n) return;
  float sum = 0;
  for (uint k = 0; k < n; ++k) sum += x[p.y * n + k] * y[k * n + p.x];
  z[p.y * n + p.x] = sum;
})",
          .arrays = {input(random_floats(kSide * kSide)), input(random_floats(kSide * kSide, -1, 1, 2)),
                     output<float>(kSide * kSide), parameter(kSide)},
          .threads = {kSide, kSide},
          .group = {16, 16},
          .loop = multiply,
          .tolerance = 1e-4};
}

UserKernel matmul_tiled() {
  auto kernel = matmul_plain();
  kernel.name = "matmul_tiled";
  kernel.source = R"(
kernel void matmul_tiled(device const float* x [[buffer(0)]], device const float* y [[buffer(1)]],
                         device float* z [[buffer(2)]], constant uint& n [[buffer(3)]],
                         uint2 p [[thread_position_in_grid]], uint2 l [[thread_position_in_threadgroup]]) {
  threadgroup float a[16][16], b[16][16];
  float sum = 0;
  for (uint first = 0; first < n; first += 16) {
    a[l.y][l.x] = x[p.y * n + first + l.x];
    b[l.y][l.x] = y[(first + l.y) * n + p.x];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint k = 0; k < 16; ++k) sum += a[l.y][k] * b[k][l.x];
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  z[p.y * n + p.x] = sum;
})";
  return kernel;
}

/// Tiles of 32 x 32 with four rows to a thread.
UserKernel matmul_blocked() {
  auto kernel = matmul_plain();
  kernel.name = "matmul_register_tile";
  kernel.source = R"(
kernel void matmul_register_tile(device const float* x [[buffer(0)]], device const float* y [[buffer(1)]],
                                 device float* z [[buffer(2)]], constant uint& n [[buffer(3)]],
                                 uint2 group [[threadgroup_position_in_grid]], uint2 l [[thread_position_in_threadgroup]]) {
  threadgroup float a[32][32], b[32][32];
  float sums[4] = {0, 0, 0, 0};
  const uint row = group.y * 32, column = group.x * 32;
  for (uint first = 0; first < n; first += 32) {
    for (uint k = 0; k < 4; ++k) {
      a[l.y + 8 * k][l.x] = x[(row + l.y + 8 * k) * n + first + l.x];
      b[l.y + 8 * k][l.x] = y[(first + l.y + 8 * k) * n + column + l.x];
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint k = 0; k < 32; ++k)
      for (uint r = 0; r < 4; ++r) sums[r] += a[l.y + 8 * r][k] * b[k][l.x];
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  for (uint r = 0; r < 4; ++r) z[(row + l.y + 8 * r) * n + column + l.x] = sums[r];
})";
  kernel.threads = {kSide, kSide / 4};
  kernel.group = {32, 8};
  return kernel;
}

/// A matrix with a vector, a simdgroup to a row.
UserKernel matvec() {
  constexpr std::uint32_t kRows = 1024, kWidth = 512;
  return {.name = "matvec_simd",
          .source = R"(
kernel void matvec_simd(device const float* a [[buffer(0)]], device const float* x [[buffer(1)]],
                        device float* y [[buffer(2)]], constant uint& width [[buffer(3)]],
                        uint at [[thread_position_in_grid]], uint lane [[thread_index_in_simdgroup]]) {
  const uint row = at / 32;
  float sum = 0;
  for (uint k = lane; k < width; k += 32) sum += a[row * width + k] * x[k];
  sum = simd_sum(sum);
  if (lane == 0) y[row] = sum;
})",
          .arrays = {input(random_floats(kRows * kWidth)), input(random_floats(kWidth)), output<float>(kRows),
                     parameter(kWidth)},
          .threads = {kRows * 32},
          .group = {256},
          .loop =
              [](const Buffers& b) {
                for (std::uint32_t row = 0; row < kRows; ++row) {
                  float sum = 0;
                  for (std::uint32_t k = 0; k < kWidth; ++k)
                    sum += b.at<float>(0)[row * kWidth + k] * b.at<float>(1)[k];
                  b.at<float>(2)[row] = sum;
                }
              },
          .tolerance = 1e-4};
}

UserKernel conv2d() {
  constexpr std::uint32_t kIn = 16, kOut = 16, kPlane = 64;
  return {.name = "conv2d_3x3",
          .source = R"(
struct Shape { uint in, out, side; };
kernel void conv2d_3x3(device const float* x [[buffer(0)]], device const float* w [[buffer(1)]],
                       device float* y [[buffer(2)]], constant Shape& s [[buffer(3)]], uint3 p [[thread_position_in_grid]]) {
  float sum = 0;
  for (uint c = 0; c < s.in; ++c)
    for (uint ky = 0; ky < 3; ++ky)
      for (uint kx = 0; kx < 3; ++kx) {
        const int row = int(p.y + ky) - 1, column = int(p.x + kx) - 1;
        if (row < 0 || row >= int(s.side) || column < 0 || column >= int(s.side)) continue;
        sum += x[(c * s.side + row) * s.side + column] * w[((p.z * s.in + c) * 3 + ky) * 3 + kx];
      }
  y[(p.z * s.side + p.y) * s.side + p.x] = sum;
})",
          .arrays = {input(random_floats(kIn * kPlane * kPlane)), input(random_floats(kOut * kIn * 9)),
                     output<float>(kOut * kPlane * kPlane), input(std::vector<std::uint32_t>{kIn, kOut, kPlane})},
          .threads = {kPlane, kPlane, kOut},
          .group = {16, 16, 1},
          .loop =
              [](const Buffers& b) {
                const auto *x = b.at<float>(0), *w = b.at<float>(1);
                auto* y = b.at<float>(2);
                constexpr int n = kPlane;
                for (std::uint32_t o = 0; o < kOut; ++o) {
                  for (int r = 0; r < n; ++r) {
                    for (int col = 0; col < n; ++col) {
                      float sum = 0;
                      for (std::uint32_t c = 0; c < kIn; ++c) {
                        for (int ky = 0; ky < 3; ++ky) {
                          for (int kx = 0; kx < 3; ++kx) {
                            const int row = r + ky - 1, column = col + kx - 1;
                            if (row < 0 || row >= n || column < 0 || column >= n) continue;
                            sum += x[(int(c) * n + row) * n + column] *
                                   w[((o * kIn + c) * 3 + unsigned(ky)) * 3 + unsigned(kx)];
                          }
                        }
                      }
                      y[(int(o) * n + r) * n + col] = sum;
                    }
                  }
                }
              },
          .tolerance = 1e-4};
}

/// The nearest of 32 centres of eight dimensions for every point.
UserKernel k_means() {
  constexpr std::uint32_t kPoints = 16384, kCentres = 32, kDim = 8;
  return {.name = "k_means_assign",
          .source = R"(
kernel void k_means_assign(device const float* points [[buffer(0)]], device const float* centres [[buffer(1)]],
                           device uint* nearest [[buffer(2)]], constant uint& count [[buffer(3)]],
                           uint i [[thread_position_in_grid]]) {
  float best = INFINITY;
  uint place = 0;
  for (uint c = 0; c < count; ++c) {
    float distance = 0;
    for (uint d = 0; d < 8; ++d) {
      const float way = points[i * 8 + d] - centres[c * 8 + d];
      distance += way * way;
    }
    if (distance < best) { best = distance; place = c; }
  }
  nearest[i] = place;
})",
          .arrays = {input(random_floats(kPoints * kDim)), input(random_floats(kCentres * kDim, -1, 1, 2)),
                     output<std::uint32_t>(kPoints), parameter(kCentres)},
          .threads = {kPoints},
          .group = {256},
          .loop = [](const Buffers& b) {
            for (std::uint32_t i = 0; i < kPoints; ++i) {
              float best = INFINITY;
              std::uint32_t place = 0;
              for (std::uint32_t c = 0; c < kCentres; ++c) {
                float distance = 0;
                for (std::uint32_t d = 0; d < kDim; ++d) {
                  const float way = b.at<float>(0)[i * kDim + d] - b.at<float>(1)[c * kDim + d];
                  distance += way * way;
                }
                if (distance < best) {
                  best = distance;
                  place = c;
                }
              }
              b.at<std::uint32_t>(2)[i] = place;
            }
          }};
}

/// One query to a simdgroup over 256 keys of 64, softmax on the way.
UserKernel attention() {
  constexpr std::uint32_t kQueries = 64, kKeys = 256, kDim = 64;
  return {.name = "attention_online",
          .source = R"(
kernel void attention_online(device const float* q [[buffer(0)]], device const float* k [[buffer(1)]],
                             device const float* v [[buffer(2)]], device float* out [[buffer(3)]],
                             constant uint& keys [[buffer(4)]], uint at [[thread_position_in_grid]],
                             uint lane [[thread_index_in_simdgroup]]) {
  const uint row = at / 32;
  const float2 query = ((device const float2*)(q + row * 64))[lane] * 0.125f;
  float largest = -INFINITY, sum = 0;
  float2 result = 0;
  for (uint n = 0; n < keys; ++n) {
    const float score = simd_sum(dot(query, ((device const float2*)(k + n * 64))[lane]));
    const float now = max(largest, score), scale = exp(largest - now), weight = exp(score - now);
    sum = sum * scale + weight;
    result = result * scale + weight * ((device const float2*)(v + n * 64))[lane];
    largest = now;
  }
  ((device float2*)(out + row * 64))[lane] = result / sum;
})",
          .arrays = {input(random_floats(kQueries * kDim)), input(random_floats(kKeys * kDim)),
                     input(random_floats(kKeys * kDim, -1, 1, 2)), output<float>(kQueries * kDim), parameter(kKeys)},
          .threads = {kQueries * 32},
          .group = {128},
          .loop =
              [](const Buffers& b) {
                const auto *q = b.at<float>(0), *k = b.at<float>(1), *v = b.at<float>(2);
                for (std::uint32_t row = 0; row < kQueries; ++row) {
                  float scores[kKeys], largest = -INFINITY, sum = 0;
                  for (std::uint32_t n = 0; n < kKeys; ++n) {
                    float score = 0;
                    for (std::uint32_t d = 0; d < kDim; ++d) score += q[row * kDim + d] * k[n * kDim + d];
                    scores[n] = score * 0.125F;
                    largest = std::max(largest, scores[n]);
                  }
                  float result[kDim] = {};
                  for (std::uint32_t n = 0; n < kKeys; ++n) {
                    const float weight = std::exp(scores[n] - largest);
                    sum += weight;
                    for (std::uint32_t d = 0; d < kDim; ++d) result[d] += weight * v[n * kDim + d];
                  }
                  for (std::uint32_t d = 0; d < kDim; ++d) b.at<float>(3)[row * kDim + d] = result[d] / sum;
                }
              },
          .tolerance = 1e-4};
}

}  // namespace

UserKernels product_kernels() {
  return {matmul_plain(), matmul_tiled(), matmul_blocked(), matvec(), conv2d(), k_means(), attention()};
}

}  // namespace anymetal::bench
