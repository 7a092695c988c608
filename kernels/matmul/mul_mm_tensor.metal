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
  Place(uint first_input, uint first_weight, uint thread_index, uint rows, uint tokens) : m0(first_input), n0(first_weight) {
    weight_row = min(n0 + thread_index / 2, rows - 1);
    input_row = min(m0 + thread_index / 4, tokens - 1);
  }
};

// The part of the tile that lies in dst [tokens, rows].
template <class Sums>
void store(thread const Sums& sums, device float* dst, Place at, uint rows, uint tokens) {
  if (at.m0 >= tokens || at.n0 >= rows) return;
  auto part = tensor(dst + ulong(at.m0) * rows + at.n0, dextents<int, 2>(rows - at.n0, tokens - at.m0),
                     array<long, 2>({1, long(rows)}));
  sums.store(part);
}

#if ANYMETAL_NVIDIA
// As `product` for dense weights, a wide tile: by a merged threadgroup, or one of several threadgroups along M, and along N, takes the place
// of all of them.
template <class T>
struct WideTiles {
  typedef WarpgroupTiles<T> Together;
  // f16, whose inputs are scaled, has no time to wait for them in few threadgroups: so many are not merged, each multiplies alone.
  static constexpr bool kAlone = metal::is_same_v<T, half>;
  typedef WarpgroupTiles<T, 1> Alone;
  typedef Merged<Together::kRows / kTileM, Together::kColumns / kTileN, kAlone ? 66 : 1> Groups;
  threadgroup MatMatTiles<T, 128, 3>& apart;
  threadgroup Together& together;
};
template <class T, uint kFours, class Inputs>
void warpgroup_product(threadgroup WarpgroupTiles<T, kFours>& tiles, Inputs inputs, TileRows weights, uint length, BatchTile at,
                       threadgroup uchar* scratch, uint thread_index) {
  typedef WarpgroupTiles<T, kFours> Tiles;
  typedef FloatTile<T, Inputs, Tiles::kRows, false, false, Tiles::kThreads> InputTile;
  const DenseTile<T, Tiles::kColumns, Tiles::kThreads> weight_tile = {weights, length};
  threadgroup typename InputTile::Scales* scales = (threadgroup typename InputTile::Scales*)scratch;
  warpgroup_mat_mat<InputTile::kScaled>(tiles, scales, InputTile{inputs}, weight_tile, length, thread_index, at);
}
template <class T>
void nvidia_product(WideTiles<T> wide_tiles, bool is_merged, constant MatMatParams& p, BatchTile at, threadgroup uchar* scratch, uint thread_index) {
  typedef typename WideTiles<T>::Alone Alone;
  const uint length = uint(p.ne00);
  const FloatRows inputs = {{at.x, p.nb11, at.m0, at.tokens}, length};
  const TileRows weights(at.weight, p.nb01, at.n0, at.rows);
  if (is_merged) return warpgroup_product(wide_tiles.together, inputs, weights, length, at, scratch, thread_index);
  if (WideTiles<T>::kAlone && have_warpgroup_products()) {
    if (at.m0 % Alone::kRows != 0 || at.n0 % Alone::kColumns != 0) return;
    return warpgroup_product(*(threadgroup Alone*)&wide_tiles.together, inputs, weights, length, at, scratch, thread_index);
  }
  if (at.m0 % 128 != 0 || at.n0 % 128 != 0) return;
  const FloatTile<T, FloatRows> x_tile = {inputs};
  const DenseTile<T, 128> weight_tile = {weights, length};
  constexpr bool kScaled = FloatTile<T, FloatRows>::kScaled;
  nvidia_mat_mat<kScaled>(wide_tiles.apart, (threadgroup RowScales*)scratch, x_tile, weight_tile, length, thread_index, at);
}
#endif

// One tile of a product whose weight rows are elements of type Element, or blocks.
template <class T, class Row>
void product(constant MatMatParams& p, BatchTile at, threadgroup uchar* tiles, uint thread_index) {
  const uint length = uint(p.ne00);
  const Place place(at.m0, at.n0, thread_index, at.rows, at.tokens);
  const Row weights(at.weight + place.weight_row * p.nb01, length);
  const DenseRow<float> inputs(at.x + place.input_row * p.nb11, length);
  store(tensor_product<T>(tiles, length, thread_index, weights, inputs), at.out, place, at.rows, at.tokens);
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
  threadgroup typename MergedProduct<Block>::Tiles merged_tiles;
  const MergedProduct<Block> own = {wide_tiles, merged_tiles};
  own.run(p, weight, x, dst, tiles, group, thread_index, [&](BatchTile at, threadgroup uchar* memory, uint index) {
    product<half, BlockRow<Block>>(p, at, memory, index);
  });
#else
  product<half, BlockRow<Block>>(p, BatchTile(p, weight, x, dst, group), tiles, thread_index);
#endif
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
    const typename WideTiles<T>::Groups groups(group);
    if (groups.is_taken()) return;
    const uint length = uint(p.ne00);
    if (nvidia::has_ampere() && are_pieces(p.nb11, p.nb12 | p.nb13, length, 4) &&
        are_pieces(p.nb01, p.nb02 | p.nb03, length, 2)) {
      return nvidia_product(WideTiles<T>{apart, together}, groups.is_merged, p, BatchTile(p, weight, x, dst, group), tiles, thread_index);
    }
    return groups.for_each(thread_index, [&](uint3 one, uint index, uint part) {
      threadgroup uchar* memory = groups.is_merged ? (threadgroup uchar*)&together + 8192 * part : tiles;
      product<T, DenseRow<T>>(p, BatchTile(p, weight, x, dst, one), memory, index);
    });
  }
#endif
  product<T, DenseRow<T>>(p, BatchTile(p, weight, x, dst, group), tiles, thread_index);
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
  const Place at(group.x * kTileM, group.y * kTileN, thread_index, rows, tokens);
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
