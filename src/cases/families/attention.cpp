// Attention with masks, caps, sinks and rings over caches of every type: kernels/attention/attention.metal.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

#include "cases/attention_reference.hpp"
#include "cases/case_list.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr std::uint32_t u32(std::size_t v) { return static_cast<std::uint32_t>(v); }

struct Params {
  std::uint32_t heads, kv_heads, dim, queries, keys, capacity, ring_start, causal, window;
  float scale, softcap;
  std::uint32_t has_mask, mask_head_stride, has_sinks;
};
static_assert(sizeof(Params) == 56);

enum class Mask : std::uint8_t { None, Shared, PerHead };

struct Setup {
  std::size_t heads, kv_heads, dim, queries, keys, capacity;
  std::size_t ring_start = 0, window = 0;
  bool causal = true;
  double softcap = 0;
  Mask mask = Mask::None;
  bool sinks = false;
  double deviation = 1;  ///< of the queries
  bool poison = false;   ///< some keys and values are NaN; queries that do not see them must not show it
  Purpose purpose = Purpose::Test;

  [[nodiscard]] std::size_t slot(std::size_t key) const { return (ring_start + key) % capacity; }
  /// The last key, which only the last query sees; the first, which is left behind by windows; one that masks hide.
  [[nodiscard]] bool is_poisoned(std::size_t key) const {
    return poison && (key + 1 == keys || (window > 0 && key == 0) || (mask != Mask::None && key == keys / 2));
  }
};

/// A cache whose slots without key, and poisoned ones, hold NaN, which shows where it is used. Blocks hold it in their
/// scale.
Values cache(Problem& p, unsigned index, DType type, const Setup& s) {
  std::vector<std::byte> bytes;
  const Fill fill = normal();
  for (std::size_t row = 0; row < s.kv_heads * s.capacity; ++row) {
    const std::size_t key = (row % s.capacity + s.capacity - s.ring_start % s.capacity) % s.capacity;
    Values values(s.dim);
    for (std::size_t d = 0; d < s.dim; ++d) values[d] = fill(p.random(), d);
    auto encoded = encode(type, values);
    if (key >= s.keys || s.is_poisoned(key)) std::ranges::fill(encoded, std::byte{0xff});
    bytes.insert(bytes.end(), encoded.begin(), encoded.end());
  }
  return p.input_bytes(index, type, std::move(bytes));
}

Values mask_of(Problem& p, const Setup& s) {
  const std::size_t heads = s.mask == Mask::PerHead ? s.heads : s.mask == Mask::Shared ? 1 : 0;
  Values mask(heads * s.queries * s.keys);
  for (std::size_t i = 0; i < mask.size(); ++i) {
    // Some keys hidden, the last query sees nothing.
    const bool hidden = i / s.keys % s.queries == s.queries - 1 || p.random().below(3) == 0;
    mask[i] = hidden ? -kInfinity : 2 * p.random().unit() - 1;
  }
  return mask;
}

void build(Problem& p, DType type, const Setup& s) {
  const float scale = 1 / std::sqrt(static_cast<float>(s.dim)), softcap = static_cast<float>(s.softcap);
  p.value(0, Params{u32(s.heads), u32(s.kv_heads), u32(s.dim), u32(s.queries), u32(s.keys), u32(s.capacity),
                    u32(s.ring_start), s.causal, u32(s.window), scale, softcap, s.mask != Mask::None,
                    s.mask == Mask::PerHead ? u32(s.queries * s.keys) : 0, s.sinks});
  const auto q = p.input(1, DType::F32, s.queries * s.heads * s.dim, normal(0, s.deviation));
  const auto keys = cache(p, 2, type, s), values = cache(p, 3, type, s);
  const auto out = p.output(4, DType::F32, q.size());
  const Values own_mask = mask_of(p, s);
  const Values mask = p.input(5, DType::F32, own_mask.empty() ? Values{0} : own_mask);
  const Values sinks = p.input(6, DType::F32, s.sinks ? s.heads : 1, normal(0, 2));
  p.threadgroups({s.heads + p.spare(1), s.queries}, {32});  // a head more than there is: it must do nothing
  p.flops(4.0 * static_cast<double>(s.heads * s.queries) * static_cast<double>(s.keys * s.dim) *
          (s.causal && s.queries == s.keys ? 0.5 : 1.0));
  p.expect(out, {.absolute = 1.6e-6, .relative = 2e-6}, [=] {
    Values expected(q.size());
    for (std::size_t row = 0; row < s.queries * s.heads; ++row) {
      const std::size_t query = row / s.heads, head = row % s.heads;
      const std::size_t base = head / (s.heads / s.kv_heads) * s.capacity;
      // A sink is a key that is seen by all and whose value is zero.
      Values scores(s.keys + 1, -kInfinity);
      const Values nothing(s.dim);
      if (s.sinks) scores[s.keys] = sinks[head];
      for (std::size_t j = 0; j < s.keys; ++j) {
        if (s.causal && j + s.queries > s.keys + query) continue;
        if (s.window > 0 && j + s.window + s.queries <= s.keys + query) continue;
        const double bias = s.mask == Mask::Shared    ? mask[query * s.keys + j]
                            : s.mask == Mask::PerHead ? mask[(head * s.queries + query) * s.keys + j]
                                                      : 0;
        if (bias == -kInfinity) continue;
        const double product = dot(&q[row * s.dim], &keys[(base + s.slot(j)) * s.dim], s.dim);
        scores[j] = soft_capped(product * static_cast<double>(scale), s.softcap) + bias;
      }
      attend(
          scores, [&](std::size_t j) { return j == s.keys ? nothing.data() : &values[(base + s.slot(j)) * s.dim]; },
          s.dim, &expected[row * s.dim]);
    }
    return expected;
  });
}

}  // namespace

void attention_cases(CaseList& list) {
  const std::array setups = {
      Setup{1, 1, 32, 1, 1, 1},
      Setup{.heads = 4, .kv_heads = 2, .dim = 64, .queries = 33, .keys = 45, .capacity = 50},
      Setup{.heads = 3, .kv_heads = 1, .dim = 96, .queries = 5, .keys = 33, .capacity = 33, .causal = false},
      Setup{.heads = 2, .kv_heads = 2, .dim = 128, .queries = 7, .keys = 100, .capacity = 101, .window = 17},
      Setup{.heads = 2, .kv_heads = 1, .dim = 64, .queries = 40, .keys = 40, .capacity = 40, .window = 1},
      Setup{.heads = 2,
            .kv_heads = 1,
            .dim = 192,
            .queries = 3,
            .keys = 70,
            .capacity = 70,
            .softcap = 5,
            .deviation = 6},
      Setup{.heads = 4, .kv_heads = 2, .dim = 64, .queries = 6, .keys = 65, .capacity = 66, .sinks = true},
      Setup{.heads = 4, .kv_heads = 2, .dim = 64, .queries = 6, .keys = 65, .capacity = 66, .mask = Mask::Shared},
      Setup{.heads = 2,
            .kv_heads = 1,
            .dim = 64,
            .queries = 9,
            .keys = 64,
            .capacity = 64,
            .mask = Mask::PerHead,
            .sinks = true},
      Setup{.heads = 2,
            .kv_heads = 1,
            .dim = 256,
            .queries = 4,
            .keys = 64,
            .capacity = 64,
            .ring_start = 50,
            .window = 40},
      Setup{.heads = 2,
            .kv_heads = 1,
            .dim = 64,
            .queries = 1,
            .keys = 37,
            .capacity = 64,
            .ring_start = 40,
            .softcap = 30,
            .sinks = true},
      Setup{.heads = 2, .kv_heads = 1, .dim = 512, .queries = 2, .keys = 97, .capacity = 99},
      // More queries than keys: the first ones see nothing.
      Setup{.heads = 2, .kv_heads = 1, .dim = 64, .queries = 12, .keys = 5, .capacity = 8},
      // Many queries, of which the last few are taken otherwise, with everything at once; and without an order of time.
      Setup{.heads = 2,
            .kv_heads = 1,
            .dim = 96,
            .queries = 47,
            .keys = 130,
            .capacity = 150,
            .ring_start = 100,
            .window = 50,
            .softcap = 5,
            .mask = Mask::PerHead,
            .sinks = true,
            .deviation = 3},
      Setup{.heads = 2,
            .kv_heads = 2,
            .dim = 32,
            .queries = 65,
            .keys = 77,
            .capacity = 77,
            .window = 30,
            .causal = false,
            .mask = Mask::Shared},
      // Keys and values that are NaN, hidden by the order of time, a window, a mask.
      Setup{.heads = 2, .kv_heads = 1, .dim = 64, .queries = 40, .keys = 70, .capacity = 72, .poison = true},
      Setup{.heads = 2,
            .kv_heads = 1,
            .dim = 96,
            .queries = 33,
            .keys = 90,
            .capacity = 90,
            .window = 80,
            .mask = Mask::PerHead,
            .poison = true},
      Setup{.heads = 2,
            .kv_heads = 1,
            .dim = 64,
            .queries = 5,
            .keys = 37,
            .capacity = 37,
            .mask = Mask::Shared,
            .poison = true},
      Setup{
          .heads = 1, .kv_heads = 1, .dim = 64, .queries = 2, .keys = 8192, .capacity = 8192, .purpose = Purpose::Full},
      Setup{.heads = 8,
            .kv_heads = 2,
            .dim = 128,
            .queries = 32,
            .keys = 512,
            .capacity = 512,
            .purpose = Purpose::Benchmark},
      Setup{.heads = 2,
            .kv_heads = 1,
            .dim = 128,
            .queries = 2048,
            .keys = 2048,
            .capacity = 2048,
            .purpose = Purpose::Benchmark},
      Setup{.heads = 2,
            .kv_heads = 1,
            .dim = 256,
            .queries = 2048,
            .keys = 2048,
            .capacity = 2048,
            .purpose = Purpose::Benchmark},
  };
  for (const DType type : {DType::F32, DType::F16, DType::BF16, DType::Q8_0}) {
    for (const Setup& s : setups) {
      list.add(
          fmt::format("attention_{}kv", ops::name(type)),
          fmt::format("H={}/{} D={} q={} k={} cap={} ring={} window={}{}{}{}{}{}", s.heads, s.kv_heads, s.dim,
                      s.queries, s.keys, s.capacity, s.ring_start, s.window, s.causal ? "" : " all",
                      s.softcap > 0 ? " capped" : "",
                      s.mask == Mask::None     ? ""
                      : s.mask == Mask::Shared ? " mask"
                                               : " masks",
                      s.sinks ? " sinks" : "", s.poison ? " nan" : ""),
          [=](Problem& p) { build(p, type, s); }, s.purpose);
    }
  }
}

}  // namespace anymetal::cases
