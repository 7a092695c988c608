// Tiled matrix product in the manner of array libraries: loaders and fragments as classes over an address space, constants
// as types, complex numbers, epilogues as functors.
#include <metal_simdgroup_matrix>
#include <metal_stdlib>
using namespace metal;
#define STEEL_CONST static constant constexpr const
#define STEEL_PRAGMA_UNROLL _Pragma("clang loop unroll(full)")
#define MTL_CONST static constant constexpr const

template <class T, T v> struct integral_const { MTL_CONST T value = v; using value_type = T; METAL_FUNC constexpr operator value_type() const noexcept { return value; } };
template <int val> using Int = integral_const<int, val>;
#define integral_const_binop(__op__, __operator__) \
  template <typename T, T tv, typename U, U uv> METAL_FUNC constexpr auto __operator__(integral_const<T, tv>, integral_const<U, uv>) { constexpr auto res = tv __op__ uv; return integral_const<decltype(res), res>{}; }
integral_const_binop(+, operator+);
integral_const_binop(*, operator*);

struct complex64_t {
  float real, imag;
  constexpr complex64_t(float r, float i) : real(r), imag(i) {}
  constexpr complex64_t() : real(0), imag(0) {}
  template <typename T, typename = typename enable_if<is_convertible_v<T, float>>::type> constexpr complex64_t(T x) thread : real(x), imag(0) {}
  template <typename T, typename = typename enable_if<is_convertible_v<T, float>>::type> constexpr complex64_t(T x) threadgroup : real(x), imag(0) {}
  template <typename T, typename = typename enable_if<is_convertible_v<T, float>>::type> constexpr complex64_t(T x) device : real(x), imag(0) {}
  template <typename T, typename = typename enable_if<is_convertible_v<float, T>>::type> constexpr operator T() const thread { return static_cast<T>(real); }
  template <typename T, typename = typename enable_if<is_convertible_v<float, T>>::type> constexpr operator T() const threadgroup { return static_cast<T>(real); }
  template <typename T, typename = typename enable_if<is_convertible_v<float, T>>::type> constexpr operator T() const device { return static_cast<T>(real); }
  template <typename T, typename = typename enable_if<is_convertible_v<float, T>>::type> constexpr operator T() const constant { return static_cast<T>(real); }
};
constexpr complex64_t operator+(complex64_t a, complex64_t b) { return {a.real + b.real, a.imag + b.imag}; }
constexpr complex64_t operator*(complex64_t a, complex64_t b) { return {a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real}; }
constexpr thread complex64_t& operator+=(thread complex64_t& a, complex64_t b) { a.real += b.real; a.imag += b.imag; return a; }
constexpr threadgroup complex64_t& operator+=(threadgroup complex64_t& a, complex64_t b) { a.real += b.real; a.imag += b.imag; return a; }
constexpr device complex64_t& operator+=(device complex64_t& a, complex64_t b) { a.real += b.real; a.imag += b.imag; return a; }

struct GEMMParams { const int M, N, K; const int64_t batch_stride; };

template <typename T, short BROWS, short BCOLS, short dst_ld, short tgp_size, short n_reads = (BCOLS * BROWS) / (tgp_size)>
struct BlockLoader {
  STEEL_CONST short TCOLS = BCOLS / n_reads;
  STEEL_CONST short TROWS = tgp_size / TCOLS;
  const int src_ld;
  const short thread_idx, bi, bj;
  threadgroup T* dst;
  const device T* src;
  struct alignas(n_reads * sizeof(T)) ReadVector { uint8_t v[sizeof(T) * n_reads]; };
  METAL_FUNC BlockLoader(const device T* src_, const int src_ld_, threadgroup T* dst_, ushort simd_group_id [[simdgroup_index_in_threadgroup]], ushort simd_lane_id [[thread_index_in_simdgroup]])
      : src_ld(src_ld_), thread_idx(simd_group_id * 32 + simd_lane_id), bi(thread_idx / TCOLS), bj(n_reads * (thread_idx % TCOLS)), dst(dst_ + bi * dst_ld + bj), src(src_ + bi * src_ld + bj) {}
  template <typename UnaryOp> METAL_FUNC void apply_inplace_op(thread const UnaryOp& op) const {
    STEEL_PRAGMA_UNROLL for (short i = 0; i < BROWS; i += TROWS) { STEEL_PRAGMA_UNROLL for (short j = 0; j < n_reads; j++) dst[i * dst_ld + j] = op.apply(dst[i * dst_ld + j]); }
  }
  METAL_FUNC void load_unsafe() const {
    STEEL_PRAGMA_UNROLL for (short i = 0; i < BROWS; i += TROWS) *((threadgroup ReadVector*)(&dst[i * dst_ld])) = *((const device ReadVector*)(&src[i * src_ld]));
  }
  METAL_FUNC void next() { src += BCOLS; }
};

template <typename OutT, typename InT> struct TransformAxpby {
  const float alpha, beta;
  TransformAxpby(const float alpha_, const float beta_) : alpha(alpha_), beta(beta_) {}
  METAL_FUNC OutT apply(InT x) const { return static_cast<OutT>(x * static_cast<InT>(alpha)); }
};

template <typename T, int BM, int BN, int BK>
[[kernel, max_total_threads_per_threadgroup(32)]] void gemm(const device T* A [[buffer(0)]], const device T* B [[buffer(1)]], device T* D [[buffer(2)]],
    const constant GEMMParams* params [[buffer(3)]], uint simd_lane_id [[thread_index_in_simdgroup]], uint simd_group_id [[simdgroup_index_in_threadgroup]],
    uint3 tid [[threadgroup_position_in_grid]]) {
  threadgroup T As[BM * BK];
  threadgroup T Bs[BK * BN];
  thread BlockLoader<T, BM, BK, BK, 32> loader_a(A, params->K, As, simd_group_id, simd_lane_id);
  thread BlockLoader<T, BK, BN, BN, 32> loader_b(B, params->N, Bs, simd_group_id, simd_lane_id);
  simdgroup_matrix<float, 8, 8> acc = simdgroup_matrix<float, 8, 8>(0);
  const TransformAxpby<T, T> op(2.0f, 0.0f);
  for (int k = 0; k < params->K / BK; k++) {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    loader_a.load_unsafe(); loader_b.load_unsafe(); loader_a.apply_inplace_op(op);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    simdgroup_matrix<T, 8, 8> a, b;
    simdgroup_load(a, As, BK); simdgroup_load(b, Bs, BN);
    simdgroup_multiply_accumulate(acc, a, b, acc);
    loader_a.next(); loader_b.src += Int<BK>{} * Int<1>{} * params->N;
  }
  const auto e = acc.thread_elements();
  const short q = simd_lane_id / 4, row = (q & 4) + (simd_lane_id / 2) % 4, col = (q & 2) * 2 + (simd_lane_id % 2) * 2;
  D[row * params->N + col] = T(e[0]); D[row * params->N + col + 1] = T(e[1]);
}
#define instantiate_kernel(name, func, ...) template [[host_name(name)]] [[kernel]] decltype(func<__VA_ARGS__>) func<__VA_ARGS__>;
#define instantiate_gemm(iname, itype, bm, bn, bk) instantiate_kernel("gemm_" #iname "_bm" #bm "_bn" #bn "_bk" #bk, gemm, itype, bm, bn, bk)
instantiate_gemm(float32, float, 8, 8, 8)
instantiate_gemm(float16, half, 8, 8, 8)
instantiate_gemm(bfloat16, bfloat, 8, 8, 8)

template <typename T, typename Op> [[kernel]] void reduce_all(device const T* in [[buffer(0)]], device T* out [[buffer(1)]], const constant size_t& n [[buffer(2)]], uint t [[thread_position_in_threadgroup]]) {
  threadgroup T shared[32];
  T total = Op::init; Op op;
  for (size_t i = t; i < n; i += 32) total = op(total, in[i]);
  shared[t] = total;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (t == 0) { for (int i = 1; i < 32; ++i) shared[0] += shared[i]; out[0] += shared[0]; float r = out[0]; out[1] = T(r); }
}
template <typename U> struct Add { static constexpr constant U init = U(0); template <typename T> T operator()(T a, T b) { return a + b; } };
instantiate_kernel("sum_complex64", reduce_all, complex64_t, Add<complex64_t>)
instantiate_kernel("sum_float32", reduce_all, float, Add<float>)
