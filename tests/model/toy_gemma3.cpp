#include "model/toy_gemma3.hpp"

#include <cmath>
#include <cstdio>
#include <random>

namespace anymetal::test {

namespace {

using model::GgufType;
using model::TensorType;

class Toy {
 public:
  Toy(const ToySizes& sizes, const ToyChanges& changes) : sizes_(sizes), changes_(changes) {}

  Bytes build() {
    writer_.text("general.architecture", changes_.architecture);
    metadata();
    tokenizer();
    if (changes_.add) changes_.add(writer_);
    matrix("token_embd", TensorType::Q8_0, sizes_.vocabulary, sizes_.width);
    vector("output_norm", sizes_.width);
    for (std::uint32_t i = 0; i < sizes_.layers; ++i) layer("blk." + std::to_string(i) + ".", i % 2 == 0);
    return writer_.bytes();
  }

 private:
  void metadata() {
    size("gemma3.block_count", sizes_.layers);
    size("gemma3.embedding_length", sizes_.width);
    size("gemma3.feed_forward_length", sizes_.feed_forward);
    size("gemma3.attention.head_count", sizes_.heads);
    size("gemma3.attention.head_count_kv", sizes_.kv_heads);
    size("gemma3.attention.key_length", sizes_.head_dim);
    size("gemma3.attention.value_length", sizes_.head_dim);
    size("gemma3.context_length", sizes_.context);
    size("gemma3.attention.sliding_window", sizes_.window);
    number("gemma3.attention.layer_norm_rms_epsilon", 1e-6F);
    number("gemma3.rope.freq_base", 1e6F);
  }

  void tokenizer() {
    std::vector<std::string> texts{"<pad>", "<eos>", "<bos>"};
    std::vector<std::int32_t> kinds{3, 3, 3};
    for (unsigned byte = 0; texts.size() < sizes_.vocabulary; ++byte) {
      char text[8];
      std::snprintf(text, sizeof text, "<0x%02X>", byte & 255U);
      texts.emplace_back(text);
      kinds.push_back(6);
    }
    writer_.text("tokenizer.ggml.model", "llama").texts("tokenizer.ggml.tokens", texts);
    writer_.array("tokenizer.ggml.scores", GgufType::Float32, std::vector<float>(texts.size()));
    writer_.array("tokenizer.ggml.token_type", GgufType::Int32, kinds);
    writer_.u32("tokenizer.ggml.bos_token_id", 2).u32("tokenizer.ggml.eos_token_id", 1);
    writer_.flag("tokenizer.ggml.add_space_prefix", false);
  }

  void layer(const std::string& prefix, bool even) {
    const auto query = sizes_.heads * sizes_.head_dim;
    const auto kv = sizes_.kv_heads * sizes_.head_dim;
    vector(prefix + "attn_norm", sizes_.width);
    matrix(prefix + "attn_q", TensorType::Q5_0, query, sizes_.width);
    matrix(prefix + "attn_k", TensorType::Q5_0, kv, sizes_.width);
    matrix(prefix + "attn_v", even ? TensorType::Q8_0 : TensorType::Q5_0, kv, sizes_.width);
    vector(prefix + "attn_q_norm", sizes_.head_dim);
    vector(prefix + "attn_k_norm", sizes_.head_dim);
    matrix(prefix + "attn_output", TensorType::Q4_K, sizes_.width, query);
    vector(prefix + "post_attention_norm", sizes_.width);
    vector(prefix + "ffn_norm", sizes_.width);
    matrix(prefix + "ffn_gate", TensorType::Q5_0, sizes_.feed_forward, sizes_.width);
    matrix(prefix + "ffn_up", TensorType::Q5_0, sizes_.feed_forward, sizes_.width);
    matrix(prefix + "ffn_down", even ? TensorType::Q6_K : TensorType::Q4_K, sizes_.width, sizes_.feed_forward);
    vector(prefix + "post_ffw_norm", sizes_.width);
  }

  void size(const std::string& key, std::uint32_t value) {
    if (key != changes_.leave_out) writer_.u32(key, value);
  }
  void number(const std::string& key, float value) {
    if (key != changes_.leave_out) writer_.f32(key, value);
  }

  void vector(const std::string& part, std::uint32_t columns) {
    const auto name = part + ".weight";
    if (name == changes_.leave_out) return;
    if (name == changes_.reshape) ++columns;
    ByteWriter data;
    std::uniform_real_distribution<float> weights(0.5F, 1.5F);
    for (std::uint32_t i = 0; i < columns; ++i) data.put(weights(random_));
    writer_.tensor(name, TensorType::F32, {columns}, data.bytes());
  }

  void matrix(const std::string& part, TensorType type, std::uint32_t rows, std::uint32_t columns) {
    const auto name = part + ".weight";
    if (name == changes_.leave_out) return;
    if (name == changes_.reshape) ++rows;
    // Outputs of about the size of the inputs.
    const float spread = 1.0F / std::sqrt(static_cast<float>(columns));
    ByteWriter data;
    for (std::size_t i = 0; i < std::size_t{rows} * columns / model::traits(type).block_elements; ++i) {
      block(data, type, spread);
    }
    writer_.tensor(name, type, {columns, rows}, data.bytes());
  }

  void noise(ByteWriter& data, int bytes) {
    for (int i = 0; i < bytes; ++i) data.put(static_cast<std::uint8_t>(random_()));
  }

  /// Random codes; the scale brings each format's codes to the given standard deviation.
  void block(ByteWriter& data, TensorType type, float spread) {
    const auto half = [&](float value) { data.put(static_cast<_Float16>(value)); };
    switch (type) {
      case TensorType::Q8_0:
        half(spread / 74.0F);
        noise(data, 32);
        break;
      case TensorType::Q5_0:
        half(spread / 9.2F);
        noise(data, 20);
        break;
      case TensorType::Q4_K:
        half(spread / 150.0F);
        half(spread / 20.0F);
        noise(data, 140);
        break;
      default:  // Q6_K
        noise(data, 208);
        half(spread / 1370.0F);
    }
  }

  const ToySizes& sizes_;
  const ToyChanges& changes_;
  GgufWriter writer_;
  std::mt19937 random_{20};
};

}  // namespace

Bytes toy_gemma3(const ToySizes& sizes, const ToyChanges& changes) { return Toy(sizes, changes).build(); }

}  // namespace anymetal::test
