#include <metal_stdlib>
#include "common/tensor_tile.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/block_product.h"
#include "nvidia/mat_mat.h"
#include "nvidia/warpgroup_mat_mat.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: kernel_mul_mm_q4_0_tensor_f32 kernel_mul_mm_q4_1_tensor_f32 kernel_mul_mm_q5_0_tensor_f32
// kernels: kernel_mul_mm_q5_1_tensor_f32 kernel_mul_mm_q8_0_tensor_f32 kernel_mul_mm_iq4_nl_tensor_f32
// kernels: kernel_mul_mm_mxfp4_tensor_f32 kernel_mul_mm_q2_K_tensor_f32 kernel_mul_mm_q3_K_tensor_f32
// kernels: kernel_mul_mm_q4_K_tensor_f32 kernel_mul_mm_q5_K_tensor_f32 kernel_mul_mm_q6_K_tensor_f32
// kernels: kernel_mul_mm_iq4_xs_tensor_f32
// kernels: kernel_mul_mm_q4_0_tensor_bf16_perm021 kernel_mul_mm_q8_0_tensor_bf16_perm021
// kernels: kernel_mul_mm_q6_K_tensor_bf16_perm021
// kernels: hf2q_dense_mm_bf16_f32_tensor hf2q_dense_mm_f16_f32_tensor hf2q_dense_mm_f32_f32_tensor

// As MatMatParams up to r3, then the shape of x.
struct PermutedMatMatParams {
  int ne00, ne02;
  ulong nb01, nb02, nb03;
  int ne12, pad0;
  ulong nb10, nb11, nb12, nb13;
  int ne0, ne1;
  short r2, r3;
  int head_dim;
  int seq_len;  // M
  int pad1;
};
static_assert(sizeof(PermutedMatMatParams) == 96, "layout");

// Where a threadgroup's tile starts, and which rows a thread reads: those past the end repeat the last one.
struct Place {
  uint m0, n0, weight_row, input_row;
  Place(uint3 group, uint thread_index, uint rows, uint tokens) {
    m0 = group.x * kTileM;
    n0 = group.y * kTileN;
    weight_row = min(n0 + thread_index / 2, rows - 1);
    input_row = min(m0 + thread_index / 4, tokens - 1);
  }
};

// The part of the tile that lies in dst [tokens, rows].
template <class Sums>
void store(thread const Sums& sums, device float* dst, Place at, uint rows, uint tokens) {
  auto part = tensor(dst + ulong(at.m0) * rows + at.n0, dextents<int, 2>(rows - at.n0, tokens - at.m0),
                     array<long, 2>({1, long(rows)}));
  sums.store(part);
}

#if ANYMETAL_NVIDIA
// Where in a batch of matrices a product on NVIDIA tensor cores reads and writes.
struct Matrices {
  device const uchar* weight;
  device const uchar* x;
  device float* out;
  uint m0, n0, rows, tokens;
  Matrices(constant MatMatParams& p, device const uchar* weights, device const uchar* inputs, device float* dst, uint3 group)
      : m0(group.x * kTileM), n0(group.y * kTileN), rows(uint(p.ne0)), tokens(uint(p.ne1)) {
    const uint i12 = group.z % uint(p.ne12), i13 = group.z / uint(p.ne12);
    weight = weights + ulong(i12 / uint(p.r2)) * p.nb02 + ulong(i13 / uint(p.r3)) * p.nb03;
    x = inputs + i12 * p.nb12 + i13 * p.nb13;
    out = dst + ulong(group.z) * rows * tokens;
  }
  void operator()(uint m, uint n, float value) const {
    if (m0 + m < tokens && n0 + n < rows) out[ulong(m0 + m) * rows + n0 + n] = value;
  }
};

// As `product` for dense weights, a wide tile: one of several threadgroups along M, and along N, takes the place of all of them.
template <class T>
struct WideTiles {
  typedef WarpgroupTiles<T, float_inputs_down<T>()> Together;
  threadgroup MatMatTiles<T, 128, 3>& apart;
  threadgroup Together& together;
};
template <class T>
void nvidia_product(WideTiles<T> wide_tiles, constant MatMatParams& p, device const uchar* weight, device const uchar* x,
                    device float* dst, threadgroup uchar* scratch, uint3 group, uint thread_index) {
  typedef typename WideTiles<T>::Together Together;
  const bool together = have_warpgroup_products();
  if (group.x % ((together ? Together::kRows : 128) / kTileM) != 0 || group.y % ((together ? Together::kColumns : 128) / kTileN) != 0) return;
  const Matrices at(p, weight, x, dst, group);
  const uint length = uint(p.ne00);
  const FloatRows inputs = {{at.x, p.nb11, at.m0, at.tokens}, length};
  const TileRows weights(at.weight, p.nb01, at.n0, at.rows);
  constexpr bool kScaled = FloatTile<T, FloatRows>::kScaled;
  threadgroup RowScales* scales = (threadgroup RowScales*)scratch;
  if (together) {
    const FloatTile<T, FloatRows, Together::kRows> x_tile = {inputs};
    const DenseTile<T, Together::kColumns> weight_tile = {weights, length};
    return warpgroup_mat_mat<kScaled>(wide_tiles.together, scales, x_tile, weight_tile, length, thread_index, at);
  }
  const FloatTile<T, FloatRows> x_tile = {inputs};
  const DenseTile<T, 128> weight_tile = {weights, length};
  nvidia_mat_mat<kScaled>(wide_tiles.apart, scales, x_tile, weight_tile, length, thread_index, at);
}
#endif

// One tile of a product whose weight rows are elements of type Element, or blocks.
template <class T, class Row>
void product(constant MatMatParams& p, device const uchar* weight, device const uchar* x, device float* dst,
             threadgroup uchar* tiles, uint3 group, uint thread_index) {
  const uint rows = uint(p.ne0), tokens = uint(p.ne1), length = uint(p.ne00);
  const uint i12 = group.z % uint(p.ne12), i13 = group.z / uint(p.ne12);
  const Place at(group, thread_index, rows, tokens);
  weight += ulong(i12 / uint(p.r2)) * p.nb02 + ulong(i13 / uint(p.r3)) * p.nb03;
  x += i12 * p.nb12 + i13 * p.nb13;
  const Row weights(weight + at.weight_row * p.nb01, length);
  const DenseRow<float> inputs(x + at.input_row * p.nb11, length);
  store(tensor_product<T>(tiles, length, thread_index, weights, inputs), dst + ulong(group.z) * rows * tokens, at, rows,
        tokens);
}

/// dst[m, n] = sum over k of W[n, k] * x[m, k], a 64 (N) x 32 (M) tile per threadgroup. Weights and activations are rounded to
/// f16 for matrix hardware, activations after scaling 32 of a row by a power of two; sums are f32.
///
/// buffer 0: MatMatParams; 1: weight blocks [batch][N rows of nb01 bytes]; 2: x f32 [batch][M rows of nb11 bytes];
/// 3: dst f32 [batch, M, N]; threadgroup 0: 8192 bytes
/// grid: threadgroups (ceil(M / 32), ceil(N / 64), batch), 128 threads
/// tolerance: 2^-10 of the sum of absolute products
template <class Block>
kernel void mul_mm_tensor(constant MatMatParams& p [[buffer(0)]],
                          device const uchar* weight [[buffer(1)]],
                          device const uchar* x [[buffer(2)]],
                          device float* dst [[buffer(3)]],
                          threadgroup uchar* tiles [[threadgroup(0)]],
                          uint3 group [[threadgroup_position_in_grid]],
                          uint thread_index [[thread_index_in_threadgroup]]) {
#if ANYMETAL_NVIDIA
  threadgroup BlockMatMatTiles<Block> wide_tiles;
  const uint length = uint(p.ne00);
  const Matrices at(p, weight, x, dst, group);
  if (nvidia::has_ampere() && are_pieces(p.nb11, p.nb12 | p.nb13, length, 4) && is_short(p.nb01)) {
    return nvidia_block_product<Block>(wide_tiles, tiles, FloatRows{{at.x, p.nb11, at.m0, at.tokens}, length},
                                       BlockRows<Block>(at.weight, p.nb01, at.n0, at.rows), length, group,
                                       are_large<Block, FloatRows>(at.tokens, at.rows, ulong(p.ne12)), thread_index, at);
  }
#endif
  product<half, BlockRow<Block>>(p, weight, x, dst, tiles, group, thread_index);
}

/// dst[b, m, n] = sum over k of w[b / r2, n, k] * x[b, m, k] with dense weights, a 64 (N) x 32 (M) tile per threadgroup. x is
/// rounded to the type of the weights, for f16 after scaling 32 of a row by a power of two; sums are f32. Any K.
///
/// buffer 0: MatMatParams; 1: w bf16, f16 or f32 [batch / r2][N rows of nb01 bytes]; 2: x f32 [batch][M rows of nb11 bytes];
/// 3: dst f32 [batch, M, N]; threadgroup 0: 8192 bytes, 16384 for f32
/// grid: threadgroups (ceil(M / 32), ceil(N / 64), batch), 128 threads
/// tolerance: of the sum of absolute products bf16 2^-8, f16 2^-11, f32 4 sqrt(K) 2^-24
template <class T>
kernel void dense_mm_tensor(constant MatMatParams& p [[buffer(0)]],
                            device const uchar* weight [[buffer(1)]],
                            device const uchar* x [[buffer(2)]],
                            device float* dst [[buffer(3)]],
                            threadgroup uchar* tiles [[threadgroup(0)]],
                            uint3 group [[threadgroup_position_in_grid]],
                            uint thread_index [[thread_index_in_threadgroup]]) {
#if ANYMETAL_NVIDIA
  if constexpr (sizeof(T) == 2) {
    threadgroup MatMatTiles<T, 128, 3> apart;
    threadgroup typename WideTiles<T>::Together together;
    const uint length = uint(p.ne00);
    if (nvidia::has_ampere() && are_pieces(p.nb11, p.nb12 | p.nb13, length, 4) &&
        are_pieces(p.nb01, p.nb02 | p.nb03, length, 2)) {
      return nvidia_product(WideTiles<T>{apart, together}, p, weight, x, dst, tiles, group, thread_index);
    }
  }
#endif
  product<T, DenseRow<T>>(p, weight, x, dst, tiles, group, thread_index);
}

/// As mul_mm_tensor with x in the layout attention leaves it in: x[t, k] = x[k / head_dim][t][k % head_dim].
///
/// buffer 0: PermutedMatMatParams; 1: weight blocks [N rows of nb01 bytes]; 2: x bf16 [K / head_dim, M, head_dim];
/// 3: dst f32 [M, N]; threadgroup 0: 8192 bytes. head_dim is a multiple of 4.
/// grid: threadgroups (ceil(M / 32), ceil(N / 64)), 128 threads
/// tolerance: 2^-10 of the sum of absolute products
template <class Block>
kernel void mul_mm_tensor_perm021(constant PermutedMatMatParams& p [[buffer(0)]],
                                  device const uchar* weight [[buffer(1)]],
                                  device const bfloat* x [[buffer(2)]],
                                  device float* dst [[buffer(3)]],
                                  threadgroup uchar* tiles [[threadgroup(0)]],
                                  uint3 group [[threadgroup_position_in_grid]],
                                  uint thread_index [[thread_index_in_threadgroup]]) {
  const uint rows = uint(p.ne0), tokens = uint(p.ne1);
#if ANYMETAL_NVIDIA
  threadgroup BlockMatMatTiles<Block> wide_tiles;
  if (nvidia::has_ampere() && is_short(p.nb01)) {
    const uint m0 = group.x * kTileM, n0 = group.y * kTileN, length = uint(p.ne00);
    return nvidia_block_product<Block>(wide_tiles, tiles, HeadRows{x, m0, tokens, uint(p.head_dim)},
                                       BlockRows<Block>(weight, p.nb01, n0, rows), length, group,
                                       are_large<Block, HeadRows>(tokens, rows, 1), thread_index, [=](uint m, uint n, float value) {
                                         if (m0 + m < tokens && n0 + n < rows) dst[ulong(m0 + m) * rows + n0 + n] = value;
                                       });
  }
#endif
  const Place at(group, thread_index, rows, tokens);
  const BlockRow<Block> weights(weight + at.weight_row * p.nb01, uint(p.ne00));
  const HeadsRow inputs = {x, at.input_row, tokens, uint(p.head_dim)};
  store(tensor_product<half>(tiles, uint(p.ne00), thread_index, weights, inputs), dst, at, rows, tokens);
}

#define INSTANTIATE(name, Block) \
  template [[host_name("kernel_mul_mm_" name "_tensor_f32")]] kernel void mul_mm_tensor<Block>( \
      constant MatMatParams&, device const uchar*, device const uchar*, device float*, threadgroup uchar*, uint3, uint);
FOR_EACH_BLOCK_FORMAT(INSTANTIATE)

#define INSTANTIATE_DENSE(name, T) \
  template [[host_name("hf2q_dense_mm_" name "_f32_tensor")]] kernel void dense_mm_tensor<T>( \
      constant MatMatParams&, device const uchar*, device const uchar*, device float*, threadgroup uchar*, uint3, uint);
INSTANTIATE_DENSE("bf16", bfloat)
INSTANTIATE_DENSE("f16", half)
INSTANTIATE_DENSE("f32", float)

#define INSTANTIATE_PERMUTED(name, Block) \
  template [[host_name("kernel_mul_mm_" name "_tensor_bf16_perm021")]] kernel void mul_mm_tensor_perm021<Block>( \
      constant PermutedMatMatParams&, device const uchar*, device const bfloat*, device float*, threadgroup uchar*, uint3, \
      uint);
INSTANTIATE_PERMUTED("q4_0", BlockQ4_0)
INSTANTIATE_PERMUTED("q8_0", BlockQ8_0)
INSTANTIATE_PERMUTED("q6_K", BlockQ6_K)
