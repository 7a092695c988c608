#include "cases/operations.hpp"

#include <algorithm>
#include <array>

namespace anymetal::cases {
namespace {

// Functions, counted in kernels/cpu/wide.h and kernels/cpu/rope.h without what holds arguments within bounds.
constexpr double kExp =
    15;  // product, nearest integer, two steps of the rest, product; polynomial of degree 6; scaling
constexpr double kLogistic = 17;       // 1 / (1 + e^-x)
constexpr double kTanh = 19;           // (1 - e^-2|x|) / (1 + e^-2|x|) with a sign
constexpr double kGelu = 22;           // x logistic(1.6 (x + 0.04 x^3))
constexpr double kGeluSlope = 30;      // with e^-|z| shared by the function and its slope
constexpr double kSineCosine = 28;     // quadrant, three steps of the rest, two polynomials, exchange and signs
constexpr double kSoftplus = 30;       // kExp, a division, the series of ln(1 + t), two more
constexpr double kSoftmax = kExp + 4;  // largest, difference, sum, product

/// Comparators of a bitonic network over n elements, a power of two, for each of them; each is two choices and a
/// permutation of a key and an index.
constexpr double sorting(double log2_n) { return log2_n * (log2_n + 1) / 4 * 6; }

struct Count {
  std::string_view kernel;
  int buffer;
  double operations;  ///< for each element of the buffer
};

constexpr std::array kCounts = {
    // Functions of single elements; of 16 bits each conversion is one more.
    Count{"gelu_f32", 1, kGelu},
    Count{"gelu_f16", 1, kGelu + 2},
    Count{"gelu_bf16", 1, kGelu + 2},
    Count{"softcap_f32", 1, kTanh + 2},
    Count{"softcap_f16", 1, kTanh + 4},
    Count{"softcap_bf16", 1, kTanh + 4},
    Count{"silu_f32", 1, kLogistic},
    Count{"silu_backward_f32", 2, kLogistic + 4},
    Count{"silu_mul_f32", 2, kLogistic + 1},
    Count{"sigmoid_mul_f32", 2, kLogistic},
    Count{"sigmoid_mul_bf16", 2, kLogistic + 3},
    Count{"exp_f32", 1, kExp},
    Count{"log_f32", 1, kExp},
    Count{"fused_gelu_mul", 2, kGelu + 1},
    Count{"fused_gelu_mul_bf16", 2, kGelu + 4},
    Count{"moe_swiglu_fused", 1, kGelu + 1},
    Count{"moe_swiglu_batch", 1, kGelu + 1},
    Count{"moe_swiglu_seq", 1, kGelu + 1},
    Count{"moe_swiglu_seq_bf16", 1, kGelu + 4},
    Count{"moe_swiglu_seq_backward_f32", 1, kGeluSlope + 3},
    // e^(-e^a softplus(x)) and a logistic.
    Count{"compute_g_beta_f32", 4, 2 * kExp + kSoftplus + kLogistic},
    // Softmax.
    Count{"softmax_f32", 1, kSoftmax},
    Count{"softmax_f16", 1, kSoftmax + 3},
    Count{"softmax_bf16", 1, kSoftmax + 3},
    Count{"scale_mask_softmax_f32", 1, kSoftmax + 2},
    Count{"softmax_sample_f32", 1, kSoftmax + 2},  // by the temperature, and the running sum
    // Rotations: a sine and cosine for each pair of a token, four operations for each pair of a head.
    Count{"rope_f32", 1, (kSineCosine + 5) / 2},
    Count{"rope_f16", 1, (kSineCosine + 5) / 2 + 2},
    Count{"rope_bf16", 1, (kSineCosine + 5) / 2 + 2},
    // A convolution of four taps and SiLU.
    Count{"ssm_conv_forward_f32", 3, 4 + kLogistic},
    Count{"ssm_conv_forward_bf16", 3, 4 + kLogistic + 2},
    // Rows of 256 sorted; eight of 128 experts, each chosen by a comparison with all that are left.
    Count{"argsort_desc_f32", 1, sorting(8)},
    Count{"fused_moe_routing_f32", 0, kSoftmax + 8},
    Count{"fused_moe_routing_batch_f32", 0, kSoftmax + 8},
    Count{"moe_softmax_topk_f32", 1, kSoftmax + 8},
    // A transform of 256 or 512 elements, signs, and the search of a code of 8 or 4 bits.
    Count{"hadamard_quantize_kv_fast_d256", 0, 8 + 2 + 2 + 2 * 4},
    Count{"hadamard_quantize_kv_fast_d512", 0, 9 + 2 + 2 + 2 * 4},
    Count{"hadamard_quantize_kv_hb_d256", 0, 8 + 2 + 2 + 2 * 8},
    Count{"hadamard_quantize_kv_hb_d512", 0, 9 + 2 + 2 + 2 * 8},
    Count{"hadamard_quantize_kv_hb_dual_d256", 0, 2 * (8 + 2 + 2 + 2 * 8)},
    Count{"hadamard_quantize_kv_hb_dual_d512", 0, 2 * (9 + 2 + 2 + 2 * 8)},
};

const Count* find(std::string_view kernel) {
  const auto* found = std::ranges::find(kCounts, kernel, &Count::kernel);
  return found == kCounts.end() ? nullptr : found;
}

}  // namespace

double operations_of(std::string_view kernel, const Problem& problem) {
  const Count* count = find(kernel);
  if (count == nullptr) return 0;
  for (const Operand& operand : problem.operands()) {
    if (static_cast<int>(operand.index) == count->buffer)
      return count->operations * static_cast<double>(operand.elements);
  }
  return 0;
}

std::vector<std::string_view> counted_kernels() {
  std::vector<std::string_view> kernels;
  for (const Count& count : kCounts) kernels.push_back(count.kernel);
  return kernels;
}

}  // namespace anymetal::cases
