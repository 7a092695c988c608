#pragma once
/// \file
/// The tensors of a Gemma 3 text model.

#include <vector>

#include "model/gemma3_config.hpp"
#include "model/weights.hpp"

namespace anymetal::model {

/// One transformer block. Matrices are [outputs, inputs].
struct Gemma3Layer {
  ops::Tensor attention_norm;
  ops::Tensor query, key, value;
  ops::Tensor query_norm, key_norm;  ///< per head
  ops::Tensor attention_output;
  ops::Tensor post_attention_norm;
  ops::Tensor feed_forward_norm;
  ops::Tensor gate, up, down;
  ops::Tensor post_feed_forward_norm;
};

/// Views into the buffer of `weights`. A plain value.
struct Gemma3Weights {
  Weights weights;
  ops::Tensor embedding;  ///< [vocabulary, width]
  ops::Tensor output_norm;
  ops::Tensor output;  ///< the embedding again unless the file has a head of its own
  std::vector<Gemma3Layer> layers;

  /// InvalidFile names the first tensor that is missing or does not fit.
  static Result<Gemma3Weights> read(Weights weights, const Gemma3Config& config);
};

}  // namespace anymetal::model
