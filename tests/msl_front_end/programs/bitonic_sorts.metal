// Bitonic sorting networks: whole blocks in threadgroup memory, wide steps across dispatches, keys with values, any order.
#include <metal_stdlib>
using namespace metal;

template <typename K, typename V> struct KeyValue { K key; V value; };
template <typename K> struct Ascending { static METAL_FUNC bool before(K a, K b) { return a < b; } static constexpr constant bool stable = false; };
template <typename K> struct Descending { static METAL_FUNC bool before(K a, K b) { return b < a; } };

struct SortArguments { uint count, block, distance; };

template <typename T> METAL_FUNC void exchange(threadgroup T& a, threadgroup T& b) { T t = a; a = b; b = t; }
template <typename T> METAL_FUNC void exchange(device T& a, device T& b) { const T t = a; a = b, b = t; }

template <typename Item> METAL_FUNC auto key_of(Item i) { return i; }
template <typename K, typename V> METAL_FUNC K key_of(KeyValue<K, V> i) { return i.key; }
template <typename T> using key_t = decltype(key_of(T()));

template <typename T, template <typename> class Order, ushort THREADS = 64>
[[kernel]] void sort_block(device T* items [[buffer(0)]], constant SortArguments& args [[buffer(1)]], threadgroup T* shared [[threadgroup(0)]], uint group [[threadgroup_position_in_grid]], ushort t [[thread_position_in_threadgroup]]) {
  using Less = Order<key_t<T>>;
  device T* const mine = items + 2u * THREADS * group;
  shared[t] = mine[t];
  shared[t + THREADS] = mine[t + THREADS];
  for (ushort block = 2; block <= 2 * THREADS; block <<= 1) {
    for (ushort distance = block >> 1; distance; distance >>= 1) {
      threadgroup_barrier(mem_flags::mem_threadgroup);
      const ushort low = t & (distance - 1), i = ((t - low) << 1) | low, j = i + distance;
      const bool up = ((i + 2 * THREADS * group) & block & (2 * THREADS - 1)) == 0 && (block != 2 * THREADS || (group & 1) == 0);
      const auto a = key_of(T(shared[i])), b = key_of(T(shared[j]));
      if (up ? Less::before(b, a) : Less::before(a, b)) exchange(shared[i], shared[j]);
    }
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  mine[t] = shared[t];
  mine[t + THREADS] = shared[t + THREADS];
}

template <typename T, template <typename> class Order>
kernel void merge_step(device T* items [[buffer(0)]], constant SortArguments& args [[buffer(1)]], uint t [[thread_position_in_grid]]) {
  if (t >= args.count / 2) return;
  const uint low = t & (args.distance - 1), i = ((t - low) << 1) | low, j = i | args.distance;
  const bool up = (i & args.block) == 0;
  if (up == Order<key_t<T>>::before(key_of(T(items[j])), key_of(T(items[i])))) {
    if (key_of(T(items[i])) != key_of(T(items[j]))) exchange(items[i], items[j]);
  }
}

#define NAME2(a, b) a "_" b
#define SORTS(label, T, ...)                                                                                                                       \
  template [[host_name(NAME2("sort_block", label))]] [[kernel]] void sort_block<T, __VA_ARGS__>(device T*, constant SortArguments&, threadgroup T*, uint, ushort); \
  template [[host_name(NAME2("merge_step", label))]] kernel void merge_step<T, __VA_ARGS__>(device T*, constant SortArguments&, uint);
using FloatIndex = KeyValue<float, uint>;
SORTS("f32_up", float, Ascending)
SORTS("f32_index_down", FloatIndex, Descending)
SORTS("u8_up", uchar, Ascending)
SORTS("i64_down", long, Descending)
