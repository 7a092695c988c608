#include "bench/kernel_cases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "ops/attention.hpp"
#include "ops/elementwise.hpp"
#include "ops/embedding.hpp"
#include "ops/matmul.hpp"
#include "ops/norm.hpp"
#include "ops/sampling.hpp"
#include "ops/tensor.hpp"

namespace anymetal::cli {

namespace {

using ops::Context;
using ops::DType;
using ops::Tensor;

/// Tensors with their memory, shared by the recordings that use them.
class Tensors {
 public:
  explicit Tensors(Device& device) : device_(device) {}

  /// Zero-filled: the clock does not look at values, and zeros are no denormals.
  Tensor make(DType dtype, std::initializer_list<std::size_t> shape) {
    Tensor measured = Tensor::of(none_, dtype, shape);
    auto buffer = device_.make_buffer(measured.span_bytes() > 0 ? ops::bytes_of(dtype, measured.elements()) : 0);
    if (!buffer) {
      if (!failure_) failure_ = std::make_unique<Error>(buffer.error());
      return measured;
    }
    bytes_ += static_cast<double>(buffer->size());
    buffers_.push_back(std::make_shared<Buffer>(std::move(*buffer)));
    return Tensor::of(*buffers_.back(), dtype, shape);
  }

  /// A run over all tensors made so far; each counts once.
  template <class Record>
  Result<KernelRun> run(Record record, double operations = 0) {
    if (failure_) return std::unexpected(*failure_);
    return KernelRun{[record, keep = buffers_](Context& context) { return record(context); }, bytes_, operations};
  }

 private:
  Device& device_;
  Buffer none_;
  std::vector<std::shared_ptr<Buffer>> buffers_;
  std::unique_ptr<Error> failure_;
  double bytes_ = 0;
};

KernelCase mul_mat_case(DType type, std::size_t m, std::size_t n, std::size_t k) {
  const std::string_view form = m == 1 ? "mv" : "mm";
  return {{fmt::format("mul_{}_wide_{}_f32", form, ops::name(type)),
           fmt::format("kernel_mul_{}_{}_f32", form, ops::name(type))},
          fmt::format("{} x {} by {} columns", n, k, m),
          [=](Device& device) {
            Tensors t(device);
            const Tensor weight = t.make(type, {n, k});
            const Tensor x = t.make(DType::F32, {m, k});
            const Tensor out = t.make(DType::F32, {m, n});
            return t.run([=](Context& c) { return ops::mul_mat(c, weight, x, out); },
                         m == 1 ? 0 : 2.0 * static_cast<double>(m * n) * static_cast<double>(k));
          }};
}

KernelCase attention_case(DType cache, std::size_t queries, std::size_t length, std::vector<std::string> kernels) {
  constexpr std::size_t kHeads = 4;
  constexpr std::size_t kDim = 256;
  return {std::move(kernels), fmt::format("{} queries, {} keys, 4 heads of 256 on 1", queries, length),
          [=](Device& device) {
            Tensors t(device);
            const Tensor keys = t.make(cache, {1, length, kDim});
            const Tensor values = t.make(cache, {1, length, kDim});
            const Tensor query = t.make(DType::F32, {queries, kHeads, kDim});
            const Tensor out = t.make(DType::F32, {queries, kHeads, kDim});
            // A causal query sees half of its block of keys on average.
            const double seen = static_cast<double>(length) - static_cast<double>(queries - 1) / 2;
            return t.run(
                [=](Context& c) {
                  return ops::attention(c, query, keys, values, length, {.scale = 0.0625F, .window = 0, .scratch = {}},
                                        out);
                },
                queries == 1 ? 0 : 4.0 * kHeads * kDim * seen * static_cast<double>(queries));
          }};
}

/// out = op(in...) over equal shapes.
template <class Op>
KernelCase row_case(std::vector<std::string> kernels, std::size_t rows, std::size_t columns, std::size_t inputs,
                    Op op) {
  return {std::move(kernels), fmt::format("{} x {}", rows, columns), [=](Device& device) {
            Tensors t(device);
            std::vector<Tensor> in;
            for (std::size_t i = 0; i < inputs; ++i) in.push_back(t.make(DType::F32, {rows, columns}));
            const Tensor weight = t.make(DType::F32, {columns});
            const Tensor out = t.make(DType::F32, {rows, columns});
            return t.run([=](Context& c) { return op(c, in, weight, out); });
          }};
}

std::vector<KernelCase> make_cases() {
  using List = std::vector<Tensor>;
  constexpr float kEpsilon = 1e-6F;
  std::vector<KernelCase> cases;
  for (const DType type :
       {DType::Q4_0, DType::Q5_0, DType::Q5_1, DType::Q8_0, DType::IQ4_NL, DType::Q4_K, DType::Q5_K, DType::Q6_K}) {
    cases.push_back(mul_mat_case(type, 1, 4096, 14336));
    cases.push_back(mul_mat_case(type, 128, 4096, 4096));
  }
  cases.push_back(attention_case(DType::F32, 1, 4096, {"flash_attn_vec_dk256"}));
  cases.push_back(attention_case(DType::F16, 1, 4096, {"flash_attn_vec_f16kv_dk256"}));
  cases.push_back(attention_case(DType::F32, 512, 512, {"steel_attention_float32_bq32_bk16_bd256_wm4_wn1_maskbool_"}));
  cases.push_back(row_case({"rms_norm_f32_v2", "rms_norm_f32"}, 2048, 4096, 1,
                           [](Context& c, const List& in, const Tensor& w, const Tensor& out) {
                             return ops::rms_norm(c, in[0], w, kEpsilon, out);
                           }));
  cases.push_back(row_case({"fused_norm_add_f32_v2", "fused_norm_add_f32"}, 2048, 4096, 2,
                           [](Context& c, const List& in, const Tensor& w, const Tensor& out) {
                             return ops::norm_add(c, in[0], in[1], w, kEpsilon, out);
                           }));
  cases.push_back(row_case({"fused_residual_norm_f32"}, 2048, 4096, 2,
                           [](Context& c, const List& in, const Tensor& w, const Tensor& out) {
                             return ops::residual_norm(c, in[0], in[1], w, kEpsilon, out);
                           }));
  cases.push_back(
      row_case({"fused_gelu_mul"}, 2048, 4096, 2, [](Context& c, const List& in, const Tensor&, const Tensor& out) {
        return ops::gelu_mul(c, in[0], in[1], out);
      }));
  cases.push_back(row_case(
      {"elementwise_add_f32"}, 2048, 4096, 2,
      [](Context& c, const List& in, const Tensor&, const Tensor& out) { return ops::add(c, in[0], in[1], out); }));
  cases.push_back(row_case(
      {"scalar_mul_f32"}, 2048, 4096, 1,
      [](Context& c, const List& in, const Tensor&, const Tensor& out) { return ops::scale(c, in[0], 0.5F, out); }));
  cases.push_back(row_case(
      {"softmax_f32"}, 2048, 4096, 1,
      [](Context& c, const List& in, const Tensor&, const Tensor& out) { return ops::softmax(c, in[0], out); }));
  cases.push_back({{"argmax_f32"}, "262144 logits", [](Device& device) {
                     Tensors t(device);
                     const Tensor logits = t.make(DType::F32, {262144});
                     const Tensor index = t.make(DType::U32, {1});
                     const Tensor value = t.make(DType::F32, {1});
                     return t.run([=](Context& c) { return ops::argmax(c, logits, index, value); });
                   }});
  return cases;
}

}  // namespace

std::span<const KernelCase> kernel_cases() {
  static const std::vector<KernelCase> cases = make_cases();
  return cases;
}

const KernelCase* find_kernel_case(std::string_view kernel) {
  const auto found = std::ranges::find_if(
      kernel_cases(), [&](const KernelCase& c) { return std::ranges::find(c.kernels, kernel) != c.kernels.end(); });
  return found == kernel_cases().end() ? nullptr : &*found;
}

}  // namespace anymetal::cli
