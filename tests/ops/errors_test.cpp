// Every op refuses shapes and types it cannot take, and says which.
#include <gtest/gtest.h>

#include "ops/elementwise.hpp"
#include "ops/embedding.hpp"
#include "ops/matmul.hpp"
#include "ops/mistakes.hpp"
#include "ops/norm.hpp"
#include "ops/rope.hpp"
#include "ops/routing.hpp"
#include "ops/sampling.hpp"

namespace {

using namespace anymetal;
using ops::DType;
using ops::Tensor;
using test::expect_refusal;
using test::Fixture;
using test::Mistake;

const Mistake kMistakes[] = {
    {"rms_norm: weight has 639 elements, row has 640",
     [](Fixture& f) { return ops::rms_norm(f.context, f.f32({3, 640}), f.f32({639}), 1e-6f, f.f32({3, 640})); }},
    {"rms_norm: out is f32, must be f16",
     [](Fixture& f) {
       return ops::rms_norm(f.context, f.of(DType::F16, {3, 64}), f.f32({64}), 1e-6f, f.f32({3, 64}));
     }},
    {"rms_norm: no kernel for u32",
     [](Fixture& f) {
       return ops::rms_norm(f.context, f.of(DType::U32, {3, 64}), f.f32({64}), 1e-6f, f.f32({3, 64}));
     }},
    {"rms_norm: out is f32[2, 64], x is f32[3, 64]",
     [](Fixture& f) { return ops::rms_norm(f.context, f.f32({3, 64}), f.f32({64}), 1e-6f, f.f32({2, 64})); }},
    {"rms_norm: x f32[1000, 64] needs 256000 bytes at offset 0, its buffer has 65536",
     [](Fixture& f) { return ops::rms_norm(f.context, f.f32({1000, 64}), f.f32({64}), 1e-6f, f.f32({1000, 64})); }},
    {"rms_norm: weight is empty",
     [](Fixture& f) { return ops::rms_norm(f.context, f.f32({3, 64}), Tensor{}, 1e-6f, f.f32({3, 64})); }},
    {"norm_add: residual is f32[2, 64], x is f32[3, 64]",
     [](Fixture& f) {
       return ops::norm_add(f.context, f.f32({2, 64}), f.f32({3, 64}), f.f32({64}), 1e-6f, f.f32({3, 64}));
     }},
    {"head_norm_rope: 2 positions for 3 tokens",
     [](Fixture& f) {
       return ops::head_norm_rope(f.context, f.f32({3, 4, 64}), f.f32({64}), f.of(DType::U32, {2}), {}, 1e-6f,
                                  f.f32({3, 4, 64}));
     }},
    {"head_norm_rope: cannot rotate 66 of 64 elements",
     [](Fixture& f) {
       return ops::head_norm_rope(f.context, f.f32({3, 4, 64}), f.f32({64}), f.of(DType::U32, {3}), {.rope_dim = 66},
                                  1e-6f, f.f32({3, 4, 64}));
     }},
    {"mul_mat: x has rows of 32 elements, weight of 64",
     [](Fixture& f) { return ops::mul_mat(f.context, f.of(DType::Q8_0, {8, 64}), f.f32({2, 32}), f.f32({2, 8})); }},
    {"mul_mat: out is f32[2, 9], must be [2, 8]",
     [](Fixture& f) { return ops::mul_mat(f.context, f.of(DType::Q8_0, {8, 64}), f.f32({2, 64}), f.f32({2, 9})); }},
    {"mul_mat: no kernel for u32 weights",
     [](Fixture& f) { return ops::mul_mat(f.context, f.of(DType::U32, {8, 64}), f.f32({2, 64}), f.f32({2, 8})); }},
    {"mul_mat: weight is f32[1, 2, 8, 64], must be a contiguous [N, K] or [batches, N, K]",
     [](Fixture& f) { return ops::mul_mat(f.context, f.f32({1, 2, 8, 64}), f.f32({2, 64}), f.f32({2, 8})); }},
    {"mul_mat: 3 batches cannot share 2 matrices",
     [](Fixture& f) {
       return ops::mul_mat(f.context, f.of(DType::Q8_0, {2, 8, 64}), f.f32({3, 2, 64}), f.f32({3, 2, 8}));
     }},
    {"mul_mat: out is f32[2, 8], must be [8, 8]",
     [](Fixture& f) { return ops::mul_mat(f.context, f.of(DType::Q8_0, {2, 8, 64}), f.f32({4, 2, 64}), f.f32({2, 8})); }},
    {"mul_mat: batches of x must follow each other",
     [](Fixture& f) {
       Tensor x = f.f32({2, 3, 64});
       x.stride[0] = 256;
       return ops::mul_mat(f.context, f.of(DType::Q8_0, {8, 64}), x, f.f32({2, 3, 8}));
     }},
    {"mul_mat: no kernel for batches or strided rows of f16",
     [](Fixture& f) {
       return ops::mul_mat(f.context, f.of(DType::F16, {8, 64}), f.of(DType::F16, {2, 3, 64}),
                           f.of(DType::F16, {2, 3, 8}));
     }},
    {"mul_mat: x is f16, must be f32",
     [](Fixture& f) {
       return ops::mul_mat(f.context, f.of(DType::BF16, {8, 64}), f.of(DType::F16, {3, 64}), f.of(DType::F16, {3, 8}));
     }},
    {"mul_mat: row of 640 elements is no multiple of the 256-element blocks of q4_K",
     [](Fixture& f) { return ops::mul_mat(f.context, f.of(DType::Q4_K, {8, 640}), f.f32({2, 640}), f.f32({2, 8})); }},
    {"embedding: out is f32[2, 64], must be [3, 64]",
     [](Fixture& f) {
       return ops::embedding(f.context, f.of(DType::Q8_0, {8, 64}), f.of(DType::U32, {3}), 1, f.f32({2, 64}));
     }},
    {"gelu_mul: operands are f32[4] and f32[5], out is f32[4]",
     [](Fixture& f) { return ops::gelu_mul(f.context, f.f32({4}), f.f32({5}), f.f32({4})); }},
    {"softcap: cap is 0, must be positive",
     [](Fixture& f) { return ops::softcap(f.context, f.f32({4}), 0, f.f32({4})); }},
    {"rope: no kernel for f16",
     [](Fixture& f) {
       return ops::rope(f.context, f.of(DType::F16, {3, 4, 64}), f.of(DType::U32, {3}), {},
                        f.of(DType::F16, {3, 4, 64}));
     }},
    {"rope: x is f32[12, 64], must be [tokens, heads, head size]",
     [](Fixture& f) {
       return ops::rope(f.context, f.f32({12, 64}), f.of(DType::U32, {12}), {}, f.f32({12, 64}));
     }},
    {"rope: out is f32[3, 4, 32], x is f32[3, 4, 64]",
     [](Fixture& f) {
       return ops::rope(f.context, f.f32({3, 4, 64}), f.of(DType::U32, {3}), {}, f.f32({3, 4, 32}));
     }},
    {"rope: 2 positions for 3 tokens",
     [](Fixture& f) {
       return ops::rope(f.context, f.f32({3, 4, 64}), f.of(DType::U32, {2}), {}, f.f32({3, 4, 64}));
     }},
    {"rope: cannot rotate 66 of 64 elements",
     [](Fixture& f) {
       return ops::rope(f.context, f.f32({3, 4, 64}), f.of(DType::U32, {3}), {.rope_dim = 66}, f.f32({3, 4, 64}));
     }},
    {"rope: cannot pair 63 elements",
     [](Fixture& f) {
       return ops::rope(f.context, f.f32({3, 4, 63}), f.of(DType::U32, {3}), {}, f.f32({3, 4, 63}));
     }},
    {"rope: 32 frequency factors for 8 pairs",
     [](Fixture& f) {
       return ops::rope(f.context, f.f32({3, 4, 64}), f.of(DType::U32, {3}), {.rope_dim = 16}, f.f32({3, 4, 64}),
                        f.f32({32}));
     }},
    {"rope: no kernel for bf16 with frequency factors",
     [](Fixture& f) {
       const Tensor x = f.of(DType::BF16, {3, 4, 64});
       return ops::rope(f.context, x, f.of(DType::U32, {3}), {}, x, f.f32({32}));
     }},
    {"rope_adjacent: x is f16[3, 4, 64], must be [tokens, row size]",
     [](Fixture& f) {
       const Tensor x = f.of(DType::F16, {3, 4, 64});
       return ops::rope_adjacent(f.context, x, f.of(DType::U32, {3}), 1e4f, x);
     }},
    {"rope_adjacent: positions is i32, must be u32",
     [](Fixture& f) {
       return ops::rope_adjacent(f.context, f.f32({3, 64}), f.of(DType::I32, {3}), 1e4f, f.f32({3, 64}));
     }},
    {"rope_multi: 3 positions for 4 axes of 3 tokens",
     [](Fixture& f) {
       return ops::rope_multi(f.context, f.f32({3, 4, 64}), f.of(DType::I32, {3}), {}, f.f32({3, 4, 64}));
     }},
    {"rope_multi: sections of 16 and 15 pairs for 32 pairs",
     [](Fixture& f) {
       return ops::rope_multi(f.context, f.f32({3, 4, 64}), f.of(DType::I32, {4, 3}),
                              {.order = ops::RopeSections::Vision, .sections = {16, 15}}, f.f32({3, 4, 64}));
     }},
    {"rope_multi: vision order cannot rotate 32 of 64 elements",
     [](Fixture& f) {
       return ops::rope_multi(f.context, f.f32({3, 4, 64}), f.of(DType::I32, {4, 3}),
                              {.rope_dim = 32, .order = ops::RopeSections::Vision, .sections = {8, 8}},
                              f.f32({3, 4, 64}));
     }},
    {"route_experts: cannot choose 9 of 8 experts",
     [](Fixture& f) {
       return ops::route_experts(f.context, f.f32({3, 8}), f.of(DType::U32, {3, 9}), f.f32({3, 9}));
     }},
    {"route_experts: ids are u32[2, 4], must be [3, choices]",
     [](Fixture& f) {
       return ops::route_experts(f.context, f.f32({3, 8}), f.of(DType::U32, {2, 4}), f.f32({2, 4}));
     }},
    {"route_experts: ids are u32[3, 4], weights f32[3, 3]",
     [](Fixture& f) {
       return ops::route_experts(f.context, f.f32({3, 8}), f.of(DType::U32, {3, 4}), f.f32({3, 3}));
     }},
    {"route_experts: 7 scales for 8 experts",
     [](Fixture& f) {
       return ops::route_experts(f.context, f.f32({3, 8}), f.of(DType::U32, {3, 4}), f.f32({3, 4}), f.f32({7}));
     }},
    {"moe_gate: x is f32, must be bf16",
     [](Fixture& f) {
       return ops::moe_gate(f.context, f.f32({3, 64}), {f.f32({8, 64}), f.f32({64}), f.f32({8})},
                            f.of(DType::U32, {3, 2}), f.f32({3, 2}));
     }},
    {"moe_gate: x is bf16[3, 64], router f32[8, 32], must be [tokens, size] and [experts, size]",
     [](Fixture& f) {
       return ops::moe_gate(f.context, f.of(DType::BF16, {3, 64}), {f.f32({8, 32}), f.f32({64}), f.f32({8})},
                            f.of(DType::U32, {3, 2}), f.f32({3, 2}));
     }},
    {"moe_gate: rows of 8192 elements and 1 experts are more than 8192 together",
     [](Fixture& f) {
       return ops::moe_gate(f.context, f.of(DType::BF16, {1, 8192}), {f.f32({1, 8192}), f.f32({8192}), f.f32({1})},
                            f.of(DType::U32, {1, 1}), f.f32({1, 1}));
     }},
    {"top_k: cannot choose 129, at most 128",
     [](Fixture& f) { return ops::top_k(f.context, f.f32({4}), f.of(DType::U32, {129}), f.f32({129})); }},
    {"top_k: 3 values for 2 indices",
     [](Fixture& f) { return ops::top_k(f.context, f.f32({4}), f.of(DType::U32, {2}), f.f32({3})); }},
    {"softmax_sample: 3 probabilities for 4 logits",
     [](Fixture& f) {
       return ops::softmax_sample(f.context, f.f32({4}), 1, 0, {f.f32({3}), f.of(DType::U32, {1}), f.f32({1})});
     }},
    {"softmax_sample: temperature is 0, must be positive",
     [](Fixture& f) {
       return ops::softmax_sample(f.context, f.f32({4}), 0, 0, {f.f32({4}), f.of(DType::U32, {1}), f.f32({1})});
     }},
    {"softmax_sample: u is 1, must be in [0, 1)",
     [](Fixture& f) {
       return ops::softmax_sample(f.context, f.f32({4}), 1, 1, {f.f32({4}), f.of(DType::U32, {1}), f.f32({1})});
     }},
    {"argmax: index is f32, must be u32",
     [](Fixture& f) { return ops::argmax(f.context, f.f32({4}), f.f32({1}), f.f32({1})); }},
};

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, IsAnErrorThatNamesIt) { expect_refusal(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Ops, Mistakes, testing::ValuesIn(kMistakes));

}  // namespace
