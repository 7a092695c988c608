// Hashing in the manner of password and mining kernels: aliases of the address spaces, 64-bit rotations, tables in constant
// memory, message schedules in threadgroup memory.
#include <metal_stdlib>
using namespace metal;
#define GLOBAL_AS device
#define CONSTANT_AS constant
#define CONSTANT_VK constant
#define LOCAL_AS threadgroup
#define LOCAL_VK threadgroup
#define PRIVATE_AS thread
#define KERNEL_FQ kernel
#define DECLSPEC static inline
#define SYNC_THREADS() threadgroup_barrier(mem_flags::mem_threadgroup)
typedef uchar u8; typedef uint u32; typedef ulong u64;
typedef struct { u32 i[16]; u32 pw_len; } pw_t;
typedef union { u64 w[8]; u32 h[16]; u8 b[64]; } state_t;

CONSTANT_VK u32 k_sha256[8] = {0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u, 0xab1c5ed5u};
CONSTANT_VK u64 rounds[4] = {0x0000000000000001ul, 0x0000000000008082ul, 0x800000000000808aul, 0x8000000080008000ul};

DECLSPEC u32 hc_swap32_S(const u32 v) { return (v << 24) | ((v & 0xff00) << 8) | ((v >> 8) & 0xff00) | (v >> 24); }
DECLSPEC u64 rotl64(const u64 x, const int n) { return rotate(x, (u64)n); }
#define SHA256_S0_S(x) (rotate((x), 25u) ^ rotate((x), 14u) ^ ((x) >> 3u))
#define STEP(a, b, k) { a += (b ^ k) + SHA256_S0_S(a); a = rotate(a, 7u); }

DECLSPEC void mix(PRIVATE_AS u32* digest, const u32 w0, CONSTANT_AS const u32* k) { for (int i = 0; i < 8; i++) STEP(digest[i], w0, k[i]); }
DECLSPEC void mix_global(PRIVATE_AS u32* digest, GLOBAL_AS const u32* w, const int len) { for (int i = 0; i < len; i++) digest[i & 7] ^= hc_swap32_S(w[i]); }
DECLSPEC u32 mix_local(LOCAL_AS const u32* s, const int n) { u32 r = 0; for (int i = 0; i < n; i++) r = r * 31 + s[i]; return r; }

KERNEL_FQ void m01400_mxx(GLOBAL_AS const pw_t* pws [[buffer(0)]], GLOBAL_AS u32* out [[buffer(1)]], CONSTANT_AS const u64& gid_max [[buffer(2)]],
                          uint hc_gid [[thread_position_in_grid]], uint hc_lid [[thread_position_in_threadgroup]], uint hc_lsz [[threads_per_threadgroup]]) {
  const u64 gid = hc_gid, lid = hc_lid, lsz = hc_lsz;
  LOCAL_VK u32 s_k[8];
  for (u32 i = lid; i < 8; i += lsz) s_k[i] = k_sha256[i];
  SYNC_THREADS();
  if (gid >= gid_max) return;
  u32 digest[8] = {0};
  mix(digest, pws[gid].i[0], k_sha256);
  mix_global(digest, pws[gid].i, 16);
  state_t st; for (int i = 0; i < 8; i++) st.w[i] = digest[i];
  for (int r = 0; r < 4; r++) { st.w[0] ^= rotl64(st.w[1], 13) ^ rounds[r]; st.w[1] = ~st.w[2] & st.w[0]; }
  out[gid] = digest[0] ^ mix_local(s_k, 8) ^ st.h[1] ^ st.b[9];
}
