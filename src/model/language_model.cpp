#include "model/language_model.hpp"

#include <fmt/format.h>

#include <chrono>

namespace anymetal::model {

Result<LanguageModel> LanguageModel::open(const std::string& path, KernelRegistry& registry, const Device& device,
                                          Gemma3Options options) {
  const auto start = std::chrono::steady_clock::now();
  const auto in_file = [&path](const Error& error) {
    return std::unexpected(error.with_context(fmt::format("'{}'", path)));
  };
  const auto file = Gguf::open(path);
  if (!file) return std::unexpected(file.error());
  // The network first: a file of another architecture should be told so rather than judged by its tokenizer.
  auto network = Gemma3::load(*file, registry, device, options);
  if (!network) return in_file(network.error());
  auto tokenizer = Tokenizer::read(*file);
  if (!tokenizer) return in_file(tokenizer.error());
  if (tokenizer->vocabulary()->size() > network->config().vocabulary) {
    return in_file(
        Error(ErrorCode::InvalidFile, fmt::format("the tokenizer knows {} tokens, the network {}",
                                                  tokenizer->vocabulary()->size(), network->config().vocabulary)));
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  return LanguageModel{std::move(*tokenizer), std::move(*network), taken.count()};
}

}  // namespace anymetal::model
