#include "model/gemma3_config.hpp"

#include <fmt/format.h>

#include <cmath>

namespace anymetal::model {

namespace {

// Far above any model, and small enough that no product of two of them overflows.
constexpr std::uint64_t kLargestSize = 1U << 28;

std::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::InvalidFile, std::move(message)); }

Result<void> read_size(const Gguf& file, std::string_view key, std::size_t& size) {
  const auto value = file.integer(key);
  if (!value) return std::unexpected(value.error());
  if (*value == 0 || *value > kLargestSize) return invalid(fmt::format("metadata key '{}' is {}", key, *value));
  size = static_cast<std::size_t>(*value);
  return {};
}

Result<void> read_positive(const Gguf& file, std::string_view key, float& number) {
  const auto value = file.number(key);
  if (!value) return std::unexpected(value.error());
  if (!(*value > 0.0) || std::isinf(*value)) return invalid(fmt::format("metadata key '{}' is {}", key, *value));
  number = static_cast<float>(*value);
  return {};
}

Result<void> check_architecture(const Gguf& file) {
  const auto architecture = file.text("general.architecture");
  if (!architecture) return std::unexpected(architecture.error());
  if (*architecture != "gemma3") {
    return invalid(fmt::format("models of architecture '{}' are not supported (gemma3 is)", *architecture));
  }
  if (file.find("gemma3.rope.scaling.type") != nullptr) {
    const auto scaling = file.text("gemma3.rope.scaling.type");
    if (!scaling) return std::unexpected(scaling.error());
    if (*scaling != "none") return invalid(fmt::format("rotary scaling '{}' is not supported", *scaling));
  }
  return {};
}

}  // namespace

Result<Gemma3Config> Gemma3Config::read(const Gguf& file) {
  if (auto done = check_architecture(file); !done) return std::unexpected(done.error());
  Gemma3Config c;
  std::size_t value_length = 0;
  const struct {
    std::string_view key;
    std::size_t& size;
  } sizes[] = {
      {"gemma3.block_count", c.layers},
      {"gemma3.embedding_length", c.width},
      {"gemma3.feed_forward_length", c.feed_forward},
      {"gemma3.attention.head_count", c.heads},
      {"gemma3.attention.head_count_kv", c.kv_heads},
      {"gemma3.attention.key_length", c.head_dim},
      {"gemma3.attention.value_length", value_length},
      {"gemma3.context_length", c.context},
      {"gemma3.attention.sliding_window", c.window},
  };
  for (const auto& [key, size] : sizes) {
    if (auto done = read_size(file, key, size); !done) return std::unexpected(done.error());
  }
  if (auto done = read_positive(file, "gemma3.attention.layer_norm_rms_epsilon", c.epsilon); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = read_positive(file, "gemma3.rope.freq_base", c.global_theta); !done)
    return std::unexpected(done.error());
  if (c.heads % c.kv_heads != 0 || value_length != c.head_dim || c.head_dim % 2 != 0) {
    return invalid(fmt::format("{} query heads, {} key heads, keys of {} and values of {} elements do not fit together",
                               c.heads, c.kv_heads, c.head_dim, value_length));
  }
  const auto table = file.tensor("token_embd.weight");
  if (!table) return std::unexpected(table.error());
  c.vocabulary = table->rows();
  return c;
}

}  // namespace anymetal::model
