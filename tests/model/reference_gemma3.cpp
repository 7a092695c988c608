#include "model/reference_gemma3.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <thread>

#include "model/dequantise.hpp"

namespace anymetal::test {

namespace {

/// Sixteen running sums: short chains of rounding, and a loop that compilers vectorise without reordering anything.
float dot(const float* a, const float* b, std::size_t n) {
  std::array<float, 16> sums{};
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (std::size_t j = 0; j < 16; ++j) sums[j] += a[i + j] * b[i + j];
  }
  double total = 0.0;
  for (; i < n; ++i) total += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  for (const float sum : sums) total += static_cast<double>(sum);
  return static_cast<float>(total);
}

/// Runs body(first, last) over [0, count) on two threads.
template <class Body>
void in_halves(std::size_t count, const Body& body) {
  std::thread other([&] { body(count / 2, count); });
  body(0, count / 2);
  other.join();
}

std::string block(std::size_t index, const char* part) {
  return "blk." + std::to_string(index) + "." + part + ".weight";
}

}  // namespace

void ReferenceGemma3::see(const std::string& name, const std::vector<float>& rows) const {
  if (tap) tap(name, rows);
}

std::vector<float> ReferenceGemma3::vector(const std::string& name) const {
  const auto tensor = file_.tensor(name).value();
  std::vector<float> result(tensor.columns());
  dequantise(tensor.type, tensor.data, result);
  return result;
}

std::vector<float> ReferenceGemma3::multiply(const std::string& matrix, const std::vector<float>& x,
                                             std::size_t rows) const {
  const auto tensor = file_.tensor(matrix).value();
  const auto inputs = tensor.columns();
  const auto outputs = tensor.rows();
  const auto row_bytes = tensor.data.size() / outputs;
  std::vector<float> y(rows * outputs);
  in_halves(outputs, [&](std::size_t first, std::size_t last) {
    std::vector<float> weight(inputs);
    for (std::size_t o = first; o < last; ++o) {
      dequantise(tensor.type, tensor.data.subspan(o * row_bytes, row_bytes), weight);
      for (std::size_t t = 0; t < rows; ++t) y[t * outputs + o] = dot(weight.data(), &x[t * inputs], inputs);
    }
  });
  return y;
}

/// Each run of weight.size() elements on its own.
void ReferenceGemma3::norm(std::vector<float>& x, const std::vector<float>& weight) const {
  for (std::size_t row = 0; row < x.size(); row += weight.size()) {
    double squares = 0.0;
    for (std::size_t i = 0; i < weight.size(); ++i)
      squares += static_cast<double>(x[row + i]) * static_cast<double>(x[row + i]);
    const double scale =
        1.0 / std::sqrt(squares / static_cast<double>(weight.size()) + static_cast<double>(config_.epsilon));
    for (std::size_t i = 0; i < weight.size(); ++i) {
      x[row + i] = static_cast<float>(static_cast<double>(x[row + i]) * scale * static_cast<double>(weight[i]));
    }
  }
}

/// Element i of a head's first half turns with element i of its second half by position * theta^(-i / half).
void ReferenceGemma3::rotate(std::vector<float>& x, std::size_t heads, float theta) const {
  const auto half = config_.head_dim / 2;
  for (std::size_t row = 0; row < x.size() / config_.head_dim; ++row) {
    const auto position = static_cast<double>(row / heads);
    float* const head = &x[row * config_.head_dim];
    for (std::size_t i = 0; i < half; ++i) {
      const double angle =
          position * std::pow(static_cast<double>(theta), -static_cast<double>(i) / static_cast<double>(half));
      const auto low = static_cast<double>(head[i]);
      const auto high = static_cast<double>(head[i + half]);
      head[i] = static_cast<float>(low * std::cos(angle) - high * std::sin(angle));
      head[i + half] = static_cast<float>(low * std::sin(angle) + high * std::cos(angle));
    }
  }
}

std::vector<float> ReferenceGemma3::attend(const std::vector<float>& q, const std::vector<float>& k,
                                           const std::vector<float>& v, std::size_t count, std::size_t window) const {
  const auto d = config_.head_dim;
  const double scale = 1.0 / std::sqrt(static_cast<double>(d));
  std::vector<float> out(q.size());
  in_halves(count, [&](std::size_t begin, std::size_t end) {
    std::vector<double> weights(count);
    std::vector<double> sum(d);
    for (std::size_t t = begin; t < end; ++t) {
      const std::size_t first = window != 0 && t + 1 > window ? t + 1 - window : 0;
      for (std::size_t h = 0; h < config_.heads; ++h) {
        const auto kv = h / (config_.heads / config_.kv_heads);
        const float* const query = &q[(t * config_.heads + h) * d];
        const auto row = [&](std::size_t s) { return (s * config_.kv_heads + kv) * d; };
        double largest = -std::numeric_limits<double>::infinity();
        for (std::size_t s = first; s <= t; ++s) {
          weights[s] = static_cast<double>(dot(query, &k[row(s)], d)) * scale;
          largest = std::max(largest, weights[s]);
        }
        double total = 0.0;
        std::ranges::fill(sum, 0.0);
        for (std::size_t s = first; s <= t; ++s) {
          const double w = std::exp(weights[s] - largest);
          total += w;
          for (std::size_t i = 0; i < d; ++i) sum[i] += w * static_cast<double>(v[row(s) + i]);
        }
        for (std::size_t i = 0; i < d; ++i) out[(t * config_.heads + h) * d + i] = static_cast<float>(sum[i] / total);
      }
    }
  });
  return out;
}

void ReferenceGemma3::layer(std::vector<float>& x, std::size_t index, std::size_t count) const {
  const auto named = [&](const char* part) { return std::to_string(index) + "." + part; };
  const auto add = [&x](const std::vector<float>& y) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  };
  const float theta = config_.is_global(index) ? config_.global_theta : config_.local_theta;

  auto h = x;
  norm(h, vector(block(index, "attn_norm")));
  see(named("attention_norm"), h);
  auto q = multiply(block(index, "attn_q"), h, count);
  auto k = multiply(block(index, "attn_k"), h, count);
  const auto v = multiply(block(index, "attn_v"), h, count);
  norm(q, vector(block(index, "attn_q_norm")));
  norm(k, vector(block(index, "attn_k_norm")));
  rotate(q, config_.heads, theta);
  rotate(k, config_.kv_heads, theta);
  see(named("query"), q);
  see(named("key"), k);
  see(named("value"), v);
  const auto attended = attend(q, k, v, count, config_.is_global(index) ? 0 : config_.window);
  see(named("attended"), attended);
  h = multiply(block(index, "attn_output"), attended, count);
  norm(h, vector(block(index, "post_attention_norm")));
  add(h);
  see(named("after_attention"), x);

  h = x;
  norm(h, vector(block(index, "ffn_norm")));
  auto gate = multiply(block(index, "ffn_gate"), h, count);
  const auto up = multiply(block(index, "ffn_up"), h, count);
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const auto g = static_cast<double>(gate[i]);
    const double inner = std::sqrt(2.0 / 3.14159265358979323846) * (g + 0.044715 * g * g * g);
    gate[i] = static_cast<float>(0.5 * g * (1.0 + std::tanh(inner)) * static_cast<double>(up[i]));
  }
  see(named("gated"), gate);
  h = multiply(block(index, "ffn_down"), gate, count);
  norm(h, vector(block(index, "post_ffw_norm")));
  add(h);
  see(named("output"), x);
}

std::vector<float> ReferenceGemma3::forward(std::span<const std::uint32_t> tokens, std::size_t rows) {
  const auto table = file_.tensor("token_embd.weight").value();
  const auto row_bytes = table.data.size() / table.rows();
  std::vector<float> x(tokens.size() * config_.width);
  const float scale = std::sqrt(static_cast<float>(config_.width));
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const auto row = std::span(x).subspan(t * config_.width, config_.width);
    dequantise(table.type, table.data.subspan(tokens[t] * row_bytes, row_bytes), row);
    for (auto& value : row) value *= scale;
  }
  see("embedding", x);
  for (std::size_t i = 0; i < config_.layers; ++i) layer(x, i, tokens.size());
  if (rows == 0) rows = tokens.size();
  x.erase(x.begin(), x.end() - static_cast<std::ptrdiff_t>(rows * config_.width));
  norm(x, vector("output_norm.weight"));
  return multiply("token_embd.weight", x, rows);
}

}  // namespace anymetal::test
