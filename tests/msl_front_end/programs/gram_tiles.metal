// Tiled product with nested class templates
#include <metal_stdlib>
#include <metal_simdgroup_matrix>
using namespace metal;
#define STEEL_CONST static constant constexpr const
#define STEEL_PRAGMA_UNROLL _Pragma("clang loop unroll(full)")
template <typename OutT, typename InT> struct TransformNone { static METAL_FUNC OutT apply(InT x) { return static_cast<OutT>(x); } static METAL_FUNC OutT apply(InT x, OutT) { return static_cast<OutT>(x); } };
template <typename OutT, typename InT> struct TransformAxpby { const float alpha; const float beta; TransformAxpby(const float a, const float b) : alpha(a), beta(b) {} METAL_FUNC OutT apply(InT x) const { return static_cast<OutT>(x); } METAL_FUNC OutT apply(InT x, OutT c) const { return static_cast<OutT>(x * alpha + (beta * c)); } };
template <typename T, short BROWS, short BCOLS, short dst_ld, short reduction_dim, short tgp_size, short alignment = 1, short n_reads = (BCOLS * BROWS) / (tgp_size), short TCOLS = BCOLS / n_reads, short TROWS = tgp_size / TCOLS>
struct BlockLoader {
  STEEL_CONST short n_rows = (BROWS + TROWS - 1) / TROWS; STEEL_CONST short vec_size = n_reads;
  const int src_ld; const int tile_stride; const short thread_idx; const short bi; const short bj; threadgroup T* dst; const device T* src;
  struct alignas(alignment * sizeof(T)) ReadVector { uint8_t v[sizeof(T) * vec_size]; };
  METAL_FUNC BlockLoader(const device T* src_, const int src_ld_, threadgroup T* dst_, ushort simd_group_id [[simdgroup_index_in_threadgroup]], ushort simd_lane_id [[thread_index_in_simdgroup]])
      : src_ld(src_ld_), tile_stride(reduction_dim ? BCOLS : BROWS * src_ld), thread_idx(simd_group_id * 32 + simd_lane_id), bi(thread_idx / TCOLS), bj(vec_size * (thread_idx % TCOLS)), dst(dst_ + bi * dst_ld + bj), src(src_ + bi * src_ld + bj) {}
  METAL_FUNC void load_unsafe() const { STEEL_PRAGMA_UNROLL for (short i = 0; i < BROWS; i += TROWS) { *((threadgroup ReadVector*)(&dst[i * dst_ld])) = *((const device ReadVector*)(&src[i * src_ld])); } }
  METAL_FUNC void next() { src += tile_stride; }
};
template <typename T, int kFragRows_, int kFragCols_> struct BaseMMAFrag { static_assert(kFragRows_ == 8, "Only 8 x 8 fragment matrices are currently supported"); };
template <typename T> struct BaseMMAFrag<T, 8, 8> {
  STEEL_CONST int kFragRows = 8; STEEL_CONST int kElemsPerFrag = (8 * 8) / 32; STEEL_CONST int kElemCols = 2;
  typedef metal::simdgroup_matrix<T, 8, 8> mat_type; typedef metal::vec<T, kElemsPerFrag> frag_type;
  METAL_FUNC static constexpr short2 get_coord(ushort simd_lane_id [[thread_index_in_simdgroup]]) { const short qid = simd_lane_id / 4; const short fm = (qid & 4) + ((simd_lane_id / 2) % 4); const short fn = (qid & 2) * 2 + (simd_lane_id % 2) * 2; return short2{fn, fm}; }
  template <typename SrcPtrType, typename StrX, typename StrY> METAL_FUNC static constexpr void load(thread frag_type& dst, SrcPtrType src, StrX str_x, StrY str_y) { STEEL_PRAGMA_UNROLL for (short j = 0; j < kElemCols; j++) { dst[j] = static_cast<T>(src[0 * str_x + j * str_y]); } }
  template <typename DstPtrType, typename StrX, typename StrY> METAL_FUNC static constexpr void store(const thread frag_type& src, DstPtrType dst, StrX str_x, StrY str_y) { using U = remove_addrspace_t<remove_reference_t<decltype(dst[0])>>; STEEL_PRAGMA_UNROLL for (short j = 0; j < kElemCols; j++) { dst[0 * str_x + j * str_y] = static_cast<U>(src[j]); } }
  METAL_FUNC static constexpr void mma(thread frag_type& D, thread frag_type& A, thread frag_type& B, thread frag_type& C) {
    mat_type Dm, Am, Bm, Cm; reinterpret_cast<thread frag_type&>(Am.thread_elements()) = A; reinterpret_cast<thread frag_type&>(Bm.thread_elements()) = B; reinterpret_cast<thread frag_type&>(Cm.thread_elements()) = C;
    simdgroup_multiply_accumulate(Dm, Am, Bm, Cm); D = reinterpret_cast<thread frag_type&>(Dm.thread_elements());
  }
};
template <typename T, int kTileRows_, int kTileCols_, class MMAFrag_ = BaseMMAFrag<T, 8, 8>> struct MMATile {
  using Frag = MMAFrag_; using frag_type = typename Frag::frag_type; STEEL_CONST int kNumFrags = kTileRows_ * kTileCols_;
  frag_type val_frags[kNumFrags] = {frag_type(0)};
  METAL_FUNC MMATile() thread {}
  METAL_FUNC constexpr void clear() { STEEL_PRAGMA_UNROLL for (short i = 0; i < kNumFrags; ++i) { val_frags[i] = frag_type(0); } }
  METAL_FUNC constexpr thread frag_type& frag_at(const short i, const short j) { return val_frags[i * kTileCols_ + j]; }
  METAL_FUNC constexpr const thread frag_type& frag_at(const short i, const short j) const { return val_frags[i * kTileCols_ + j]; }
  METAL_FUNC thread T* elems() { return reinterpret_cast<thread T*>(val_frags); }
  template <typename U, int w_x, int w_y, int str_x, int str_y> METAL_FUNC void load(const threadgroup U* src) {
    STEEL_PRAGMA_UNROLL for (short i = 0; i < kTileRows_; ++i) { STEEL_PRAGMA_UNROLL for (short j = 0; j < kTileCols_; ++j) { Frag::load(frag_at(i, j), &(src[(i * 8) * w_x * str_x + (j * 8) * w_y * str_y]), str_x, str_y); } }
  }
};
template <typename T, int BM, int BK> struct GEMM {
  using loader_t = BlockLoader<T, BM, BK, BK, 1, 32, 1>;
  template <bool K_aligned_> struct LoopAlignment { static constexpr constant bool value = K_aligned_; };
  template <bool A> using loop_alignment = LoopAlignment<A>;
  template <bool A> static METAL_FUNC void run(const device T* a, threadgroup T* as, thread MMATile<float, 1, 1>& tile, int k, loop_alignment<A> = {}, ushort sg = 0, ushort lane = 0) {
    loader_t loader(a, k, as, sg, lane); MMATile<float, 1, 1> left, right; const short2 at = BaseMMAFrag<float, 8, 8>::get_coord(lane);
    for (int kk = 0; kk < k; kk += BK) {
      threadgroup_barrier(mem_flags::mem_threadgroup); loader.load_unsafe(); threadgroup_barrier(mem_flags::mem_threadgroup);
      left.template load<T, 1, 1, BK, 1>(as + at.y * BK + at.x); right.template load<T, 1, 1, 1, BK>(as + at.x * BK + at.y);
      BaseMMAFrag<float, 8, 8>::mma(tile.frag_at(0, 0), left.frag_at(0, 0), right.frag_at(0, 0), tile.frag_at(0, 0));
      loader.next();
    }
    (void)LoopAlignment<A>::value;
  }
};
template <typename T, int BM, int BK, bool aligned, class Epilogue = TransformAxpby<T, float>>
[[kernel, max_total_threads_per_threadgroup(32)]] void gram(const device T* A [[buffer(0)]], device T* D [[buffer(1)]], constant int* K [[buffer(2)]], ushort lane [[thread_index_in_simdgroup]], ushort sg [[simdgroup_index_in_threadgroup]]) {
  threadgroup T As[BM * BK]; MMATile<float, 1, 1> tile; const Epilogue epilogue_op(2.0f, 0.5f);
  GEMM<T, BM, BK>::run(A, As, tile, *K, typename GEMM<T, BM, BK>::template loop_alignment<aligned>{}, sg, lane);
  const short2 at = BaseMMAFrag<float, 8, 8>::get_coord(lane); thread float* e = tile.elems();
  D[at.y * 8 + at.x] = epilogue_op.apply(e[0], D[at.y * 8 + at.x]); D[at.y * 8 + at.x + 1] = TransformNone<T, float>::apply(e[1]);
}
#define instantiate_gram(tname, T, aligned) template [[host_name("gram_" #tname)]] [[kernel]] void gram<T, 8, 8, aligned>(const device T* A [[buffer(0)]], device T* D [[buffer(1)]], constant int* K [[buffer(2)]], ushort lane [[thread_index_in_simdgroup]], ushort sg [[simdgroup_index_in_threadgroup]]);
instantiate_gram(f32, float, true) instantiate_gram(f16, half, false) instantiate_gram(bf16, bfloat, true)
