// The references of the gradient kernels against central differences of the forward kernels' references: a formula that
// is wrong in a reference and in the kernel alike would pass the case table.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cases/case_list.hpp"

namespace {

using namespace anymetal;
using cases::Case;
using cases::Problem;
using Values = Problem::Values;

const Case& find(const std::string& kernel, const std::string& label) {
  static const cases::CaseList list = cases::all_cases();
  for (const Case& each : list.cases()) {
    if (each.kernel == kernel && each.label == label) return each;
  }
  throw std::invalid_argument("no case " + kernel + " [" + label + "]");
}

/// The case's problem with these operands given.
Problem problem(const Case& test, const std::map<unsigned, Values>& given) {
  Problem p(1);
  for (const auto& [index, values] : given) p.given(index, values);
  test.build(p);
  return p;
}

const cases::Operand& operand(const Problem& p, unsigned index) {
  for (const cases::Operand& each : p.operands()) {
    if (each.index == index) return each;
  }
  throw std::invalid_argument("no buffer " + std::to_string(index));
}
Values content(const Problem& p, unsigned index) {
  return cases::decode(operand(p, index).dtype, operand(p, index).content);
}
Values expected(const Problem& p, unsigned index) { return operand(p, index).reference().values; }

/// What a buffer of the backward kernel holds.
struct Holds {
  enum What { ForwardInput, ForwardOutput, OutputGradient, Zeros, InverseRms } what;
  unsigned input = 0;  ///< which, for ForwardInput
};
constexpr Holds x(unsigned input) { return {Holds::ForwardInput, input}; }
constexpr Holds kY = {Holds::ForwardOutput}, kDy = {Holds::OutputGradient}, kZeros = {Holds::Zeros},
                kInverseRms = {Holds::InverseRms};

struct Gradient {
  std::string backward, label;
  std::map<unsigned, Holds> holds;         ///< buffers of the backward kernel
  std::map<unsigned, unsigned> gradients;  ///< its outputs: the gradient of which input of the forward kernel
  std::string forward;
  unsigned output;                 ///< of the forward kernel
  std::string forward_label = {};  ///< empty: `label`

  friend std::ostream& operator<<(std::ostream& out, const Gradient& g) { return out << g.backward; }
};

class GradientReference : public testing::TestWithParam<Gradient> {};

TEST_P(GradientReference, IsTheCentralDifference) {
  const Gradient& g = GetParam();
  const Case& forward = find(g.forward, g.forward_label.empty() ? g.label : g.forward_label);
  const Case& backward = find(g.backward, g.label);

  const Problem at_x = problem(forward, {});
  const Values y = expected(at_x, g.output);
  std::map<unsigned, Values> given;
  unsigned dy_index = 0;
  for (const auto& [index, holds] : g.holds) {
    switch (holds.what) {
      case Holds::ForwardInput:
        given[index] = content(at_x, holds.input);
        break;
      case Holds::ForwardOutput:
        given[index] = y;
        break;
      case Holds::Zeros:
        given[index] = Values(content(problem(backward, {}), index).size(), 0.0);
        break;
      case Holds::InverseRms:
        given[index] = expected(problem(find("rms_norm_compute_rms_inv_f32", g.label), {{0, content(at_x, 0)}}), 1);
        break;
      case Holds::OutputGradient:
        dy_index = index;
        break;
    }
  }
  const Problem gradient = problem(backward, given);
  const Values dy = content(gradient, dy_index);
  ASSERT_EQ(dy.size(), y.size());

  for (const auto& [index, input] : g.gradients) {
    const Values actual = expected(gradient, index), x0 = content(at_x, input);
    ASSERT_EQ(actual.size(), x0.size());
    double largest = 0;
    for (std::size_t i = 0; i < x0.size(); ++i) {
      // Inputs are rounded as the kernel reads them, so the step is what became of it.
      const auto moved = [&](double step) {
        Values values = x0;
        values[i] += step;
        const Problem p = problem(forward, {{input, values}});
        return std::pair{content(p, input)[i], expected(p, g.output)};
      };
      const double step = 0x1p-12 * std::fmax(std::fabs(x0[i]), 0x1p-5);
      const auto [above, y_above] = moved(step);
      const auto [below, y_below] = moved(-step);
      double slope = 0, magnitude = 0;
      for (std::size_t o = 0; o < y.size(); ++o) {
        const double term = dy[o] * (y_above[o] - y_below[o]) / (above - below);
        slope += term;
        magnitude += std::fabs(term);
      }
      ASSERT_NEAR(actual[i], slope, 1e-6 * magnitude + 1e-8) << "buffer " << index << " element " << i;
      largest = std::fmax(largest, std::fabs(slope));
    }
    EXPECT_GT(largest, 1e-3) << "buffer " << index << ": nothing was compared";
  }
}

const std::vector<Gradient> kGradients = {
    {"exp_backward_f32", "n=31", {{0, kY}, {1, kDy}}, {{2, 0}}, "exp_f32", 1},
    {"sqrt_backward_f32", "n=31", {{0, kY}, {1, kDy}}, {{2, 0}}, "sqrt_f32", 1},
    {"divide_backward_f32", "n=31", {{0, x(1)}, {1, kY}, {2, kDy}}, {{3, 0}, {4, 1}}, "divide_f32", 2},
    {"silu_backward_f32", "n=31", {{0, x(0)}, {1, kDy}}, {{2, 0}}, "silu_f32", 1},
    {"log_backward_f32", "n=31", {{0, x(0)}, {1, kDy}}, {{2, 0}}, "log_f32", 1},
    {"softmax_backward_f32", "3x31", {{0, kY}, {1, kDy}}, {{2, 0}}, "softmax_f32", 1},
    {"row_sum_backward_f32", "3x31", {{0, kDy}}, {{1, 0}}, "row_sum_f32", 1},
    {"rms_norm_backward_dx_f32",
     "2x31",
     {{0, x(0)}, {1, x(1)}, {2, kDy}, {3, kInverseRms}},
     {{4, 0}},
     "rms_norm_f32",
     2},
    {"rms_norm_backward_dw_f32", "2x31", {{0, x(0)}, {1, kDy}, {2, kInverseRms}}, {{3, 1}}, "rms_norm_f32", 2},
    {"outer_product_backward_lhs_f32", "3x31", {{0, kDy}, {1, x(1)}}, {{2, 0}}, "outer_product_f32", 2},
    {"outer_product_backward_rhs_f32", "3x31", {{0, kDy}, {1, x(0)}}, {{2, 1}}, "outer_product_f32", 2},
    {"take_along_axis_backward_f32",
     "3x33 k=7",
     {{0, kDy}, {1, x(1)}, {2, kZeros}},
     {{2, 0}},
     "take_along_axis_f32",
     2},
    {"take_along_axis_backward_f32",
     "4x9 k=20 repeated",
     {{0, kDy}, {1, x(1)}, {2, kZeros}},
     {{2, 0}},
     "take_along_axis_f32",
     2},
    {"embedding_scatter_add_f32", "7x33 batch=5", {{0, kDy}, {1, x(1)}}, {{2, 0}}, "embedding_lookup_f32", 2},
    {"conv1d_depthwise_causal_backward_dx_f32",
     "T=40 C=9 K=4",
     {{0, kDy}, {1, x(1)}},
     {{2, 0}},
     "conv1d_depthwise_causal_forward_f32",
     2},
    {"conv1d_depthwise_causal_backward_dw_f32",
     "T=40 C=9 K=4",
     {{0, x(0)}, {1, kDy}},
     {{2, 1}},
     "conv1d_depthwise_causal_forward_f32",
     2},
    {"moe_swiglu_seq_backward_f32", "2x3x33", {{0, x(0)}, {1, kDy}}, {{2, 0}}, "moe_swiglu_seq", 1},
    {"moe_weighted_sum_seq_backward_outputs_f32", "2x3x33", {{0, x(1)}, {1, kDy}}, {{2, 0}}, "moe_weighted_sum_seq", 2},
    {"moe_weighted_sum_seq_backward_weights_f32", "2x3x33", {{0, x(0)}, {1, kDy}}, {{2, 1}}, "moe_weighted_sum_seq", 2},
    {"copy_2d_cols_into_f32", "9 rows, 7 of 40 from 33", {{0, kDy}, {1, kZeros}}, {{1, 0}}, "slice_2d_cols_f32", 1},
};

INSTANTIATE_TEST_SUITE_P(All, GradientReference, testing::ValuesIn(kGradients), [](const auto& instance) {
  return instance.param.backward + "_" + std::to_string(instance.index);
});

}  // namespace
