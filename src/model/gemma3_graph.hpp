#pragma once
/// \file
/// What one batch of tokens goes through.

#include "model/gemma3_weights.hpp"
#include "model/kv_cache.hpp"
#include "ops/context.hpp"

namespace anymetal::model {

/// Intermediate results of one batch, reused by every layer.
class Gemma3Activations {
 public:
  /// Room for `batch` tokens, `logit_rows` rows of logits and contexts of up to `limit` tokens.
  static Result<Gemma3Activations> make(Device& device, const Gemma3Config& config, std::size_t batch,
                                        std::size_t logit_rows, std::size_t limit);

  Buffer tokens;     ///< u32: what the batch consists of
  Buffer positions;  ///< u32: 0, 1, 2, ... up to the limit
  Buffer choices;    ///< for each position, the token chosen for it and its logit: u32 and f32
  Buffer stream;     ///< the residual stream
  Buffer normed;     ///< a layer norm's output, then a block's contribution
  Buffer query, key, value, attended, gate, up, logits;
  Buffer scratch;  ///< of attention to one query; absent where it needs none
};

/// The tokens of one batch and where in the context they stand.
struct Gemma3Batch {
  std::size_t first = 0;  ///< position of the first token
  std::size_t count = 0;
};

/// Bytes from the start of `choices` to the token for a position; its logit follows.
constexpr std::size_t choice_offset(std::size_t position) { return 8 * position; }

/// Where a batch's tokens come from: `tokens`, or for a single one its place in `choices`.
enum class TokenSource : std::uint8_t { Given, Chosen };

/// Records embedding and all layers: from the tokens to `stream`, filling the cache at the batch's positions.
Result<void> record_layers(ops::Context& context, const Gemma3Config& config, const Gemma3Weights& weights,
                           const KvCache& cache, const Gemma3Activations& buffers, const Gemma3Batch& batch,
                           TokenSource source = TokenSource::Given);

/// Records the output head for rows [row, row + count) of `stream`: fills the first `count` rows of `logits`.
Result<void> record_logits(ops::Context& context, const Gemma3Config& config, const Gemma3Weights& weights,
                           const Gemma3Activations& buffers, std::size_t row, std::size_t count);

/// Records the choice of the likeliest token by the first row of `logits`: fills the place of `position` in `choices`.
Result<void> record_choice(ops::Context& context, const Gemma3Config& config, const Gemma3Activations& buffers,
                           std::size_t position);

}  // namespace anymetal::model
