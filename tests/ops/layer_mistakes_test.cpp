// What the ops of norms, movement, sums over experts and recurrent layers refuse.
#include <gtest/gtest.h>

#include "ops/expert_sums.hpp"
#include "ops/mistakes.hpp"
#include "ops/movement.hpp"
#include "ops/norm.hpp"
#include "ops/recurrent.hpp"
#include "ops/row_norms.hpp"

namespace {

using namespace anymetal;
using ops::DType;
using ops::Tensor;
using test::Fixture;
using test::Mistake;

const Mistake kMistakes[] = {
    {"rms_norm: weight is f16, must be f32",
     [](Fixture& f) {
       const Tensor x = f.of(DType::F16, {3, 4});
       return ops::rms_norm(f.context, x, f.of(DType::F16, {4}), 1e-6f, x);
     }},
    {"rms_norm_unweighted: no kernel for f16",
     [](Fixture& f) {
       const Tensor x = f.of(DType::F16, {3, 4});
       return ops::rms_norm_unweighted(f.context, x, 1e-6f, x);
     }},
    {"rms_norm_mul: factor is f32[2, 4], x is f32[3, 4]",
     [](Fixture& f) {
       return ops::rms_norm_mul(f.context, f.f32({3, 4}), f.f32({4}), f.f32({2, 4}), 1e-6f, f.f32({3, 4}));
     }},
    {"rms_norm_with_copy: copy is bf16[3, 2, 4], must be [2, 3, 4]",
     [](Fixture& f) {
       const Tensor x = f.f32({3, 2, 4});
       return ops::rms_norm_with_copy(f.context, x, 1e-6f, x, f.of(DType::BF16, {3, 2, 4}), true);
     }},
    {"norm_add_scaled: scale has 2 elements, must be 1 or 4",
     [](Fixture& f) {
       const Tensor x = f.f32({3, 4});
       return ops::norm_add_scaled(f.context, x, x, f.f32({4}), f.f32({2}), 1e-6f, x);
     }},
    {"expert_sum_norm_add: weights is f32[3, 3], must be [3, 2]",
     [](Fixture& f) {
       const Tensor rows = f.f32({3, 4});
       return ops::expert_sum_norm_add(f.context, f.f32({3, 2, 4}), f.f32({3, 3}), rows, f.f32({4}), 1e-6f, rows);
     }},
    {"swap_first_axes: no kernel from f32 to bf16",
     [](Fixture& f) {
       return ops::swap_first_axes(f.context, f.f32({2, 3, 4}), f.of(DType::BF16, {3, 2, 4}));
     }},
    {"transpose: out is f32[2, 3], must be [3, 2]",
     [](Fixture& f) {
       return ops::transpose(f.context, f.f32({2, 3}), f.f32({2, 3}));
     }},
    {"transpose: no kernel for bf16",
     [](Fixture& f) {
       return ops::transpose(f.context, f.of(DType::BF16, {2, 3}), f.of(DType::BF16, {3, 2}));
     }},
    {"gather_rows: index is i32, must be u32",
     [](Fixture& f) {
       return ops::gather_rows(f.context, f.f32({2, 3}), f.of(DType::I32, {2}), f.f32({2, 3}));
     }},
    {"slice_columns: out f32[2, 3] at column 2 is not within x f32[2, 4]",
     [](Fixture& f) {
       return ops::slice_columns(f.context, f.f32({2, 4}), 2, f.f32({2, 3}));
     }},
    {"copy_into_columns: x f32[2, 3] at column 2 is not within out f32[2, 4]",
     [](Fixture& f) {
       return ops::copy_into_columns(f.context, f.f32({2, 3}), f.f32({2, 4}), 2);
     }},
    {"split_qkv: rows of 4, 2 and 3 for x f32[2, 8]",
     [](Fixture& f) {
       return ops::split_qkv(f.context, f.f32({2, 8}), f.f32({2, 4}), f.f32({2, 2}), f.f32({2, 3}));
     }},
    {"repeat_heads: x is f32[2, 2, 3], out is f32[2, 4, 4], must be [tokens, heads, head size]",
     [](Fixture& f) {
       return ops::repeat_heads(f.context, f.f32({2, 2, 3}), f.f32({2, 4, 4}));
     }},
    {"take_along_axis: index is u32[3, 2], must be [2, choices]",
     [](Fixture& f) {
       return ops::take_along_axis(f.context, f.f32({2, 3}), f.of(DType::U32, {3, 2}), f.f32({2, 2}));
     }},
    {"expert_sum: x is f32[2, 3], must be [tokens, slots, row size]",
     [](Fixture& f) {
       return ops::expert_sum(f.context, f.f32({2, 3}), f.f32({2, 1}), f.f32({2, 3}));
     }},
    {"expert_sum_with_shared: gate has 3 elements, tokens are 2",
     [](Fixture& f) {
       const Tensor rows = f.f32({2, 4});
       return ops::expert_sum_with_shared(f.context, f.f32({2, 3, 4}), f.f32({2, 3}), rows, f.f32({3}), rows);
     }},
    {"chosen_weights: cannot choose 5 of 4 experts",
     [](Fixture& f) {
       return ops::chosen_weights(f.context, f.f32({4}), f.of(DType::U32, {4}), f.f32({4}), f.of(DType::U32, {5}),
                                  f.f32({5}));
     }},
    {"delta_gates: bias has 3 elements, heads are 2",
     [](Fixture& f) {
       const Tensor x = f.f32({4, 2});
       return ops::delta_gates(f.context, x, x, f.f32({3}), f.f32({2}), x, x);
     }},
    {"norm_gate: z is f32[2, 4], x is f32[3, 4]",
     [](Fixture& f) {
       return ops::norm_gate(f.context, f.f32({3, 4}), f.f32({4}), f.f32({2, 4}), 1e-6f, f.f32({3, 4}));
     }},
    {"cumsum: no kernel for f16",
     [](Fixture& f) { return ops::cumsum(f.context, f.of(DType::F16, {4}), f.of(DType::F16, {4})); }},
    {"short_conv: w is f32[4, 1], must be [4, width of 2 at least]",
     [](Fixture& f) {
       const Tensor x = f.f32({1, 5, 4}), state = f.f32({1, 4, 1});
       return ops::short_conv(f.context, x, f.f32({4, 1}), state, x, state);
     }},
    {"short_conv: new_state cannot be state for 1 tokens, fewer than 3",
     [](Fixture& f) {
       const Tensor x = f.f32({1, 1, 4}), state = f.f32({1, 4, 3});
       return ops::short_conv(f.context, x, f.f32({4, 4}), state, x, state);
     }},
    {"solve_lower_unit: l is f32[1, 3, 4], must be [1, 4, 4]",
     [](Fixture& f) {
       return ops::solve_lower_unit(f.context, f.f32({1, 3, 4}), f.f32({1, 4, 2}), f.f32({1, 4, 2}));
     }},
    {"gated_delta_rule: 3 value heads for 2 key heads",
     [](Fixture& f) {
       const Tensor k = f.f32({1, 2, 2, 8}), v = f.f32({1, 2, 3, 8}), gate = f.f32({1, 2, 3}),
                    state = f.f32({1, 3, 8, 8});
       return ops::gated_delta_rule(f.context, {k, k, v, gate, gate}, state, v, state);
     }},
    {"gated_delta_rule: no kernel for keys of 136 and values of 8",
     [](Fixture& f) {
       const Tensor k = f.f32({1, 2, 1, 136}), v = f.f32({1, 2, 1, 8}), gate = f.f32({1, 2, 1}),
                    state = f.f32({1, 1, 8, 136});
       return ops::gated_delta_rule(f.context, {k, k, v, gate, gate}, state, v, state);
     }},
    {"gated_delta_rule_chunks: scratch blocks has 2 elements, needed are 128",
     [](Fixture& f) {
       const Tensor k = f.of(DType::BF16, {1, 2, 1, 8}), v = f.of(DType::BF16, {1, 2, 1, 32}), gate = f.f32({1, 2, 1}),
                    state = f.f32({1, 1, 32, 8});
       return ops::gated_delta_rule_chunks(f.context, {k, k, v, gate, gate}, 1, state, v, state,
                                           {gate, gate, k, v, state});
     }},
};

class LayerMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(LayerMistakes, IsAnErrorThatNamesIt) { test::expect_refusal(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Ops, LayerMistakes, testing::ValuesIn(kMistakes));

}  // namespace
