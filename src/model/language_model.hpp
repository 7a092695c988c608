#pragma once
/// \file
/// A model file ready to write text.

#include <memory>
#include <string>

#include "model/generate.hpp"

namespace anymetal::model {

/// Tokenizer and network of one file. Thread contract: one thread at a time.
/// \code
///   auto model = LanguageModel::open("gemma.gguf", registry, device);
///   auto prompt = model->tokenizer.encode("The capital of France is");
///   auto result = generate(model->network, model->tokenizer, *prompt, {.max_tokens = 16});
/// \endcode
struct LanguageModel {
  Tokenizer tokenizer;
  Gemma3 network;
  double load_seconds = 0.0;

  /// IoError or InvalidFile say what is wrong with the file. `registry` must outlive the model.
  static Result<LanguageModel> open(const std::string& path, KernelRegistry& registry, const Device& device,
                                    Gemma3Options options = {});
};

}  // namespace anymetal::model
