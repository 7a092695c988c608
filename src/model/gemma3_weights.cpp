#include "model/gemma3_weights.hpp"

#include <fmt/format.h>

#include <optional>

namespace anymetal::model {

namespace {

/// Looks tensors up one after another and keeps the first failure.
class Finder {
 public:
  explicit Finder(const Weights& weights) : weights_(weights) {}

  ops::Tensor matrix(const std::string& name, std::size_t rows, std::size_t columns) {
    return keep(weights_.matrix(name, rows, columns));
  }
  ops::Tensor vector(const std::string& name, std::size_t size) { return keep(weights_.vector(name, size)); }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  ops::Tensor keep(const Result<ops::Tensor>& found) {
    if (found) return *found;
    if (!error_) error_ = found.error();
    return {};
  }

  const Weights& weights_;
  std::optional<Error> error_;
};

Gemma3Layer read_layer(Finder& find, const Gemma3Config& c, std::size_t index) {
  const auto name = [index](std::string_view part) { return fmt::format("blk.{}.{}.weight", index, part); };
  const auto query_width = c.heads * c.head_dim;
  const auto kv_width = c.kv_heads * c.head_dim;
  return {
      .attention_norm = find.vector(name("attn_norm"), c.width),
      .query = find.matrix(name("attn_q"), query_width, c.width),
      .key = find.matrix(name("attn_k"), kv_width, c.width),
      .value = find.matrix(name("attn_v"), kv_width, c.width),
      .query_norm = find.vector(name("attn_q_norm"), c.head_dim),
      .key_norm = find.vector(name("attn_k_norm"), c.head_dim),
      .attention_output = find.matrix(name("attn_output"), c.width, query_width),
      .post_attention_norm = find.vector(name("post_attention_norm"), c.width),
      .feed_forward_norm = find.vector(name("ffn_norm"), c.width),
      .gate = find.matrix(name("ffn_gate"), c.feed_forward, c.width),
      .up = find.matrix(name("ffn_up"), c.feed_forward, c.width),
      .down = find.matrix(name("ffn_down"), c.width, c.feed_forward),
      .post_feed_forward_norm = find.vector(name("post_ffw_norm"), c.width),
  };
}

}  // namespace

Result<Gemma3Weights> Gemma3Weights::read(Weights weights, const Gemma3Config& config) {
  Gemma3Weights result{.weights = std::move(weights), .embedding = {}, .output_norm = {}, .output = {}, .layers = {}};
  Finder find(result.weights);
  result.embedding = find.matrix("token_embd.weight", config.vocabulary, config.width);
  result.output_norm = find.vector("output_norm.weight", config.width);
  result.output = result.weights.contains("output.weight")
                      ? find.matrix("output.weight", config.vocabulary, config.width)
                      : result.embedding;
  for (std::size_t i = 0; i < config.layers && !find.error(); ++i) result.layers.push_back(read_layer(find, config, i));
  if (find.error()) return std::unexpected(*find.error());
  return result;
}

}  // namespace anymetal::model
