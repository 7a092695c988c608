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
  /// Room for `batch` tokens and `logit_rows` rows of logits.
  static Result<Gemma3Activations> make(Device& device, const Gemma3Config& config, std::size_t batch,
                                        std::size_t logit_rows);

  Buffer tokens, positions;  ///< u32
  Buffer stream;             ///< the residual stream
  Buffer normed;             ///< a layer norm's output, then a block's contribution
  Buffer query, key, value, attended, gate, up, logits;
  Buffer scratch;                ///< of attention to one query; absent where it needs none
};

/// The tokens of one batch and where in the context they stand.
struct Gemma3Batch {
  std::size_t first = 0;  ///< position of the first token
  std::size_t count = 0;
};

/// Records embedding and all layers: from `tokens` to `stream`, filling the cache at the batch's positions.
Result<void> record_layers(ops::Context& context, const Gemma3Config& config, const Gemma3Weights& weights,
                           const KvCache& cache, const Gemma3Activations& buffers, const Gemma3Batch& batch);

/// Records the output head for rows [row, row + count) of `stream`: fills the first `count` rows of `logits`.
Result<void> record_logits(ops::Context& context, const Gemma3Config& config, const Gemma3Weights& weights,
                           const Gemma3Activations& buffers, std::size_t row, std::size_t count);

}  // namespace anymetal::model
