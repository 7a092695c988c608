#pragma once
/// \file
/// The gated delta rule in float64, token by token (Yang et al., arXiv 2412.06464), and data for it.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "cases/problem.hpp"

namespace anymetal::cases {

/// Sizes of q, k [B, T, Hg, K], v [B, T, H, V], gates [B, T, H], states [B, H, V, K].
struct DeltaShape {
  std::size_t batches, tokens, key_heads, heads, key_dim, value_dim;

  [[nodiscard]] std::size_t keys() const { return batches * tokens * key_heads * key_dim; }
  [[nodiscard]] std::size_t gates() const { return batches * tokens * heads; }
  [[nodiscard]] std::size_t values() const { return gates() * value_dim; }
  [[nodiscard]] std::size_t states() const { return batches * heads * value_dim * key_dim; }
  [[nodiscard]] std::string label() const {
    return fmt::format("B={} T={} Hg={} H={} K={} V={}", batches, tokens, key_heads, heads, key_dim, value_dim);
  }
};

/// Which key head a head reads: in turn (h mod Hg), or in blocks (h / (H / Hg)).
enum class KeyHeads : std::uint8_t { Tiled, Blocks };

[[nodiscard]] inline std::size_t key_head(const DeltaShape& s, KeyHeads map, std::size_t head) {
  return map == KeyHeads::Tiled ? head % s.key_heads : head / (s.heads / s.key_heads);
}

struct DeltaInputs {
  std::vector<double> q, k, v, log_decay, beta, state;
};

struct DeltaOutputs {
  std::vector<double> out, state;
};

/// S = exp(log decay) S; S += beta (v - S k) k^T; o = S q, for every token in turn.
[[nodiscard]] inline DeltaOutputs gated_delta_rule(const DeltaShape& s, const DeltaInputs& in, KeyHeads map) {
  DeltaOutputs result = {std::vector<double>(s.values()), in.state};
  for (std::size_t b = 0; b < s.batches; ++b) {
    for (std::size_t t = 0; t < s.tokens; ++t) {
      for (std::size_t h = 0; h < s.heads; ++h) {
        const std::size_t token = b * s.tokens + t, at = token * s.heads + h;
        const std::size_t keys = (token * s.key_heads + key_head(s, map, h)) * s.key_dim;
        const double* k = in.k.data() + keys;
        const double* q = in.q.data() + keys;
        const double decay = std::exp(in.log_decay[at]);
        for (std::size_t y = 0; y < s.value_dim; ++y) {
          double* row = result.state.data() + ((b * s.heads + h) * s.value_dim + y) * s.key_dim;
          double prediction = 0, out = 0;
          for (std::size_t x = 0; x < s.key_dim; ++x) {
            row[x] *= decay;
            prediction += row[x] * k[x];
          }
          const double write = in.beta[at] * (in.v[at * s.value_dim + y] - prediction);
          for (std::size_t x = 0; x < s.key_dim; ++x) {
            row[x] += write * k[x];
            out += row[x] * q[x];
          }
          result.out[at * s.value_dim + y] = out;
        }
      }
    }
  }
  return result;
}

/// Rows of length 1 in random directions.
[[nodiscard]] inline std::vector<double> unit_rows(Random& random, std::size_t count, std::size_t dim) {
  const Fill fill = normal();
  std::vector<double> rows(count);
  for (std::size_t i = 0; i < count; ++i) rows[i] = fill(random, i);
  for (std::size_t base = 0; base < count; base += dim) {
    double squares = 0;
    for (std::size_t i = 0; i < dim; ++i) squares += rows[base + i] * rows[base + i];
    for (std::size_t i = 0; i < dim; ++i) rows[base + i] /= std::sqrt(squares);
  }
  return rows;
}

/// For errors that are measured against the tensor's largest value: Tolerance's `magnitude` then is a fraction of it.
[[nodiscard]] inline Expected against_peak(std::vector<double> values) {
  double peak = 0;
  for (const double v : values) peak = std::max(peak, std::fabs(v));
  std::vector<double> magnitude(values.size(), peak);
  return {std::move(values), std::move(magnitude)};
}

}  // namespace anymetal::cases
