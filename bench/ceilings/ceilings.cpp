#include "ceilings/ceilings.hpp"

#include <sched.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "ceilings/fma_peak.hpp"

namespace anymetal::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBytes = std::size_t{256} << 20;
constexpr std::size_t kFmaRounds = 2'000'000;
constexpr int kPasses = 5;

/// Best time of several passes in which all threads start `part(thread)` together, in seconds.
double best_seconds(unsigned threads, const std::function<void(unsigned)>& part) {
  std::barrier gate(static_cast<std::ptrdiff_t>(threads) + 1);
  std::vector<std::jthread> workers;
  for (unsigned t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (int pass = 0; pass < kPasses; ++pass) {
        gate.arrive_and_wait();
        part(t);
        gate.arrive_and_wait();
      }
    });
  }
  double best = 1e30;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto begin = Clock::now();
    gate.arrive_and_wait();
    gate.arrive_and_wait();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  return best;
}

/// Reads every byte once; the sum goes nowhere the compiler can see.
void read_all(std::span<const std::byte> bytes) {
  using Words = std::uint64_t __attribute__((vector_size(16)));
  constexpr std::size_t kChains = 8;
  Words sums[kChains]{};
  const auto* words = reinterpret_cast<const Words*>(bytes.data());
  for (std::size_t i = 0; i + kChains <= bytes.size() / sizeof(Words); i += kChains) {
    for (std::size_t k = 0; k < kChains; ++k) sums[k] += words[i + k];
  }
  Words total{};
  for (const Words& sum : sums) total += sum;
  asm volatile("" : : "m"(total));
}

struct AlignedDelete {
  void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{4096}); }
};
using AlignedBytes = std::unique_ptr<std::byte[], AlignedDelete>;

AlignedBytes allocate(std::size_t bytes) {
  AlignedBytes memory(static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{4096})));
  std::memset(memory.get(), 1, bytes);
  return memory;
}

/// Bytes of the arrays that each thread owns.
std::size_t share_of(unsigned threads) { return kBytes / threads / 4096 * 4096; }

std::span<std::byte> part_of(const AlignedBytes& memory, std::size_t share, unsigned thread) {
  return {memory.get() + thread * share, share};
}

}  // namespace

unsigned available_threads() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());
}

double measure_read(unsigned threads) {
  const AlignedBytes from = allocate(kBytes);
  const std::size_t share = share_of(threads);
  const double seconds = best_seconds(threads, [&](unsigned t) { read_all(part_of(from, share, t)); });
  return static_cast<double>(share) * threads * 1e-9 / seconds;
}

Ceilings measure_ceilings(unsigned threads) {
  Ceilings ceilings{threads, measure_read(threads), 0, 0};
  const AlignedBytes from = allocate(kBytes);
  const AlignedBytes to = allocate(kBytes);
  const std::size_t share = share_of(threads);
  const double seconds = best_seconds(
      threads, [&](unsigned t) { std::memcpy(part_of(to, share, t).data(), part_of(from, share, t).data(), share); });
  ceilings.copy_gigabytes_per_second = 2 * static_cast<double>(share) * threads * 1e-9 / seconds;
  const double operations = run_fma(kFmaRounds) * threads;
  ceilings.fma_gigaflops = operations * 1e-9 / best_seconds(threads, [](unsigned) { run_fma(kFmaRounds); });
  return ceilings;
}

}  // namespace anymetal::bench
