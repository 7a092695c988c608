// Products of rows of floats with rows of blocks on NVIDIA tensor cores: which of the forms takes which tile.
#pragma once
#include "nvidia/block_mat_mat.h"
#include "nvidia/warpgroup_block_mat_mat.h"

namespace anymetal {

// Whether simdgroups multiply together. Rows of heads, and formats whose blocks have a least value of their own, take more
// registers for it than there are.
template <class Block, class Rows>
bool together() {
  constexpr bool kFits = !metal::is_same_v<Rows, HeadRows> && !metal::is_same_v<Block, BlockQ4_1> && !metal::is_same_v<Block, BlockQ5_1> &&
                         !metal::is_same_v<Block, BlockQ2_K>;
  return kFits && have_warpgroup_products();
}

// Whether there are large tiles enough to keep a GPU busy; together, as many as make more small ones than run at once.
template <class Block, class Rows>
bool are_large(uint inputs, uint weights, ulong batches) {
  const uint large = together<Block, Rows>() ? kGroupTile : large_tile<Block, Rows>();
  const ulong tiles = ulong((inputs + large - 1) / large) * ((weights + kBlockColumns - 1) / kBlockColumns) * batches;
  return tiles >= (together<Block, Rows>() ? kManyTiles / 2 + 1 : kManyTiles);
}

// One of several threadgroups along the inputs, kTileM of them each, and along the weights, kTileN each, takes the place of all
// of them: along the inputs where tiles are large.
template <class Block, class Rows, class Store>
void nvidia_block_product(threadgroup BlockMatMatTiles<Block>& tiles, threadgroup uchar* scratch, Rows inputs,
                          BlockRows<Block> weights, uint length, uint3 group, bool large, uint thread_index, Store store) {
  constexpr uint kLargeTile = large_tile<Block, Rows>();
  threadgroup RowScales* scales = (threadgroup RowScales*)scratch;
  if (group.y % (kBlockColumns / kTileN) != 0) return;
  if (!large || (together<Block, Rows>() && !weights.straight)) {
    const FloatTile<half, Rows, kSmallTile, true> tile = {inputs};
    return nvidia_block_mat_mat<kSmallTile>(tiles, scales, tile, weights, length, thread_index, store);
  }
  if (together<Block, Rows>()) {
    if (group.x % (kGroupTile / kTileM) != 0) return;
    const FloatTile<half, Rows, kGroupTile, true, false> tile = {inputs};
    return warpgroup_block_mat_mat(tiles, scales, tile, weights, length, thread_index, store);
  }
  if (group.x % (kLargeTile / kTileM) != 0) return;
  constexpr bool kKept = !metal::is_same_v<Block, BlockQ4_1>;  // for which there are no registers
  const FloatTile<half, Rows, kLargeTile, true, kKept> tile = {inputs};
  nvidia_block_mat_mat<kLargeTile>(tiles, scales, tile, weights, length, thread_index, store);
}

}  // namespace anymetal
