// Products with experts' and affine matrices by their ops: what each refuses, and results against float64.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "cases/affine.hpp"
#include "ops/affine.hpp"
#include "ops/experts.hpp"
#include "ops/matmul.hpp"
#include "ops/mistakes.hpp"
#include "ops/ops_fixture.hpp"

namespace {

using namespace anymetal;
using ops::DType;
using ops::Tensor;
using test::Fixture;
using test::Mistake;
using Values = std::vector<double>;

ops::AffineMatrix affine(const Fixture& f, DType scales, std::size_t bits, std::size_t columns, std::size_t group) {
  const std::size_t groups = columns / group;
  const std::size_t bytes = scales == DType::F32 ? columns * bits / 8 : cases::affine_row_bytes(columns, bits);
  return {f.of(DType::U8, {8, bytes}), f.of(scales, {8, groups}), f.of(scales, {8, groups}), columns, group, bits};
}

const Mistake kProductMistakes[] = {
    {"mul_mat_id: weight is q8_0[8, 64], must be [experts, N, K] of dense matrices",
     [](Fixture& f) {
       return ops::mul_mat_id(f.context, f.of(DType::Q8_0, {8, 64}), f.f32({2, 64}), f.of(DType::U32, {2, 3}),
                              f.f32({2, 3, 8}));
     }},
    {"mul_mat_id: no kernel for f32 weights",
     [](Fixture& f) {
       return ops::mul_mat_id(f.context, f.f32({2, 8, 64}), f.f32({2, 64}), f.of(DType::U32, {2, 3}), f.f32({2, 3, 8}));
     }},
    {"mul_mat_id: row of 64 elements is no multiple of the 256-element blocks of q4_K",
     [](Fixture& f) {
       return ops::mul_mat_id(f.context, f.of(DType::Q4_K, {2, 8, 64}), f.f32({2, 64}), f.of(DType::U32, {2, 3}),
                              f.f32({2, 3, 8}));
     }},
    {"mul_mat_id: x is f32[3, 64], must be [2, 64]",
     [](Fixture& f) {
       return ops::mul_mat_id(f.context, f.of(DType::Q8_0, {2, 8, 64}), f.f32({3, 64}), f.of(DType::U32, {2, 3}),
                              f.f32({2, 3, 8}));
     }},
    {"mul_mat_id: out is f32[2, 8], must be [2, 3, 8]",
     [](Fixture& f) {
       return ops::mul_mat_id(f.context, f.of(DType::Q8_0, {2, 8, 64}), f.f32({2, 64}), f.of(DType::U32, {2, 3}),
                              f.f32({2, 8}));
     }},
    {"mul_mat_id: ids is i32, must be u32",
     [](Fixture& f) {
       return ops::mul_mat_id(f.context, f.of(DType::Q8_0, {2, 8, 64}), f.f32({2, 64}), f.of(DType::I32, {2, 3}),
                              f.f32({2, 3, 8}));
     }},
    {"mul_mat_id: scratch has 5 elements, must have 6",
     [](Fixture& f) {
       return ops::mul_mat_id(f.context, f.of(DType::Q8_0, {2, 8, 64}), f.f32({2, 64}), f.of(DType::U32, {2, 3}),
                              f.f32({2, 3, 8}), f.of(DType::U32, {5}));
     }},
    {"mul_mat_id: experts lie 256 elements apart, must be whole blocks and at least 512",
     [](Fixture& f) {
       Tensor weight = f.of(DType::Q8_0, {2, 8, 64});
       weight.stride[0] = 256;
       return ops::mul_mat_id(f.context, weight, f.f32({2, 64}), f.of(DType::U32, {2, 3}), f.f32({2, 3, 8}));
     }},
    {"mul_mat_id_swiglu: weight is q8_0, must be q4_0",
     [](Fixture& f) {
       return ops::mul_mat_id_swiglu(f.context, f.of(DType::Q8_0, {2, 8, 64}), f.f32({2, 3, 64}), f.f32({2, 3, 64}),
                                     f.of(DType::U32, {2, 3}), f.f32({2, 3, 8}));
     }},
    {"mul_mat_id_swiglu: gate is f32[2, 64], must be [2, 3, 64]",
     [](Fixture& f) {
       return ops::mul_mat_id_swiglu(f.context, f.of(DType::Q4_0, {2, 8, 64}), f.f32({2, 64}), f.f32({2, 64}),
                                     f.of(DType::U32, {2, 3}), f.f32({2, 3, 8}));
     }},
    {"mul_mat_affine: no kernel for codes of 5 bits",
     [](Fixture& f) {
       ops::AffineMatrix weight = affine(f, DType::BF16, 4, 64, 32);
       weight.bits = 5;
       return ops::mul_mat_affine(f.context, weight, f.f32({2, 64}), f.f32({2, 8}));
     }},
    {"mul_mat_affine: codes are u8[8, 32], rows of 64 codes of 6 bits have 48 bytes",
     [](Fixture& f) {
       ops::AffineMatrix weight = affine(f, DType::BF16, 4, 64, 32);
       weight.bits = 6;
       return ops::mul_mat_affine(f.context, weight, f.f32({2, 64}), f.f32({2, 8}));
     }},
    {"mul_mat_affine: scales are bf16[8, 2], must be 4 for 8 rows",
     [](Fixture& f) {
       ops::AffineMatrix weight = affine(f, DType::BF16, 4, 64, 32);
       weight.group = 16;
       return ops::mul_mat_affine(f.context, weight, f.f32({2, 64}), f.f32({2, 8}));
     }},
    {"mul_mat_affine: codes start at byte 2, must be a multiple of 4",
     [](Fixture& f) {
       ops::AffineMatrix weight = affine(f, DType::BF16, 8, 64, 32);
       weight.codes.offset = 2;
       return ops::mul_mat_affine(f.context, weight, f.f32({2, 64}), f.f32({2, 8}));
     }},
    {"mul_mat_affine: no kernel for bf16 x and f32 scales",
     [](Fixture& f) {
       return ops::mul_mat_affine(f.context, affine(f, DType::F32, 8, 64, 32), f.of(DType::BF16, {2, 64}),
                                  f.of(DType::BF16, {2, 8}));
     }},
    {"mul_mat_affine: no kernel for codes of 4 bits in groups of 16 with f32 scales",
     [](Fixture& f) {
       return ops::mul_mat_affine(f.context, affine(f, DType::F32, 4, 64, 16), f.f32({2, 64}), f.f32({2, 8}));
     }},
    {"mul_mat_affine: x is f32[2, 32], must be [M, 64]",
     [](Fixture& f) {
       return ops::mul_mat_affine(f.context, affine(f, DType::BF16, 4, 64, 32), f.f32({2, 32}), f.f32({2, 8}));
     }},
    {"mul_mat_affine: out is f32[2, 9], must be [2, 8]",
     [](Fixture& f) {
       return ops::mul_mat_affine(f.context, affine(f, DType::BF16, 4, 64, 32), f.f32({2, 64}), f.f32({2, 9}));
     }},
    {"mul_mat_affine_id: codes are u8[8, 32], must have 3 axes",
     [](Fixture& f) {
       return ops::mul_mat_affine_id(f.context, affine(f, DType::BF16, 4, 64, 32), f.f32({2, 64}),
                                     f.of(DType::U32, {2, 1}), f.f32({2, 1, 8}));
     }},
    {"embedding_affine: scales are f32, must be bf16",
     [](Fixture& f) {
       return ops::embedding_affine(f.context, affine(f, DType::F32, 4, 64, 32), f.of(DType::U32, {3}), f.f32({3, 64}));
     }},
};

class ProductMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(ProductMistakes, IsAnErrorThatNamesIt) { test::expect_refusal(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, ProductMistakes, testing::ValuesIn(kProductMistakes));

class ProductOps : public test::Ops {
 protected:
  /// Element (row, n) is the product of vectors of k elements that `a(row)` and `b(row, n)` point to; b may be null: 0.
  template <class A, class B>
  static void expect_products(const Values& y, std::size_t rows, std::size_t n, std::size_t k, A a, B b, double part,
                              const std::string& what) {
    ASSERT_EQ(y.size(), rows * n);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double *left = a(i / n), *right = b(i / n, i % n);
      double sum = 0, absolute = 0;
      for (std::size_t j = 0; right != nullptr && j < k; ++j) {
        sum += left[j] * right[j];
        absolute += std::fabs(left[j] * right[j]);
      }
      ASSERT_NEAR(y[i], sum, part * absolute + 1e-6) << what << " element " << i;
    }
  }
};

TEST_F(ProductOps, MatricesOfEveryTypeAndBatch) {
  struct Shape {
    std::size_t matrices, sharing, m;
  };
  for (const DType type :
       {DType::F32, DType::F16, DType::BF16, DType::Q4_0, DType::Q4_1, DType::Q5_0, DType::Q5_1, DType::Q8_0,
        DType::IQ4_NL, DType::MXFP4, DType::Q2_K, DType::Q3_K, DType::Q4_K, DType::Q5_K, DType::Q6_K, DType::IQ4_XS}) {
    for (const Shape& s : {Shape{1, 1, 1}, Shape{1, 1, 5}, Shape{1, 1, 40}, Shape{2, 3, 1}, Shape{2, 3, 9}}) {
      const std::size_t batches = s.matrices * s.sharing, n = 7, k = 256, rows = batches * s.m;
      Values w = random(s.matrices * n * k), x = random(rows * k);
      const Buffer weight = upload(type, w), input = upload(DType::F32, x), out = *device_->make_buffer(rows * n * 4);
      run([&](ops::Context& context) {
        return ops::mul_mat(context, Tensor::of(weight, type, {s.matrices, n, k}),
                            Tensor::of(input, DType::F32, {batches, s.m, k}),
                            Tensor::of(out, DType::F32, {batches, s.m, n}));
      });
      expect_products(
          download(out), rows, n, k, [&](std::size_t row) { return &x[row * k]; },
          [&](std::size_t row, std::size_t column) { return &w[(row / s.m / s.sharing * n + column) * k]; },
          type == DType::BF16 ? 0x1p-8 : 0x1p-9, std::string(ops::name(type)));
    }
  }
}

TEST_F(ProductOps, MatricesAllOfF16) {
  for (const std::size_t m : {1u, 37u}) {
    const std::size_t n = 33, k = 50;
    Values w = random(n * k), x = random(m * k);
    const Buffer weight = upload(DType::F16, w), input = upload(DType::F16, x), out = *device_->make_buffer(m * n * 2);
    run([&](ops::Context& context) {
      return ops::mul_mat(context, Tensor::of(weight, DType::F16, {n, k}), Tensor::of(input, DType::F16, {m, k}),
                          Tensor::of(out, DType::F16, {m, n}));
    });
    expect_products(
        download(out, DType::F16), m, n, k, [&](std::size_t row) { return &x[row * k]; },
        [&](std::size_t, std::size_t column) { return &w[column * k]; }, 0x1p-10, "f16");
  }
}

TEST_F(ProductOps, ExpertsOfEveryType) {
  for (const DType type : {DType::Q4_0, DType::Q4_1, DType::Q5_0, DType::Q5_1, DType::Q8_0, DType::IQ4_NL, DType::MXFP4,
                           DType::Q2_K, DType::Q3_K, DType::Q4_K, DType::Q5_K, DType::Q6_K, DType::IQ4_XS}) {
    struct Shape {
      std::size_t tokens, slots;
      bool sorted;
    };
    for (const Shape& s : {Shape{3, 2, false}, Shape{33, 8, true}, Shape{40, 1, true}}) {
      const std::size_t experts = 9, n = 5, k = 256, spare = s.sorted ? 0 : 2;
      Values w = random(experts * (n + spare) * k), x = random(s.tokens * k), table(s.tokens * s.slots);
      for (std::size_t i = 0; i < table.size(); ++i) {
        // Distinct experts for each token; where nothing is sorted, some that do not exist.
        const std::size_t first = i / s.slots * 5 + 2;
        table[i] = static_cast<double>((first + i % s.slots) % (s.sorted ? experts : experts + 2));
      }
      const Buffer weight = upload(type, w), input = upload(DType::F32, x), ids = upload(DType::U32, table),
                   out = *device_->make_buffer(table.size() * n * 4),
                   scratch = *device_->make_buffer(ops::expert_scratch_elements(experts, s.tokens) * 4);
      run([&](ops::Context& context) {
        Tensor matrices = Tensor::of(weight, type, {experts, n, k});
        matrices.stride[0] = (n + spare) * k;
        return ops::mul_mat_id(context, matrices, Tensor::of(input, DType::F32, {s.tokens, k}),
                               Tensor::of(ids, DType::U32, {s.tokens, s.slots}),
                               Tensor::of(out, DType::F32, {s.tokens, s.slots, n}),
                               s.sorted ? Tensor::of(scratch, DType::U32, {scratch.size() / 4}) : Tensor{});
      });
      expect_products(
          download(out), table.size(), n, k, [&](std::size_t row) { return &x[row / s.slots * k]; },
          [&](std::size_t row, std::size_t column) {
            const auto e = static_cast<std::size_t>(table[row]);
            return e < experts ? &w[(e * (n + spare) + column) * k] : nullptr;
          },
          0x1p-9, std::string(ops::name(type)));
    }
  }
}

TEST_F(ProductOps, ATableThatCannotBeSortedGivesNaN) {
  const std::size_t tokens = 34, experts = 4, n = 3, k = 32;
  for (const double last : {4.0, 0.0}) {  // no expert; one expert twice, as a token has eight choices of four
    const std::size_t slots = last == 4.0 ? 1 : 8;
    Values w = random(experts * n * k), x = random(tokens * k), table(tokens * slots);
    for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<double>(i % experts);
    table.back() = last;
    const Buffer weight = upload(DType::Q8_0, w), input = upload(DType::F32, x), ids = upload(DType::U32, table),
                 out = *device_->make_buffer(table.size() * n * 4),
                 scratch = *device_->make_buffer(ops::expert_scratch_elements(experts, tokens) * 4);
    run([&](ops::Context& context) {
      return ops::mul_mat_id(context, Tensor::of(weight, DType::Q8_0, {experts, n, k}),
                             Tensor::of(input, DType::F32, {tokens, k}), Tensor::of(ids, DType::U32, {tokens, slots}),
                             Tensor::of(out, DType::F32, {tokens, slots, n}),
                             Tensor::of(scratch, DType::U32, {scratch.size() / 4}));
    });
    for (const double y : download(out)) ASSERT_TRUE(std::isnan(y));
  }
}

TEST_F(ProductOps, GatedExperts) {
  const std::size_t tokens = 3, slots = 2, experts = 4, n = 9, k = 96, rows = tokens * slots;
  Values w = random(experts * n * k), gate = random(rows * k, 2), up = random(rows * k), table = {0, 3, 1, 9, 2, 2};
  const Buffer weight = upload(DType::Q4_0, w), g = upload(DType::F32, gate), u = upload(DType::F32, up),
               ids = upload(DType::U32, table), out = *device_->make_buffer(rows * n * 4);
  run([&](ops::Context& context) {
    return ops::mul_mat_id_swiglu(
        context, Tensor::of(weight, DType::Q4_0, {experts, n, k}), Tensor::of(g, DType::F32, {tokens, slots, k}),
        Tensor::of(u, DType::F32, {tokens, slots, k}), Tensor::of(ids, DType::U32, {tokens, slots}),
        Tensor::of(out, DType::F32, {tokens, slots, n}));
  });
  Values h(rows * k);
  for (std::size_t i = 0; i < h.size(); ++i) h[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
  expect_products(
      download(out), rows, n, k, [&](std::size_t row) { return &h[row * k]; },
      [&](std::size_t row, std::size_t column) {
        const auto e = static_cast<std::size_t>(table[row]);
        return e < experts ? &w[(e * n + column) * k] : nullptr;
      },
      1e-6, "swiglu");
}

/// Normal weights, quantised: codes, scales, biases, and the weights they stand for.
struct AffineData {
  std::vector<std::byte> codes;
  Values scales, biases, weights;

  AffineData(cases::Random& random, DType type, std::size_t rows, std::size_t columns, std::size_t group,
             std::size_t bits) {
    const cases::AffineFormat format = {columns, group, bits, type};
    Values values(rows * columns);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = cases::normal()(random, i);
    const cases::AffineWeights quantised = cases::quantise_affine(values, format);
    // Rows of bytes without padding go with f32 scales.
    codes = type == DType::F32 && bits == 8 ? cases::encode(DType::U8, quantised.codes)
                                            : cases::pack_affine(quantised.codes, columns, bits);
    scales = quantised.scales;
    biases = quantised.biases;
    weights = cases::dequantise_affine(quantised, format);
  }
};

TEST_F(ProductOps, AffineMatricesOfEveryKind) {
  struct Kind {
    DType scales, x;
    std::size_t bits, group, columns;
  };
  for (const Kind& kind : {Kind{DType::BF16, DType::F32, 4, 32, 96}, Kind{DType::BF16, DType::F32, 6, 64, 75},
                           Kind{DType::BF16, DType::F32, 8, 128, 256}, Kind{DType::BF16, DType::BF16, 4, 64, 512},
                           Kind{DType::BF16, DType::BF16, 6, 32, 64}, Kind{DType::BF16, DType::BF16, 8, 64, 192},
                           Kind{DType::F32, DType::F32, 4, 32, 96}, Kind{DType::F32, DType::F32, 8, 32, 96},
                           Kind{DType::F32, DType::F32, 8, 64, 128}, Kind{DType::F32, DType::F32, 8, 16, 64},
                           Kind{DType::BF16, DType::F32, 2, 64, 70}, Kind{DType::BF16, DType::BF16, 3, 32, 100},
                           Kind{DType::F32, DType::F32, 2, 128, 128}, Kind{DType::F32, DType::F32, 3, 64, 128},
                           Kind{DType::F32, DType::F32, 6, 128, 256}}) {
    for (const std::size_t m : {1u, 35u}) {
      const std::size_t n = 9, groups = (kind.columns + kind.group - 1) / kind.group;
      AffineData data(random_, kind.scales, n, kind.columns, kind.group, kind.bits);
      Values x = random(m * kind.columns);
      Buffer codes = *device_->make_buffer(data.codes.size());
      ASSERT_TRUE(codes.write(data.codes));
      const Buffer scales = upload(kind.scales, data.scales), biases = upload(kind.scales, data.biases),
                   input = upload(kind.x, x), out = *device_->make_buffer(ops::bytes_of(kind.x, m * n));
      run([&](ops::Context& context) {
        return ops::mul_mat_affine(
            context,
            {Tensor::of(codes, DType::U8, {n, data.codes.size() / n}), Tensor::of(scales, kind.scales, {n, groups}),
             Tensor::of(biases, kind.scales, {n, groups}), kind.columns, kind.group, kind.bits},
            Tensor::of(input, kind.x, {m, kind.columns}), Tensor::of(out, kind.x, {m, n}));
      });
      expect_products(
          download(out, kind.x), m, n, kind.columns, [&](std::size_t row) { return &x[row * kind.columns]; },
          [&](std::size_t, std::size_t column) { return &data.weights[column * kind.columns]; },
          kind.scales == DType::F32 ? 1e-5 : 0x1p-7, std::to_string(kind.bits) + " bits");
    }
  }
}

TEST_F(ProductOps, AffineExpertsAndTables) {
  const std::size_t experts = 3, n = 5, k = 70, group = 32, groups = 3, m = 4, slots = 2;
  for (const std::size_t bits : cases::kAffineBits) {
    AffineData data(random_, DType::BF16, experts * n, k, group, bits);
    Values x = random(m * k), table = {0, 1, 2, 7, 1, 1, 0, 2};
    Buffer codes = *device_->make_buffer(data.codes.size());
    ASSERT_TRUE(codes.write(data.codes));
    const Buffer scales = upload(DType::BF16, data.scales), biases = upload(DType::BF16, data.biases),
                 input = upload(DType::F32, x), ids = upload(DType::U32, table),
                 out = *device_->make_buffer(m * slots * n * 4), rows = *device_->make_buffer(table.size() * k * 4);
    const std::size_t bytes = data.codes.size() / experts / n;
    run([&](ops::Context& context) -> Result<void> {
      if (auto r = ops::mul_mat_affine_id(
              context,
              {Tensor::of(codes, DType::U8, {experts, n, bytes}), Tensor::of(scales, DType::BF16, {experts, n, groups}),
               Tensor::of(biases, DType::BF16, {experts, n, groups}), k, group, bits},
              Tensor::of(input, DType::F32, {m, k}), Tensor::of(ids, DType::U32, {m, slots}),
              Tensor::of(out, DType::F32, {m, slots, n}));
          !r) {
        return r;
      }
      // The same matrices as a table of five rows, so that id 7 names none.
      return ops::embedding_affine(
          context,
          {Tensor::of(codes, DType::U8, {n, bytes}), Tensor::of(scales, DType::BF16, {n, groups}),
           Tensor::of(biases, DType::BF16, {n, groups}), k, group, bits},
          Tensor::of(ids, DType::U32, {table.size()}), Tensor::of(rows, DType::F32, {table.size(), k}));
    });
    expect_products(
        download(out), m * slots, n, k, [&](std::size_t row) { return &x[row / slots * k]; },
        [&](std::size_t row, std::size_t column) {
          const auto e = static_cast<std::size_t>(table[row]);
          return e < experts ? &data.weights[(e * n + column) * k] : nullptr;
        },
        0x1p-7, std::to_string(bits) + " bits");
    const Values found = download(rows);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto id = static_cast<std::size_t>(table[i / k]);
      ASSERT_NEAR(found[i], id < n ? data.weights[id * k + i % k] : 0, 1e-5) << bits << ' ' << i;
    }
  }
}

}  // namespace
