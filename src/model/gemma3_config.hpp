#pragma once
/// \file
/// Sizes and constants of a Gemma 3 text model.

#include <algorithm>
#include <anymetal/error.hpp>
#include <cstddef>

#include "model/gguf.hpp"

namespace anymetal::model {

/// Read from `gemma3.*` metadata. Names follow the report (Gemma Team, 2025, arXiv:2503.19786). A plain value.
struct Gemma3Config {
  std::size_t layers = 0;
  std::size_t width = 0;         ///< of the residual stream
  std::size_t feed_forward = 0;  ///< inner width of the gated feed-forward block
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;
  std::size_t vocabulary = 0;
  std::size_t context = 0;  ///< longest context the model was made for, tokens
  std::size_t window = 0;   ///< keys a local layer sees, the token's own counted
  float epsilon = 0.0F;
  float global_theta = 0.0F;     ///< rotary base of global layers
  float local_theta = 10000.0F;  ///< rotary base of local layers; files do not state it

  /// Every sixth layer sees the whole context.
  [[nodiscard]] bool is_global(std::size_t layer) const { return (layer + 1) % 6 == 0; }
  /// Positions whose keys the last of `tokens` tokens sees, those of all layers added up.
  [[nodiscard]] std::size_t keys_seen(std::size_t tokens) const {
    std::size_t seen = 0;
    for (std::size_t layer = 0; layer < layers; ++layer) seen += is_global(layer) ? tokens : std::min(tokens, window);
    return seen;
  }

  /// InvalidFile where the file is of another architecture, a key is missing, or sizes make no sense together.
  static Result<Gemma3Config> read(const Gguf& file);
};

}  // namespace anymetal::model
