#pragma once
/// \file
/// Attention in float64, for the results of attention ops.

#include <cmath>
#include <string>
#include <vector>

#include "cases/attention_reference.hpp"
#include "ops/ops_fixture.hpp"

namespace anymetal::test {

/// Extents and options of an attention.
struct Attended {
  std::size_t heads, kv_heads, dim, queries, keys, capacity;
  std::size_t ring_start = 0, window = 0;
  bool causal = true;
  double softcap = 0;
  bool mask = false, sinks = false;
};

class AttentionOps : public Ops {
 protected:
  /// Attention in float64. Rows of q: [query, head]; key(kv head, j) and value point to row j in the order of time.
  template <class Key, class Value>
  static std::vector<double> reference(const Attended& s, double scale, const std::vector<double>& q, Key key,
                                       Value value, const std::vector<double>& mask = {},
                                       const std::vector<double>& sinks = {}) {
    std::vector<double> out(q.size());
    const std::vector<double> nothing(s.dim);
    for (std::size_t row = 0; row < s.queries * s.heads; ++row) {
      const std::size_t query = row / s.heads, head = row % s.heads, kv = head / (s.heads / s.kv_heads);
      std::vector<double> scores(s.keys + 1, -cases::kInfinity);
      if (!sinks.empty()) scores[s.keys] = sinks[head];
      for (std::size_t j = 0; j < s.keys; ++j) {
        const std::size_t position = s.keys - s.queries + query;
        if ((s.causal && j > position) || (s.window > 0 && j + s.window <= position)) continue;
        const double product = cases::dot(&q[row * s.dim], key(kv, j), s.dim);
        scores[j] = cases::soft_capped(product * scale, s.softcap) + (mask.empty() ? 0 : mask[query * s.keys + j]);
      }
      cases::attend(
          scores, [&](std::size_t j) { return j == s.keys ? nothing.data() : value(kv, j); }, s.dim, &out[row * s.dim]);
    }
    return out;
  }
  static void expect_near(const std::vector<double>& actual, const std::vector<double>& expected, double tolerance,
                          const std::string& what) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], tolerance) << what << ' ' << i;
  }
};

}  // namespace anymetal::test
