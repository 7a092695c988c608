// In the manner of a program for several GPU languages: its own words for spaces, by macros that stand before values too.
#if defined __METAL__ || defined __METAL_MACOS__
#define IS_METAL
#include <metal_stdlib>
using namespace metal;
#define SPACE_TABLE constant
#define SPACE_GLOBAL device
#define SPACE_LOCAL threadgroup
#define SPACE_OWN thread
#define ENTRY kernel
#endif
#define INLINE inline static
typedef uint u32;
typedef uint8_t u8;

#define ENTRY_ARGUMENTS(state)                                                                            \
  SPACE_GLOBAL const u32 *words, SPACE_GLOBAL state *states, SPACE_TABLE const u32 &rounds, SPACE_GLOBAL void *unused, \
      u32 at [[thread_position_in_grid]], u32 lane [[thread_position_in_threadgroup]], u32 lanes [[threads_per_threadgroup]]

SPACE_TABLE u8 q0[16] = {8, 1, 7, 13, 6, 15, 3, 2, 0, 11, 5, 9, 14, 12, 10, 4};

typedef struct mix {
  u32 x;
  u32 y;
} mix_t;

INLINE u32 spread (SPACE_OWN const u32 x, SPACE_OWN const u32 *key, SPACE_LOCAL const u8 *box);
INLINE u32 spread (const u32 x, SPACE_OWN const u32 *key, SPACE_LOCAL const u8 *box)
{
  u32 r = 0;
  for (u32 i = 0; i < 8; i++) r |= (u32) box[(x >> (i * 4)) & 15] << (i * 4);
  return rotate (r ^ key[x & 1], 7u);
}

INLINE void mix_block (SPACE_OWN mix_t *m, SPACE_OWN const u32 *key, SPACE_OWN const u32 count, volatile const u32 salt, SPACE_LOCAL const u8 *box)
{
  for (u32 i = 0; i < count; i++)
  {
    SPACE_OWN const u32 next = m->x ^ spread (m->y + i, key, box);
    m->x = m->y + salt;
    m->y = next;
  }
}

ENTRY void mix_all (ENTRY_ARGUMENTS (mix_t))
{
#pragma STDC FP_CONTRACT OFF
  SPACE_LOCAL u8 box[16];
  for (u32 i = lane; i < 16; i += lanes) box[i] = q0[i];
  threadgroup_barrier (mem_flags::mem_threadgroup);

  SPACE_OWN u32 key[2] = {0x9e3779b9, words[0]};
  mix_t m = states[at];
  mix_block (&m, key, rounds, words[1], box);
  states[at] = m;
}
