#pragma once
/// \file
/// The Gemma 3 text model as a graph of ops.

#include <anymetal/anymetal.hpp>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "model/gemma3_config.hpp"
#include "model/gguf.hpp"
#include "model/vocabulary.hpp"
#include "ops/dtype.hpp"

namespace anymetal::model {

struct Gemma3Options {
  std::size_t batch = 512;  ///< most prompt tokens that go through the layers together
  std::size_t context = 0;  ///< most tokens in the context; 0: as many as the model was made for
  /// Of keys and values in the cache: F32, or F16, which halves what a token reads of the context and rounds it to 11 bits.
  ops::DType cache = ops::DType::F32;
};

/// Gemma 3 (arXiv:2503.19786): pre- and post-norms, normalised queries and keys, rotary positions, five layers with a
/// sliding window for each global one, GELU-gated feed-forward, output head tied to the embedding. Activations are f32, and
/// the key/value cache too unless options say otherwise.
///
/// Thread contract: one thread at a time; several models may share a registry and a device. Any call may compile
/// kernels.
/// \code
///   auto model = Gemma3::load(file, registry, device);
///   auto logits = model->forward(prompt);     // of the token that follows
/// \endcode
class Gemma3 {
 public:
  /// `registry` must outlive the model. InvalidFile where the file is not a Gemma 3 model or lacks something.
  static Result<Gemma3> load(const Gguf& file, KernelRegistry& registry, const Device& device,
                             Gemma3Options options = {});
  ~Gemma3();
  Gemma3(Gemma3&&) noexcept;
  Gemma3& operator=(Gemma3&&) noexcept;

  [[nodiscard]] const Gemma3Config& config() const;
  [[nodiscard]] std::size_t context_limit() const;
  /// Tokens in the context so far.
  [[nodiscard]] std::size_t position() const;
  /// Bytes of keys and values that a pass of one token has to read with `tokens` in the context, its own counted.
  [[nodiscard]] std::size_t seen_cache_bytes(std::size_t tokens) const;
  /// Forgets every token from `position` on; 0 starts a new text.
  void rewind(std::size_t position = 0);
  /// Makes room for this many tokens in all, so that the cache need not grow later.
  Result<void> reserve(std::size_t positions);
  /// Asks for the kernels that a prompt of so many tokens needs and, with `decoding`, those of the one-token passes
  /// after it, and returns at once: the registry's threads compile them all at the same time. Failures show in `forward`.
  void prepare_ahead(std::size_t prompt, bool decoding);
  /// Gets every kernel that a pass of one token up to a whole batch may ask for; runs none. What neither memory nor
  /// disk has is compiled, in this thread.
  Result<void> prepare();
  /// Stops `forward` with Cancelled between batches once the flag is set; nullptr never stops. The flag must outlive
  /// it.
  void set_cancellation(const std::atomic<bool>* flag);

  /// Receives logits [rows][vocabulary] of consecutive tokens, `first` being the first one's place in the call's
  /// tokens.
  using LogitsSink = std::function<Result<void>(std::size_t first, std::span<const float> rows)>;

  /// Appends tokens to the context and gives the logits after the last of them, valid until the next call.
  /// InvalidArgument for no tokens, a token outside the vocabulary, or more tokens than the context can take; after an
  /// error the context is as it was.
  Result<std::span<const float>> forward(std::span<const Token> tokens);
  /// The same; `every` also receives the logits after each of the tokens, in order.
  Result<std::span<const float>> forward(std::span<const Token> tokens, const LogitsSink& every);

  /// Whether the caller will append the token it is given.
  enum class Next : std::uint8_t { Unknown, Likely };
  /// Appends tokens to the context and gives the likeliest one after them, the smallest number among equals. The device
  /// chooses it; a GPU goes on with it at once where `next` is likely, and asking for anything else then costs that
  /// pass. Errors are those of `forward`, and InvalidArgument where the logits hold no number to choose by.
  Result<Token> next_token(std::span<const Token> tokens, Next next = Next::Unknown);

 private:
  struct Impl;
  explicit Gemma3(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace anymetal::model
