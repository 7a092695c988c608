#include "model/gemma3.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "model/gemma3_graph.hpp"

namespace anymetal::model {

namespace {

// Logits of one token are a megabyte: all positions of a batch at once would dwarf everything else in memory.
constexpr std::size_t kLogitRows = 8;

std::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::InvalidArgument, std::move(message)); }

std::unexpected<Error> no_number() { return invalid("the logits hold no number to choose by"); }

}  // namespace

struct Gemma3::Impl {
  enum class Output : std::uint8_t { Logits, Choice };

  Impl(KernelRegistry& kernels, Device where, const Gemma3Config& sizes, Gemma3Weights tensors, ops::DType cache_type,
       std::size_t limit)
      : registry(kernels),
        device(std::move(where)),
        config(sizes),
        weights(std::move(tensors)),
        cache(device, {config.layers, config.kv_heads, config.head_dim, cache_type}, limit) {}

  /// Records with `record`, then starts it.
  template <class Record>
  Result<Submission> start(const Record& record) {
    auto encoder = device.make_command_encoder();
    if (!encoder) return std::unexpected(encoder.error());
    ops::Context context{registry, device, *encoder};
    if (auto recorded = record(context); !recorded) return std::unexpected(recorded.error());
    return encoder->commit();
  }

  /// Asks for the kernels of what `record` records, without waiting and without recording it.
  template <class Record>
  void request(CompilePriority priority, const Record& record) {
    auto encoder = device.make_command_encoder();
    if (!encoder) return;
    ops::KernelRequests asked{priority, {}};
    ops::Context context{registry, device, *encoder, &asked};
    // A failure would come again in the pass that needs the kernel, and be reported there.
    (void)record(context);
    requested.insert(requested.end(), std::make_move_iterator(asked.futures.begin()),
                     std::make_move_iterator(asked.futures.end()));
  }

  void prepare_ahead(std::size_t prompt, bool decoding) {
    requested.clear();
    if (prompt == 0) return;
    if (prompt > 1) {
      request(CompilePriority::Soon, [&](ops::Context& context) {
        const auto first = record_layers(context, config, weights, cache, buffers, {position, std::min(batch, prompt)});
        return first ? record_logits(context, config, weights, buffers, 0, 1) : first;
      });
    }
    if (!decoding && prompt > 1) return;
    request(CompilePriority::Ahead,
            [&](ops::Context& context) { return record_pass(context, position + prompt - 1, Output::Choice); });
  }

  /// The choice of a kernel may depend on how many tokens go through together, so each number is tried; that of one
  /// token also on how many went before it.
  Result<void> prepare() {
    constexpr std::size_t kFar = 256;
    const std::size_t far = std::min(kFar, cache.limit() - 1);
    if (auto done = reserve(std::max(batch, far + 1), position); !done) return done;
    for (std::size_t count = 1; count <= batch; ++count) {
      if (auto done = prepare({0, count}); !done) return done;
    }
    auto encoder = device.make_command_encoder();
    if (!encoder) return std::unexpected(encoder.error());
    ops::Context context{registry, device, *encoder};
    return record_pass(context, far, Output::Choice);
  }
  Result<void> prepare(const Gemma3Batch& tokens) {
    auto encoder = device.make_command_encoder();
    if (!encoder) return std::unexpected(encoder.error());
    ops::Context context{registry, device, *encoder};
    if (auto done = record_layers(context, config, weights, cache, buffers, tokens); !done) return done;
    return record_logits(context, config, weights, buffers, 0, std::min(tokens.count, kLogitRows));
  }

  /// Where a pass runs while the host goes on. The CPU runs it where it is started: nobody waits for a token meanwhile.
  [[nodiscard]] bool starts_ahead() const { return device.info().id != "cpu"; }

  /// Records a pass of the one token whose place in `choices` is that of `at`.
  Result<void> record_pass(ops::Context& context, std::size_t at, Output output) const {
    if (auto done = record_layers(context, config, weights, cache, buffers, {at, 1}, TokenSource::Chosen); !done)
      return done;
    if (auto done = record_logits(context, config, weights, buffers, 0, 1); !done) return done;
    return output == Output::Logits ? Result<void>() : record_choice(context, config, buffers, at + 1);
  }

  /// Starts such a pass. From one to the next little changes, so that the device keeps the commands.
  Result<Submission> start_pass(std::size_t at, Output output) {
    if (auto done = reserve(at + 1, at); !done) return std::unexpected(done.error());
    auto encoder = device.make_command_encoder();
    if (!encoder) return std::unexpected(encoder.error());
    ops::Context context{registry, device, *encoder};
    if (auto done = record_pass(context, at, output); !done) return std::unexpected(done.error());
    if (pass) {
      if (auto done = pass->replace(*encoder); !done) return std::unexpected(done.error());
    } else {
      auto recorded = encoder->record();
      if (!recorded) return std::unexpected(recorded.error());
      pass.emplace(*std::move(recorded));
    }
    return pass->commit();
  }

  /// Puts `token` where a pass at the end of the context takes it from.
  Result<void> put_token(Token token) {
    if (known && known->position == position && known->token == token) return {};
    ahead.reset();
    known = {position, token};
    return buffers.choices.write(std::as_bytes(std::span(&token, 1)), choice_offset(position));
  }

  /// Room for `positions` in all, of which the first `used` keep their content.
  Result<void> reserve(std::size_t positions, std::size_t used) { return cache.reserve(positions, used); }

  [[nodiscard]] Result<void> check_cancellation() const {
    if (cancellation != nullptr && cancellation->load()) return fail(ErrorCode::Cancelled, "stopped on request");
    return {};
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

  /// Starts a pass of several tokens. While the device works on it, the next one is recorded.
  Result<void> run_batch(std::span<const Token> tokens) {
    if (auto done = check_cancellation(); !done) return done;
    if (auto done = buffers.tokens.write(std::as_bytes(tokens)); !done) return done;
    auto started = start([&](ops::Context& context) {
      return record_layers(context, config, weights, cache, buffers, {position, tokens.size()});
    });
    if (!started) return std::unexpected(started.error());
    if (batch_before) {
      if (auto done = batch_before->wait(); !done) return done;
    }
    batch_before = *std::move(started);
    position += tokens.size();
    return {};
  }

  /// Logits of rows [row, row + count) of the last batch, count <= kLogitRows; valid until the next call.
  Result<std::span<const float>> read_logits(std::size_t row, std::size_t count) {
    auto started =
        start([&](ops::Context& context) { return record_logits(context, config, weights, buffers, row, count); });
    if (!started) return std::unexpected(started.error());
    if (auto done = started->wait(); !done) return std::unexpected(done.error());
    return fetch_logits(count);
  }

  Result<std::span<const float>> fetch_logits(std::size_t count) {
    const auto size = count * config.vocabulary;
    if (const auto* shared = buffers.logits.contents()) return std::span(reinterpret_cast<const float*>(shared), size);
    host_logits.resize(size);
    if (auto read = buffers.logits.read(std::as_writable_bytes(std::span(host_logits))); !read) {
      return std::unexpected(read.error());
    }
    return std::span<const float>(host_logits);
  }

  /// The logits after one token at the end of the context.
  Result<std::span<const float>> forward_one(Token token) {
    if (auto done = check_cancellation(); !done) return std::unexpected(done.error());
    if (auto done = put_token(token); !done) return std::unexpected(done.error());
    const auto started = start_pass(position, Output::Logits);
    if (!started) return std::unexpected(started.error());
    if (auto done = started->wait(); !done) return std::unexpected(done.error());
    ++position;
    return fetch_logits(1);
  }

  Result<std::span<const float>> forward(std::span<const Token> tokens, const LogitsSink& every) {
    if (auto done = check(tokens); !done) return std::unexpected(done.error());
    ahead.reset();
    if (tokens.size() == 1) {
      const auto logits = forward_one(tokens[0]);
      if (!logits || !every) return logits;
      if (auto done = every(0, *logits); !done) return std::unexpected(done.error());
      return logits;
    }
    if (auto done = reserve(position + tokens.size(), position); !done) return std::unexpected(done.error());
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

  /// Starts what fills the place of the next position in `choices`, unless it is under way.
  Result<void> start_choice(std::span<const Token> tokens) {
    if (tokens.size() == 1) {
      if (auto done = check_cancellation(); !done) return done;
      if (auto done = put_token(tokens[0]); !done) return done;
      if (ahead && *ahead == position) return {};
      const auto started = start_pass(position, Output::Choice);
      return started ? Result<void>() : std::unexpected(started.error());
    }
    if (auto done = reserve(position + tokens.size(), position); !done) return done;
    const auto first = position;
    for (std::size_t at = 0; at < tokens.size(); at += batch) {
      if (auto done = run_batch(tokens.subspan(at, std::min(batch, tokens.size() - at))); !done) return done;
    }
    const auto end = std::exchange(position, first);
    const auto row = (tokens.size() - 1) % batch;
    const auto started = start([&](ops::Context& context) -> Result<void> {
      if (auto done = record_logits(context, config, weights, buffers, row, 1); !done) return done;
      return record_choice(context, config, buffers, end);
    });
    return started ? Result<void>() : std::unexpected(started.error());
  }

  Result<Token> next_token(std::span<const Token> tokens, Next next) {
    if (auto done = check(tokens); !done) return std::unexpected(done.error());
    if (auto done = start_choice(tokens); !done) return std::unexpected(done.error());
    ahead.reset();
    known.reset();
    const auto end = position + tokens.size();
    struct {
      Token token;
      float logit;
    } chosen{};
    // Before the next pass is started: the read need not wait for that.
    auto reading = buffers.choices.read_async(std::as_writable_bytes(std::span(&chosen, 1)), choice_offset(end));
    if (!reading) return std::unexpected(reading.error());
    // Where the next pass cannot be started, the call that needs it says why.
    if (next == Next::Likely && starts_ahead() && end < cache.limit() && start_pass(end, Output::Choice)) ahead = end;
    if (auto done = reading->wait(); !done) return std::unexpected(done.error());
    if (!(chosen.logit > -std::numeric_limits<float>::infinity())) return no_number();
    position = end;
    known = {position, chosen.token};
    return chosen.token;
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
  struct Known {
    std::size_t position;
    Token token;
  };
  std::optional<Known> known;              ///< what is in one place of `choices`
  std::optional<std::size_t> ahead;        ///< a pass that chooses after this position is under way or done
  std::optional<Submission> batch_before;  ///< the last pass of several tokens
  std::optional<RecordedCommands> pass;    ///< of one token
  std::vector<PipelineFuture> requested;   ///< kernels under way: unwanted ones would be cancelled
};

Gemma3::Gemma3(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Gemma3::~Gemma3() = default;
Gemma3::Gemma3(Gemma3&&) noexcept = default;
Gemma3& Gemma3::operator=(Gemma3&&) noexcept = default;

Result<Gemma3> Gemma3::load(const Gguf& file, KernelRegistry& registry, const Device& device, Gemma3Options options) {
  const auto config = Gemma3Config::read(file);
  if (!config) return std::unexpected(config.error());
  if (options.batch == 0) return invalid("the batch size is 0");
  if (options.cache != ops::DType::F32 && options.cache != ops::DType::F16)
    return invalid(fmt::format("a cache of {} keys and values; F32 and F16 are possible", name(options.cache)));
  Device target = device;
  auto weights = Weights::open(target, file);
  if (!weights) return std::unexpected(weights.error());
  auto tensors = Gemma3Weights::read(std::move(*weights), *config);
  if (!tensors) return std::unexpected(tensors.error());
  const auto limit = options.context == 0 ? config->context : std::min(options.context, config->context);
  auto impl = std::make_unique<Impl>(registry, target, *config, std::move(*tensors), options.cache, limit);
  impl->batch = std::min(options.batch, limit);
  auto buffers = Gemma3Activations::make(target, *config, impl->batch, std::min(impl->batch, kLogitRows), limit);
  if (!buffers) return std::unexpected(buffers.error());
  impl->buffers = std::move(*buffers);
  return Gemma3(std::move(impl));
}

const Gemma3Config& Gemma3::config() const { return impl_->config; }
std::size_t Gemma3::context_limit() const { return impl_->cache.limit(); }
std::size_t Gemma3::position() const { return impl_->position; }
std::size_t Gemma3::seen_cache_bytes(std::size_t tokens) const {
  return impl_->config.keys_seen(tokens) * impl_->cache.bytes_per_position();
}
void Gemma3::rewind(std::size_t position) {
  impl_->position = std::min(position, impl_->position);
  impl_->ahead.reset();
}
Result<void> Gemma3::reserve(std::size_t positions) { return impl_->reserve(positions, impl_->position); }
Result<void> Gemma3::prepare() { return impl_->prepare(); }
void Gemma3::prepare_ahead(std::size_t prompt, bool decoding) { impl_->prepare_ahead(prompt, decoding); }
void Gemma3::set_cancellation(const std::atomic<bool>* flag) { impl_->cancellation = flag; }

Result<std::span<const float>> Gemma3::forward(std::span<const Token> tokens) { return forward(tokens, {}); }

Result<std::span<const float>> Gemma3::forward(std::span<const Token> tokens, const LogitsSink& every) {
  const auto before = impl_->position;
  auto logits = impl_->forward(tokens, every);
  if (!logits) {
    impl_->position = before;
    impl_->known.reset();
  }
  return logits;
}

Result<Token> Gemma3::next_token(std::span<const Token> tokens, Next next) {
  const auto before = impl_->position;
  auto token = impl_->next_token(tokens, next);
  if (!token) {
    impl_->position = before;
    impl_->ahead.reset();
    impl_->known.reset();
  }
  return token;
}

}  // namespace anymetal::model
