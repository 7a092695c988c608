// A table with open addressing, keys claimed by compare-exchange; counts, 64-bit minima and look-ups; a Bloom filter.
#include <metal_stdlib>
#include <metal_atomic>
using namespace metal;

namespace hashing {
enum class probe : uint { linear, quadratic };
constant constexpr static const uint kEmpty = 0xffffffffu;
struct murmur { static inline uint mix(uint h) { h ^= h >> 16; h *= 0x85ebca6bu; h ^= h >> 13; h *= 0xc2b2ae35u; return h ^ (h >> 16); } };
struct fibonacci { static inline uint mix(uint h) { return uint((ulong(h) * 11400714819323198485ul) >> 32); } };

template <typename Hash, probe P, ushort LOG2>
class Table {
 public:
  static constexpr constant uint capacity = 1u << LOG2, mask = capacity - 1;
  Table(device atomic_uint* keys) : keys_(keys) {}
  /// Slot of the key, or capacity where the table is full.
  uint insert(uint key) thread const {
    for (uint n = 0, at = Hash::mix(key) & mask; n < capacity; at = next(at, ++n)) {
      uint expected = kEmpty;
      while (!atomic_compare_exchange_weak_explicit(keys_ + at, &expected, key, memory_order_relaxed, memory_order_relaxed) && expected == kEmpty);
      if (expected == kEmpty || expected == key) return at;
    }
    return capacity;
  }
  uint find(uint key) const {
    for (uint n = 0, at = Hash::mix(key) & mask; n < capacity; at = next(at, ++n)) {
      const uint held = atomic_load_explicit(&keys_[at], memory_order_relaxed);
      if (held == key) return at;
      if (held == kEmpty) break;
    }
    return capacity;
  }

 private:
  static uint next(uint at, uint n) {
    switch (P) {
      case probe::linear: return (at + 1) & mask;
      case probe::quadratic: return (at + n) & mask;
    }
    return at;
  }
  device atomic_uint* keys_;
};
}  // namespace hashing

using Words = hashing::Table<hashing::murmur, hashing::probe::quadratic, 10>;
using Ids = hashing::Table<hashing::fibonacci, hashing::probe::linear, 10>;

template <typename Table>
kernel void tally(device atomic_uint* keys [[buffer(0)]], device atomic<int>* counts [[buffer(1)]], device atomic_ulong* first [[buffer(2)]], device const uint* items [[buffer(3)]], constant uint& n [[buffer(4)]],
                  uint i [[thread_position_in_grid]]) {
  if (i >= n) return;
  const Table table(keys);
  const uint slot = table.insert(items[i]);
  if (slot == Table::capacity) return;
  atomic_fetch_add_explicit(&counts[slot], 1, memory_order_relaxed);
  atomic_min_explicit(first + slot, (ulong(items[i]) << 32) | i, memory_order_relaxed);
}
template [[host_name("tally_words")]] kernel void tally<Words>(device atomic_uint*, device atomic<int>*, device atomic_ulong*, device const uint*, constant uint&, uint);
template [[host_name("tally_ids")]] kernel void tally<Ids>(device atomic_uint*, device atomic<int>*, device atomic_ulong*, device const uint*, constant uint&, uint);

kernel void look_up(device atomic_uint* keys [[buffer(0)]], device const int* counts [[buffer(1)]], device const uint* wanted [[buffer(2)]], device int* out [[buffer(3)]], uint i [[thread_position_in_grid]]) {
  const uint slot = Words(keys).find(wanted[i]);
  out[i] = slot < Words::capacity ? counts[slot] : -1;
}

kernel void bloom_add(device atomic_uint* bits [[buffer(0)]], device const uint* items [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  const uint h[] = {hashing::murmur::mix(items[i]) % 4096u, hashing::fibonacci::mix(items[i]) % 4096u, hashing::murmur::mix(~items[i]) % 4096u};
  for (auto bit : h) atomic_fetch_or_explicit(bits + bit / 32, 1u << (bit % 32), memory_order_relaxed);
}
kernel void bloom_count(device const uint* bits [[buffer(0)]], device uint* out [[buffer(1)]], uint i [[thread_index_in_threadgroup]]) {
  threadgroup atomic_uint total;
  if (i == 0) atomic_store_explicit(&total, 0u, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const uint mine = popcount(bits[2 * i]) + popcount(bits[2 * i + 1]);
  if (auto sum = simd_sum(mine); simd_is_first()) atomic_fetch_add_explicit(&total, sum, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (i == 0) *out = atomic_load_explicit(&total, memory_order_relaxed);
}
