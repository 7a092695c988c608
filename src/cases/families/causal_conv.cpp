// Depthwise causal convolution and its gradients: kernels/training.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cases/case_list.hpp"
#include "cases/shapes.hpp"

namespace anymetal::cases {
namespace {

using Values = Problem::Values;

struct Conv {
  std::uint32_t tokens, channels, width;
  Purpose purpose = Purpose::Test;
};

/// y[t, c] depends on x[t + k - (K - 1), c] by w[c, k]: visits every such pair of places.
template <class Visit>
void conv_terms(const Conv& s, Visit visit) {
  for (std::size_t t = 0; t < s.tokens; ++t) {
    for (std::size_t c = 0; c < s.channels; ++c) {
      for (std::size_t k = 0; k < s.width; ++k) {
        if (t + k + 1 >= s.width) visit(t * s.channels + c, (t + k + 1 - s.width) * s.channels + c, c * s.width + k);
      }
    }
  }
}

enum class ConvPart : std::uint8_t { Forward, Dx, Dw };

void conv(Problem& p, const Conv& s, ConvPart part) {
  const std::size_t n = std::size_t{s.tokens} * s.channels, taps = std::size_t{s.channels} * s.width;
  const auto first = p.input(0, DType::F32, n, normal());
  const auto second = p.input(1, DType::F32, part == ConvPart::Dw ? n : taps, normal());
  const auto out = p.output(2, DType::F32, part == ConvPart::Dw ? taps : n);
  p.value(3, std::array{s.tokens, s.channels, s.width});
  const std::size_t x = part == ConvPart::Dw ? s.channels : s.tokens, y = part == ConvPart::Dw ? s.width : s.channels;
  p.threads({x + p.spare(1), y + p.spare(2)}, {std::min<std::size_t>(32, x), std::min<std::size_t>(8, y)});
  p.expect(out, {.magnitude = 6e-7}, [=] {
    Values sum(part == ConvPart::Dw ? taps : n, 0.0), magnitude(sum.size(), 0.0);
    conv_terms(s, [&](std::size_t to, std::size_t from, std::size_t tap) {
      const std::size_t target = part == ConvPart::Forward ? to : part == ConvPart::Dx ? from : tap;
      const double term = part == ConvPart::Forward ? second[tap] * first[from]
                          : part == ConvPart::Dx    ? second[tap] * first[to]
                                                    : first[from] * second[to];
      sum[target] += term;
      magnitude[target] += std::fabs(term);
    });
    return Expected(sum, magnitude);
  });
}

}  // namespace

void causal_conv_cases(CaseList& list) {
  for (const Conv& s : {Conv{1, 1, 1}, Conv{1, 5, 4}, Conv{2, 33, 4}, Conv{40, 9, 4}, Conv{33, 17, 7}, Conv{70, 300, 4},
                        Conv{9, 40, 10}, Conv{5, 530, 3}, Conv{3, 48, 4}, Conv{4096, 4096, 4, Purpose::Benchmark}}) {
    const std::string name = fmt::format("T={} C={} K={}", s.tokens, s.channels, s.width);
    list.add(
        "conv1d_depthwise_causal_forward_f32", name, [=](Problem& p) { conv(p, s, ConvPart::Forward); }, s.purpose);
    list.add(
        "conv1d_depthwise_causal_backward_dx_f32", name, [=](Problem& p) { conv(p, s, ConvPart::Dx); }, s.purpose);
    list.add(
        "conv1d_depthwise_causal_backward_dw_f32", name, [=](Problem& p) { conv(p, s, ConvPart::Dw); }, s.purpose);
  }
}

}  // namespace anymetal::cases
