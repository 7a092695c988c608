#include "model/gemma3_graph.hpp"

#include <cmath>
#include <numeric>
#include <vector>

#include "model/recorder.hpp"
#include "ops/attention.hpp"
#include "ops/elementwise.hpp"
#include "ops/embedding.hpp"
#include "ops/kv_cache.hpp"
#include "ops/matmul.hpp"
#include "ops/norm.hpp"
#include "ops/sampling.hpp"

namespace anymetal::model {

using ops::DType;
using ops::Tensor;

namespace {

Tensor attention_scratch(const Gemma3Activations& buffers) {
  const std::size_t bytes = buffers.scratch.size();
  return bytes == 0 ? Tensor{} : Tensor::of(buffers.scratch, DType::F32, {bytes / sizeof(float)});
}

/// x + attention(norm(x)), with queries and keys normalised and rotated.
void record_attention(Recorder& run, const Gemma3Config& c, const Gemma3Layer& w, const KvCache& cache,
                      std::size_t layer, const Gemma3Activations& buffers, const Gemma3Batch& batch) {
  const auto T = batch.count;
  const auto x = Tensor::of(buffers.stream, DType::F32, {T, c.width});
  const auto h = Tensor::of(buffers.normed, DType::F32, {T, c.width});
  const auto q = Tensor::of(buffers.query, DType::F32, {T, c.heads * c.head_dim});
  const auto k = Tensor::of(buffers.key, DType::F32, {T, c.kv_heads * c.head_dim});
  const auto v = Tensor::of(buffers.value, DType::F32, {T, c.kv_heads * c.head_dim});
  const auto a = Tensor::of(buffers.attended, DType::F32, {T, c.heads * c.head_dim});
  const auto positions = Tensor::of(buffers.positions, DType::U32, {T}, batch.first * sizeof(std::uint32_t));
  const auto q_heads = q.reshaped({T, c.heads, c.head_dim});
  const auto k_heads = k.reshaped({T, c.kv_heads, c.head_dim});
  const auto v_heads = v.reshaped({T, c.kv_heads, c.head_dim});
  const ops::Rope rope{.theta = c.is_global(layer) ? c.global_theta : c.local_theta, .rope_dim = 0};
  const ops::AttentionOptions options{.scale = 1.0F / std::sqrt(static_cast<float>(c.head_dim)),
                                      .window = c.is_global(layer) ? 0 : c.window,
                                      .scratch = attention_scratch(buffers)};

  run(ops::rms_norm, x, w.attention_norm, c.epsilon, h);
  run(ops::mul_mat, w.query, h, q);
  run(ops::mul_mat, w.key, h, k);
  run(ops::mul_mat, w.value, h, v);
  run(ops::head_norm_rope, q_heads, w.query_norm, positions, rope, c.epsilon, q_heads);
  run(ops::head_norm_rope, k_heads, w.key_norm, positions, rope, c.epsilon, k_heads);
  run(ops::write_kv_cache, k_heads, v_heads, cache.keys(layer), cache.values(layer), batch.first);
  run(ops::attention, q_heads, cache.keys(layer), cache.values(layer), batch.first + T, options,
      a.reshaped({T, c.heads, c.head_dim}));
  run(ops::mul_mat, w.attention_output, a, h);
  run(ops::norm_add, x, h, w.post_attention_norm, c.epsilon, x);
}

/// x + norm(down(gelu(gate(norm(x))) * up(norm(x)))).
void record_feed_forward(Recorder& run, const Gemma3Config& c, const Gemma3Layer& w, const Gemma3Activations& buffers,
                         std::size_t count) {
  const auto x = Tensor::of(buffers.stream, DType::F32, {count, c.width});
  const auto h = Tensor::of(buffers.normed, DType::F32, {count, c.width});
  const auto gate = Tensor::of(buffers.gate, DType::F32, {count, c.feed_forward});
  const auto up = Tensor::of(buffers.up, DType::F32, {count, c.feed_forward});

  run(ops::rms_norm, x, w.feed_forward_norm, c.epsilon, h);
  run(ops::mul_mat, w.gate, h, gate);
  run(ops::mul_mat, w.up, h, up);
  run(ops::gelu_mul, gate, up, gate);
  run(ops::mul_mat, w.down, gate, h);
  run(ops::norm_add, x, h, w.post_feed_forward_norm, c.epsilon, x);
}

}  // namespace

Result<Gemma3Activations> Gemma3Activations::make(Device& device, const Gemma3Config& c, std::size_t batch,
                                                  std::size_t logit_rows, std::size_t limit) {
  Gemma3Activations a;
  const struct {
    Buffer& buffer;
    std::size_t elements;
  } wanted[] = {
      {a.tokens, batch},
      {a.positions, limit},
      {a.choices, 2 * (limit + 1)},
      {a.stream, batch * c.width},
      {a.normed, batch * c.width},
      {a.query, batch * c.heads * c.head_dim},
      {a.key, batch * c.kv_heads * c.head_dim},
      {a.value, batch * c.kv_heads * c.head_dim},
      {a.attended, batch * c.heads * c.head_dim},
      {a.gate, batch * c.feed_forward},
      {a.up, batch * c.feed_forward},
      {a.logits, logit_rows * c.vocabulary},
  };
  for (const auto& [buffer, elements] : wanted) {
    auto made = device.make_buffer(elements * sizeof(float));
    if (!made) return std::unexpected(made.error());
    buffer = std::move(*made);
  }
  if (const auto bytes = ops::attention_scratch_bytes(device, c.heads, c.head_dim); bytes > 0) {
    auto made = device.make_buffer(bytes);
    if (!made) return std::unexpected(made.error());
    a.scratch = std::move(*made);
  }
  std::vector<std::uint32_t> positions(limit);
  std::iota(positions.begin(), positions.end(), 0U);
  if (auto done = a.positions.write(std::as_bytes(std::span(positions))); !done) return std::unexpected(done.error());
  return a;
}

Result<void> record_layers(ops::Context& context, const Gemma3Config& config, const Gemma3Weights& weights,
                           const KvCache& cache, const Gemma3Activations& buffers, const Gemma3Batch& batch,
                           TokenSource source) {
  const auto tokens = source == TokenSource::Given
                          ? Tensor::of(buffers.tokens, DType::U32, {batch.count})
                          : Tensor::of(buffers.choices, DType::U32, {batch.count}, choice_offset(batch.first));
  const auto x = Tensor::of(buffers.stream, DType::F32, {batch.count, config.width});
  Recorder run(context);
  run(ops::embedding, weights.embedding, tokens, std::sqrt(static_cast<float>(config.width)), x);
  for (std::size_t layer = 0; layer < weights.layers.size(); ++layer) {
    record_attention(run, config, weights.layers[layer], cache, layer, buffers, batch);
    record_feed_forward(run, config, weights.layers[layer], buffers, batch.count);
  }
  return run.status();
}

Result<void> record_logits(ops::Context& context, const Gemma3Config& config, const Gemma3Weights& weights,
                           const Gemma3Activations& buffers, std::size_t row, std::size_t count) {
  const auto x = Tensor::of(buffers.stream, DType::F32, {row + count, config.width}).rows(row, count);
  const auto h = Tensor::of(buffers.normed, DType::F32, {count, config.width});
  const auto logits = Tensor::of(buffers.logits, DType::F32, {count, config.vocabulary});
  Recorder run(context);
  run(ops::rms_norm, x, weights.output_norm, config.epsilon, h);
  run(ops::mul_mat, weights.output, h, logits);
  return run.status();
}

Result<void> record_choice(ops::Context& context, const Gemma3Config& config, const Gemma3Activations& buffers,
                           std::size_t position) {
  const auto at = choice_offset(position);
  return ops::argmax(context, Tensor::of(buffers.logits, DType::F32, {config.vocabulary}),
                     Tensor::of(buffers.choices, DType::U32, {1}, at),
                     Tensor::of(buffers.choices, DType::F32, {1}, at + sizeof(std::uint32_t)));
}

}  // namespace anymetal::model
