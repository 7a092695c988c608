#include "model/gemma3.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <thread>
#include <vector>

#include "model/gemma3_graph.hpp"

namespace anymetal::model {

namespace {

// Logits of one token are a megabyte: all positions of a batch at once would dwarf everything else in memory.
constexpr std::size_t kLogitRows = 8;

std::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::InvalidArgument, std::move(message)); }

}  // namespace

struct Gemma3::Impl {
  Impl(KernelRegistry& kernels, Device where, const Gemma3Config& sizes, Gemma3Weights tensors, std::size_t limit)
      : registry(kernels),
        device(std::move(where)),
        config(sizes),
        weights(std::move(tensors)),
        cache(device, config.layers, config.kv_heads, config.head_dim, limit) {}

  /// Records with `record`, then runs it.
  template <class Record>
  Result<void> run(const Record& record) {
    auto encoder = device.make_command_encoder();
    if (!encoder) return std::unexpected(encoder.error());
    ops::Context context{registry, device, *encoder};
    if (auto recorded = record(context); !recorded) return recorded;
    return encoder->commit_and_wait();
  }

  /// Recording looks every kernel up; what was recorded is thrown away. Only reads this object, so that a pass may run
  /// meanwhile; whoever makes the cache grow waits for it first.
  void prepare_decoding() {
    if (preparation.joinable()) preparation.join();
    preparation = std::jthread([this, first = position] {
      auto encoder = device.make_command_encoder();
      if (!encoder) return;
      ops::Context context{registry, device, *encoder};
      // A failure would come again in the pass that needs the kernel, and be reported there.
      (void)record_layers(context, config, weights, cache, buffers, {first, 1});
      (void)record_logits(context, config, weights, buffers, 0, 1);
    });
  }

  /// The choice of a kernel may depend on how many tokens go through together, so each number is tried; that of one token
  /// also on how many went before it.
  Result<void> prepare() {
    constexpr std::size_t kFar = 64;
    const std::size_t far = std::min(kFar, cache.limit() - 1);
    if (auto done = reserve(std::max(batch, far + 1)); !done) return done;
    for (std::size_t count = 1; count <= batch; ++count) {
      if (auto done = prepare({0, count}); !done) return done;
    }
    return prepare({far, 1});
  }
  Result<void> prepare(const Gemma3Batch& tokens) {
    auto encoder = device.make_command_encoder();
    if (!encoder) return std::unexpected(encoder.error());
    ops::Context context{registry, device, *encoder};
    if (auto done = record_layers(context, config, weights, cache, buffers, tokens); !done) return done;
    return record_logits(context, config, weights, buffers, 0, std::min(tokens.count, kLogitRows));
  }

  Result<void> reserve(std::size_t positions) {
    if (positions > cache.capacity() && preparation.joinable()) preparation.join();
    return cache.reserve(positions, position);
  }

  Result<void> check(std::span<const Token> tokens) const {
    if (tokens.empty()) return invalid("the model needs at least one token");
    for (const auto token : tokens) {
      if (token >= config.vocabulary) {
        return invalid(fmt::format("token {} is outside the vocabulary of {}", token, config.vocabulary));
      }
    }
    if (tokens.size() > cache.limit() - position) {
      return invalid(fmt::format("{} tokens after {} do not fit the context of {} tokens", tokens.size(), position,
                                 cache.limit()));
    }
    return {};
  }

  Result<void> run_batch(std::span<const Token> tokens) {
    if (cancellation != nullptr && cancellation->load()) return fail(ErrorCode::Cancelled, "stopped on request");
    std::vector<std::uint32_t> positions(tokens.size());
    std::iota(positions.begin(), positions.end(), static_cast<std::uint32_t>(position));
    if (auto done = buffers.tokens.write(std::as_bytes(tokens)); !done) return done;
    if (auto done = buffers.positions.write(std::as_bytes(std::span(positions))); !done) return done;
    auto done = run([&](ops::Context& context) {
      return record_layers(context, config, weights, cache, buffers, {position, tokens.size()});
    });
    if (done) position += tokens.size();
    return done;
  }

  /// Logits of rows [row, row + count) of the last batch, count <= kLogitRows; valid until the next call.
  Result<std::span<const float>> read_logits(std::size_t row, std::size_t count) {
    auto done =
        run([&](ops::Context& context) { return record_logits(context, config, weights, buffers, row, count); });
    if (!done) return std::unexpected(done.error());
    const auto size = count * config.vocabulary;
    if (const auto* shared = buffers.logits.contents()) return std::span(reinterpret_cast<const float*>(shared), size);
    host_logits.resize(size);
    if (auto read = buffers.logits.read(std::as_writable_bytes(std::span(host_logits))); !read) {
      return std::unexpected(read.error());
    }
    return std::span<const float>(host_logits);
  }

  Result<std::span<const float>> forward(std::span<const Token> tokens, const LogitsSink& every) {
    if (auto done = check(tokens); !done) return std::unexpected(done.error());
    if (auto done = reserve(position + tokens.size()); !done) return std::unexpected(done.error());
    std::span<const float> last;
    for (std::size_t start = 0; start < tokens.size(); start += batch) {
      const auto part = tokens.subspan(start, std::min(batch, tokens.size() - start));
      if (auto done = run_batch(part); !done) return std::unexpected(done.error());
      const bool is_last = start + part.size() == tokens.size();
      if (!every && !is_last) continue;
      for (std::size_t row = every ? 0 : part.size() - 1; row < part.size(); row += kLogitRows) {
        const auto logits = read_logits(row, std::min(kLogitRows, part.size() - row));
        if (!logits) return logits;
        last = logits->last(config.vocabulary);
        if (!every) continue;
        if (auto done = every(start + row, *logits); !done) return std::unexpected(done.error());
      }
    }
    return last;
  }

  KernelRegistry& registry;
  Device device;
  Gemma3Config config;
  Gemma3Weights weights;
  KvCache cache;
  Gemma3Activations buffers;
  std::size_t batch = 1;
  std::size_t position = 0;
  const std::atomic<bool>* cancellation = nullptr;
  std::vector<float> host_logits;  ///< where the device's memory cannot be looked at
  std::jthread preparation;        ///< last, so that it ends before what it reads
};

Gemma3::Gemma3(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Gemma3::~Gemma3() = default;
Gemma3::Gemma3(Gemma3&&) noexcept = default;
Gemma3& Gemma3::operator=(Gemma3&&) noexcept = default;

Result<Gemma3> Gemma3::load(const Gguf& file, KernelRegistry& registry, const Device& device, Gemma3Options options) {
  const auto config = Gemma3Config::read(file);
  if (!config) return std::unexpected(config.error());
  if (options.batch == 0) return invalid("the batch size is 0");
  Device target = device;
  auto weights = Weights::open(target, file);
  if (!weights) return std::unexpected(weights.error());
  auto tensors = Gemma3Weights::read(std::move(*weights), *config);
  if (!tensors) return std::unexpected(tensors.error());
  const auto limit = options.context == 0 ? config->context : std::min(options.context, config->context);
  auto impl = std::make_unique<Impl>(registry, target, *config, std::move(*tensors), limit);
  impl->batch = std::min(options.batch, limit);
  auto buffers = Gemma3Activations::make(target, *config, impl->batch, std::min(impl->batch, kLogitRows));
  if (!buffers) return std::unexpected(buffers.error());
  impl->buffers = std::move(*buffers);
  return Gemma3(std::move(impl));
}

const Gemma3Config& Gemma3::config() const { return impl_->config; }
std::size_t Gemma3::context_limit() const { return impl_->cache.limit(); }
std::size_t Gemma3::position() const { return impl_->position; }
void Gemma3::rewind(std::size_t position) { impl_->position = std::min(position, impl_->position); }
Result<void> Gemma3::reserve(std::size_t positions) { return impl_->reserve(positions); }
Result<void> Gemma3::prepare() { return impl_->prepare(); }
void Gemma3::prepare_decoding() { impl_->prepare_decoding(); }
void Gemma3::set_cancellation(const std::atomic<bool>* flag) { impl_->cancellation = flag; }

Result<std::span<const float>> Gemma3::forward(std::span<const Token> tokens) { return forward(tokens, {}); }

Result<std::span<const float>> Gemma3::forward(std::span<const Token> tokens, const LogitsSink& every) {
  const auto before = impl_->position;
  auto logits = impl_->forward(tokens, every);
  if (!logits) impl_->position = before;
  return logits;
}

}  // namespace anymetal::model
