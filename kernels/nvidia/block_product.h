// Products of rows of floats with rows of blocks on NVIDIA tensor cores: which of the forms takes which tile.
#pragma once
#include "common/matmul_tile.h"
#include "nvidia/block_mat_mat.h"
#include "nvidia/merged_block_mat_mat.h"
#include "nvidia/merged_threadgroups.h"
#include "nvidia/warpgroup_block_mat_mat.h"

namespace anymetal {

// Whether simdgroups multiply together where threadgroups are not merged. Formats whose blocks have a least value of their own take more
// registers for it than there are.
template <class Block, class Rows>
bool together() {
  constexpr bool kFits = metal::is_same_v<Rows, ListedRows> && !metal::is_same_v<Block, BlockQ4_1> && !metal::is_same_v<Block, BlockQ5_1> &&
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
  constexpr bool kMerges = metal::is_same_v<Rows, FloatRows>;
  threadgroup RowScales* scales = (threadgroup RowScales*)scratch;
  if (group.y % (kBlockColumns / kTileN) != 0) return;
  if (!large || (kMerges && have_warpgroup_products()) || (together<Block, Rows>() && !weights.straight)) {
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

// Of a product of rows of floats whose threadgroups may be merged: the rectangles, and threadgroup memory.
template <class Block>
struct MergedProduct {
  // Blocks that are decoded fast: twice as many weights for the same inputs. Others would take too much time.
  static constexpr bool kIsFast = (sizeof(Block) <= 24 && !metal::is_same_v<Block, BlockMXFP4>) || metal::is_same_v<Block, BlockQ8_0> ||
                                  metal::is_same_v<Block, BlockQ4_K> || metal::is_same_v<Block, BlockIQ4_XS>;
  static constexpr uint kDown = kIsFast ? 2 : 1;
  typedef MergedTiles<Block, kDown> Tiles;
  // As many as keep a GPU as busy as smaller tiles do.
  typedef Merged<Tiles::kAcross, Tiles::kAlong, 40> Groups;
  threadgroup BlockMatMatTiles<Block>& apart;
  threadgroup Tiles& merged;

  threadgroup BlockMatMatTiles<Block>& own() const { return *(have_warpgroup_products() ? (threadgroup BlockMatMatTiles<Block>*)&merged : &apart); }
  // For the common form in merged threadgroups, 8192 bytes for each part.
  threadgroup uchar* scratch(uint part) const { return (threadgroup uchar*)&merged + 8192 * part; }

  // The product with all that the kernel has. `memory` holds 8192 bytes; common(at, memory, thread_index) does the tile of one
  // threadgroup where none of the forms for these GPUs can.
  template <class Common>
  void run(constant MatMatParams& p, device const uchar* weight, device const uchar* x, device float* dst, threadgroup uchar* memory, uint3 group,
           uint thread_index, Common common) const {
    const Groups groups(group);
    if (groups.is_taken()) return;
    const uint length = uint(p.ne00);
    const BatchTile at(p, weight, x, dst, group);
    if (nvidia::has_ampere() && are_pieces(p.nb11, p.nb12 | p.nb13, length, 4) && is_short(p.nb01)) {
      const FloatRows inputs = {{at.x, p.nb11, at.m0, at.tokens}, length};
      const BlockRows<Block> weights(at.weight, p.nb01, at.n0, at.rows);
      if (!groups.is_merged) {
        const bool large = are_large<Block, FloatRows>(at.tokens, at.rows, ulong(p.ne12));
        return nvidia_block_product<Block>(own(), memory, inputs, weights, length, group, large, thread_index, at);
      }
      typedef FloatTile<half, FloatRowsOf<true>, Tiles::kInputs, true, false, kMergedThreads> Inputs;
      threadgroup typename Inputs::Scales* scales = (threadgroup typename Inputs::Scales*)memory;
      constexpr uint kRows = kTileN * Tiles::kAlong;
      return merged_block_mat_mat<Block, kDown>(merged, scales, Inputs{{inputs.rows, length}}, weights, length, group.y / Tiles::kAlong,
                                                (uint(p.ne0) + kRows - 1) / kRows, thread_index, at);
    }
    groups.for_each(thread_index, [&](uint3 one, uint index, uint part) {
      common(BatchTile(p, weight, x, dst, one), groups.is_merged ? scratch(part) : memory, index);
    });
  }
};

}  // namespace anymetal
