// Writing keys and values into caches: kernels/attention/kv_cache_copy.metal.
#include <fmt/format.h>

#include <array>
#include <string>

#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

constexpr std::uint32_t u32(std::size_t v) { return static_cast<std::uint32_t>(v); }

struct Tokens {
  std::size_t write_pos, row, n_new, capacity;
  bool sliding;
  Purpose purpose = Purpose::Test;
};

void token_major(CaseList& list, std::string_view kernel, DType dtype) {
  const std::array setups = {Tokens{0, 1, 1, 1, false},
                             Tokens{3, 37, 4, 7, false},
                             Tokens{5, 64, 4, 7, true},
                             Tokens{900, 33, 7, 7, true},
                             Tokens{2, 40, 9, 4, true},
                             Tokens{6, 16, 3, 8, false},
                             Tokens{500, 8192, 512, 2048, true, Purpose::Benchmark},
                             Tokens{500, 8192, 4096, 8192, true, Purpose::LargeBenchmark}};
  for (const Tokens& s : setups) {
    list.add(
        kernel,
        fmt::format("at={} row={} new={} cap={}{}", s.write_pos, s.row, s.n_new, s.capacity, s.sliding ? " ring" : ""),
        [=](Problem& p) {
          const Fill bits = dtype == DType::U16 ? integers(0, 65535) : normal();
          const auto src = p.input(0, dtype, s.n_new * s.row, bits);
          Values cache;
          const auto out = p.inout(1, dtype, s.capacity * s.row, bits, cache);
          for (unsigned i = 0; i < 5; ++i) {
            p.value(2 + i, std::array{u32(s.write_pos), u32(s.row), u32(s.n_new), u32(s.capacity), u32(s.sliding)}[i]);
          }
          p.threads({s.n_new * s.row}, {flat_threads(s.n_new * s.row)});
          p.traffic(2.0 * static_cast<double>(ops::bytes_of(dtype, s.n_new * s.row)));
          p.expect(out, Tolerance::exact(), [=] {
            Values expected = cache;
            for (std::size_t t = 0; t < s.n_new; ++t) {  // in order: a later token wins its slot
              const std::size_t slot = s.sliding ? (s.write_pos + t) % s.capacity : s.write_pos + t;
              if (slot >= s.capacity) continue;
              for (std::size_t e = 0; e < s.row; ++e) expected[slot * s.row + e] = src[t * s.row + e];
            }
            return expected;
          });
        },
        s.purpose);
  }
}

struct Heads {
  std::size_t heads, dim, capacity, start, tokens, offset;
  Purpose purpose = Purpose::Test;
};

/// One position (kernels without a token count) or many; single or keys and values together.
void head_major(CaseList& list, const std::string& kernel, DType from, DType to, bool many, bool dual) {
  const std::array setups = {Heads{1, 1, 1, 0, 1, 0},
                             Heads{2, 64, 9, 8, 1, 0},
                             Heads{3, 37, 5, 2, 3, 2},
                             Heads{1, 256, 7, 5, 4, 0},
                             Heads{4, 300, 4, 1000, 4, 1},
                             Heads{2, 33, 3, 1, 8, 0},
                             Heads{64, 128, 2048, 500, 512, 0, Purpose::Benchmark},
                             Heads{64, 256, 16, 7, 1, 0, Purpose::Benchmark},
                             Heads{64, 128, 4096, 500, 2048, 0, Purpose::LargeBenchmark}};
  for (const Heads& s : setups) {
    if (!many && (s.tokens != 1 || s.start >= s.capacity)) continue;
    if (many && s.purpose == Purpose::Benchmark && s.tokens == 1) continue;
    list.add(
        kernel,
        fmt::format("H={} D={} cap={} at={} new={} from={}", s.heads, s.dim, s.capacity, s.start, s.tokens, s.offset),
        [=](Problem& p) {
          const unsigned copies = dual ? 2 : 1;
          const std::size_t src_n = (s.offset + s.tokens) * s.heads * s.dim, cache_n = s.heads * s.capacity * s.dim;
          for (unsigned copy = 0; copy < copies; ++copy) {
            const auto src = p.input(copy, from, src_n, normal());
            Values cache;
            const auto out = p.inout(copies + copy, to, cache_n, normal(), cache);
            p.expect(out, Tolerance::exact(), [=] {
              const Values rounded = decode(to, encode(to, src));
              Values expected = cache;
              for (std::size_t t = 0; t < s.tokens; ++t) {
                for (std::size_t h = 0; h < s.heads; ++h) {
                  for (std::size_t e = 0; e < s.dim; ++e) {
                    expected[(h * s.capacity + (s.start + t) % s.capacity) * s.dim + e] =
                        rounded[((s.offset + t) * s.heads + h) * s.dim + e];
                  }
                }
              }
              return expected;
            });
          }
          unsigned index = 2 * copies;
          for (const std::size_t v : {s.heads, s.dim, s.capacity, s.start}) p.value(index++, u32(v));
          if (many) {
            p.value(index++, u32(s.tokens));
            p.value(index++, u32(s.offset));
          }
          p.threads({s.dim, s.heads, many ? s.tokens : 1}, {flat_threads(s.dim)});
          const std::size_t copied = copies * s.tokens * s.heads * s.dim;
          p.traffic(static_cast<double>(ops::bytes_of(from, copied) + ops::bytes_of(to, copied)));
        },
        s.purpose);
  }
}

}  // namespace

void kv_cache_copy_cases(CaseList& list) {
  token_major(list, "kv_cache_copy", DType::U16);
  token_major(list, "kv_cache_copy_f32", DType::F32);
  for (const bool half : {false, true}) {
    const DType to = half ? DType::F16 : DType::F32;
    const std::string suffix = half ? "f32_to_f16" : "f32";
    head_major(list, "kv_cache_copy_batch_" + suffix, DType::F32, to, false, false);
    head_major(list, "kv_cache_copy_batch_" + suffix + "_kv_dual", DType::F32, to, false, true);
    head_major(list, "kv_cache_copy_seq_" + suffix, DType::F32, to, true, false);
    head_major(list, "kv_cache_copy_seq_" + suffix + "_kv_dual", DType::F32, to, true, true);
  }
  head_major(list, "kv_cache_copy_seq_f32_to_bf16", DType::F32, DType::BF16, true, false);
  head_major(list, "kv_cache_copy_seq_bf16", DType::BF16, DType::F32, true, false);
}

}  // namespace anymetal::cases
