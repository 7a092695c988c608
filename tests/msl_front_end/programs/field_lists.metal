// As compilers of sparse fields write: trees of accessor classes over bytes, lists that grow by atomics, a task of a grid-stride loop.
#include <metal_stdlib>
#include <metal_compute>
using namespace metal;
using byte = char;
template <typename To, typename From> To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From), "the sizes differ");
  return *reinterpret_cast<thread const To *>(&from);
}
inline int floor_div(int a, int b) {
  const int q = a / b;
  return ((a < 0) != (b < 0) && a && q * b != a) ? q - 1 : q;
}
int32_t power_of(int32_t base, int32_t n) {
  int32_t result = 1;
  for (int32_t square = base; n; n >>= 1, square *= square) { if (n & 1) result *= square; }
  return result;
}
float add_to(device float *to, const float what) {
  float old;
  bool stored = false;
  do {
    old = *to;
    float sum = (old + what);
    stored = atomic_compare_exchange_weak_explicit((device atomic_int *)to, (thread int *)(&old), *((thread int *)(&sum)), metal::memory_order_relaxed,
                                                   metal::memory_order_relaxed);
  } while (!stored);
  return old;
}
struct RandomState { uint32_t seed; };
uint32_t next_random(device RandomState *state) {
  device uint *at = (device uint *)&(state->seed);
  for (;;) {
    uint32_t seen = *at;
    const uint32_t next = seen * 1103515245 + 12345;
    if (atomic_compare_exchange_weak_explicit((device atomic_uint *)at, &seen, next, metal::memory_order_relaxed, metal::memory_order_relaxed)) return next * 1000000007;
  }
}
constant constexpr int kElements = 64;
using Offset = int32_t;
struct Allocator { atomic_int next; static constexpr constant int kFirst = 8; static inline bool is_valid(Offset v) { return v >= kFirst; } };
struct ListData { int32_t stride = 0; int32_t log2_chunk = 0; atomic_int next; atomic_int chunks[4]; struct Reserved { int a; }; };
struct List {
  using Reserved = ListData::Reserved;
  device ListData *data; device Allocator *allocator;
  inline int count() { return atomic_load_explicit(&(data->next), metal::memory_order_relaxed); }
  template <typename T> void append(thread const T &element) {
    auto at = atomic_fetch_add_explicit(&data->next, 1, metal::memory_order_relaxed);
    atomic_fetch_add_explicit(data->chunks + (at & 3), bits_as<int32_t>(element), metal::memory_order_relaxed);
  }
};
struct Runtime { RandomState seeds[kElements]; ListData lists[2]; Allocator allocator; };
struct BitsAt { device uint32_t *word; uint32_t offset; BitsAt(device byte *b, uint32_t o) : word((device uint32_t *)b), offset(o) {} };
template <typename C> C read_bits(BitsAt p, uint32_t bits) {
  using U = typename metal::make_unsigned<C>::type;
  constexpr int N = sizeof(C) * 8;
  const U high = static_cast<U>(atomic_load_explicit((device atomic_uint *)p.word, metal::memory_order_relaxed) << (N - (p.offset + bits)));
  return (static_cast<C>(high) >> (N - bits));
}
class Place { public: Place(device byte *v) : val((device float *)v) {} device float *val; };
class Cell { private: device byte *addr_; public: Cell(device byte *a) : addr_(a) {} Place first() { return {addr_}; } Place second() { return {addr_ + 4}; } device byte *addr() { return addr_; } constant static constexpr int stride = 8; };
class Root { public: constant static constexpr int n = kElements; Root(device byte *addr, device Runtime *rt) : addr_(addr), rt_(rt) {} Cell children(int i) { return {addr_ + i * Cell::stride}; } inline void activate(int i) { (void)i; } inline int is_active(int i) { return (i & 1) == 0; } private: device byte *addr_; device Runtime *rt_; };
class Context { public: explicit Context(device byte *addr) : addr_(addr) {} device float *arg0() { return (device float *)(addr_ + 0); } int arg1() { return *(device int *)(addr_ + 4); } int32_t extra(int i, int j) { device int32_t *base = (device int32_t *)(addr_ + 8); return *(base + (i * 8) + j); } private: device byte *addr_; };
void task_body(device byte *root_addr, device byte *ctx_addr, device Runtime *runtime_, const int loop_index_, device RandomState *random_) {
  Root root(root_addr, runtime_);
  Context ctx(ctx_addr);
  const auto tmp1 = loop_index_;
  constexpr int32_t tmp2 = 7;
  const int32_t tmp3 = floor_div(tmp1 - 10, 4);
  const int32_t tmp4 = power_of(tmp3, 3);
  auto tmp5 = root.children(tmp1);
  device float *tmp6 = tmp5.first().val;
  const auto tmp7 = add_to(tmp6, static_cast<float>(tmp4) + *ctx.arg0());
  const auto tmp8 = (-(tmp7 < tmp2));
  { const auto tmp9 = next_random(random_) >> 30; *root.children(tmp1).second().val = static_cast<float>(tmp9) * ctx.extra(0, 1) + ctx.arg1(); }
  if (root.is_active(tmp1)) { List list; list.data = runtime_->lists + 1; list.allocator = &runtime_->allocator; list.append(tmp1); list.append(bits_as<uint32_t>(1)); }
  if (tmp8 == 0) { BitsAt bits(root_addr + tmp1 * 8, 21u); *tmp6 += read_bits<int>(bits, 5u); }
}
kernel void task_0003(device byte *runtime_addr [[buffer(0)]], device byte *root_addr [[buffer(1)]], device byte *ctx_addr [[buffer(2)]], const uint ugrid_size_ [[threads_per_grid]], const uint utid_ [[thread_position_in_grid]]) {
  device auto *runtime_ = reinterpret_cast<device Runtime *>(runtime_addr);
  device RandomState *random_ = reinterpret_cast<device RandomState *>(runtime_addr) + utid_;
  const int total = kElements;
  for (int loop_index_ = static_cast<int>(utid_); loop_index_ < total; loop_index_ += static_cast<int>(ugrid_size_)) task_body(root_addr, ctx_addr, runtime_, loop_index_, random_);
}
