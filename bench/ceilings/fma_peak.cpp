#include "ceilings/fma_peak.hpp"

namespace anymetal::bench {

namespace {

using Float4 = float __attribute__((vector_size(16)));
using Float8 = float __attribute__((vector_size(32)));
using Float16 = float __attribute__((vector_size(64)));

/// `Chains` independent accumulators, one register each, hide the latency of the multiply-add.
template <class Vector, std::size_t Chains>
[[gnu::always_inline]] inline double multiply_add(std::size_t rounds) {
  Vector sums[Chains];
  for (std::size_t i = 0; i < Chains; ++i) sums[i] = Vector{} + static_cast<float>(i);
  Vector factor = Vector{} + 0.999F;
  Vector term = Vector{} + 0.001F;
  asm volatile("" : "+m"(factor), "+m"(term));  // the values are unknown to the compiler
  const Vector f = factor;
  const Vector t = term;
  for (std::size_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (std::size_t i = 0; i < Chains; ++i) sums[i] = sums[i] * f + t;
  }
  Vector total{};
  for (const Vector& sum : sums) total += sum;
  asm volatile("" : : "m"(total));
  return static_cast<double>(rounds) * Chains * (sizeof(Vector) / sizeof(float)) * 2;
}

#if defined(__x86_64__)
[[gnu::target("avx512f")]] double run_avx512(std::size_t rounds) { return multiply_add<Float16, 12>(rounds); }
[[gnu::target("avx2,fma")]] double run_avx2(std::size_t rounds) { return multiply_add<Float8, 12>(rounds); }
#endif
double run_baseline(std::size_t rounds) { return multiply_add<Float4, 12>(rounds); }

}  // namespace

double run_fma(std::size_t rounds) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return run_avx512(rounds);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return run_avx2(rounds);
#endif
  return run_baseline(rounds);
}

}  // namespace anymetal::bench
