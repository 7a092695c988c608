#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/bench.hpp"
#include "commands/device_option.hpp"
#include "model/gguf.hpp"
#include "model/language_model.hpp"
#include "parts/interrupt.hpp"
#include "parts/large_pages.hpp"
#include "parts/number_option.hpp"
#include "parts/timing.hpp"
#include "run/wild_access.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::string model;
  std::size_t prompt = 512;
  std::size_t tokens = 128;
  unsigned repeat = 3;
  model::Gemma3Options network;
  DeviceArguments device;
  bool json = false;
};

/// Any tokens will do for a clock: a beginning, then numbers spread over the vocabulary.
std::vector<model::Token> some_prompt(const model::LanguageModel& model, std::size_t count) {
  const std::size_t vocabulary = model.tokenizer.vocabulary()->size();
  std::vector<model::Token> tokens(count);
  for (std::size_t i = 0; i < count; ++i) tokens[i] = static_cast<model::Token>((1000 + i * 7919) % vocabulary);
  if (const auto begin = model.tokenizer.vocabulary()->begin_of_sequence(); begin && count > 0) tokens[0] = *begin;
  return tokens;
}

/// Speeds of all runs, in tokens a second.
struct Speeds {
  Timing prefill;
  Timing decode;
  std::optional<Timing> read;   ///< of memory before, between and after the runs, in GB/s
  std::optional<Timing> share;  ///< decode beside what memory as measured before and after the run allows
};

/// Bytes that decoding has to read for a token: all of the file's tensors, and those keys and values that it sees.
struct TokenBytes {
  double weights = 0;
  double cache = 0;  ///< mean over the tokens of a run

  [[nodiscard]] double all() const { return weights + cache; }
};

Result<TokenBytes> bytes_a_token(const model::Gemma3& network, const Options& options) {
  const auto file = model::Gguf::open(options.model);
  if (!file) return std::unexpected(file.error());
  TokenBytes bytes;
  for (const auto& tensor : file->tensors()) bytes.weights += static_cast<double>(tensor.data.size());
  for (std::size_t i = 1; i <= options.tokens; ++i) {
    bytes.cache +=
        static_cast<double>(network.seen_cache_bytes(options.prompt + i)) / static_cast<double>(options.tokens);
  }
  return bytes;
}

/// `bytes` a token are read, with `threads` threads, 0 where that says nothing.
Result<Speeds> measure_speeds(model::LanguageModel& model, const Options& options, double bytes, unsigned threads) {
  model::GenerateOptions generate;
  generate.max_tokens = options.tokens + 1;  // the first comes from the prompt pass
  generate.stop_at_end = false;
  generate.cancellation = &interrupt_flag();
  const auto prompt = some_prompt(model, options.prompt);
  // Compiles what is needed and touches every page once.
  model::GenerateOptions warm_up = generate;
  warm_up.max_tokens = 2;
  if (auto done = model::generate(model.network, model.tokenizer, prompt, warm_up); !done) {
    return std::unexpected(done.error());
  }
  std::vector<double> prefill;
  std::vector<double> decode;
  std::vector<double> read;
  std::vector<double> share;
  const auto look_at_memory = [&] {
    if (threads > 0) read.push_back(anymetal::bench::measure_read(threads));
  };
  look_at_memory();
  for (unsigned i = 0; i < options.repeat; ++i) {
    const auto generation = model::generate(model.network, model.tokenizer, prompt, generate);
    if (!generation) return std::unexpected(generation.error());
    if (generation->stop == model::StopReason::Cancelled) return fail(ErrorCode::Cancelled, "stopped by Ctrl-C");
    prefill.push_back(generation->prefill_tokens_per_second());
    decode.push_back(generation->decode_tokens_per_second());
    look_at_memory();
    if (threads > 0) share.push_back(decode.back() * bytes / (0.5e9 * (read[i] + read[i + 1])));
  }
  Speeds speeds{summarise(std::move(prefill)), summarise(std::move(decode)), {}, {}};
  if (threads > 0) speeds.read = summarise(std::move(read)), speeds.share = summarise(std::move(share));
  return speeds;
}

/// Share of the file's bytes in memory that are in large pages; nothing where the system does not say.
std::optional<double> weights_in_large_pages(const std::string& file) {
  std::error_code failed;
  const auto path = std::filesystem::canonical(file, failed);
  std::ifstream smaps("/proc/self/smaps");
  return failed || !smaps ? std::nullopt : large_page_share(smaps, path.native());
}

Exit bench_model(const Options& options) {
  auto device = open_device(options.device);
  if (!device) return report(device.error(), options.json);
  KernelRegistry registry;
  report_lost_file(options.model, options.json);
  auto model = model::LanguageModel::open(options.model, registry, *device, options.network);
  if (!model) return report(model.error(), options.json);
  const auto bytes = bytes_a_token(model->network, options);
  const unsigned threads = device->info().id == "cpu" ? static_cast<unsigned>(device->info().compute_units) : 0;
  if (!bytes) return report(bytes.error(), options.json);
  const auto speeds = measure_speeds(*model, options, bytes->all(), threads);
  if (!speeds) return report(speeds.error(), options.json);
  std::optional<anymetal::bench::Ceilings> ceilings;
  if (speeds->read) {
    ceilings = anymetal::bench::measure_ceilings(threads);
    ceilings->read_gigabytes_per_second = speeds->read->median;
  }
  const auto large_pages = ceilings ? weights_in_large_pages(options.model) : std::nullopt;
  const double limit = ceilings ? ceilings->read_gigabytes_per_second * 1e9 / bytes->all() : 0;
  const double of_weights = speeds->share ? speeds->share->median * bytes->weights / bytes->all() : 0;
  if (options.json) {
    nlohmann::ordered_json object{{"device", device->info().id},
                                  {"prompt", options.prompt},
                                  {"tokens", options.tokens},
                                  {"load_seconds", model->load_seconds},
                                  {"prefill_tokens_per_second", speeds->prefill.median},
                                  {"decode_tokens_per_second", speeds->decode.median},
                                  {"prefill_spread", speeds->prefill.spread},
                                  {"decode_spread", speeds->decode.spread}};
    if (ceilings) {
      object["memory_limit_tokens_per_second"] = limit;
      object["memory_limit_share"] = speeds->share->median;
      object["memory_limit_share_spread"] = speeds->share->spread;
      object["weights_limit_share"] = of_weights;
      object["weights_bytes"] = bytes->weights;
      object["cache_bytes_per_token"] = bytes->cache;
      if (large_pages) object["weights_in_large_pages"] = *large_pages;
      object["ceilings"] = to_json(*ceilings);
    }
    print_json(object);
    return Exit::Done;
  }
  fmt::print("{} on {}, median of {} runs\n", options.model, device->name(), options.repeat);
  fmt::print("load                {:8.2f} s\n", model->load_seconds);
  fmt::print("prefill of {:<6}   {:8.1f} tokens/s (spread {:.1f})\n", options.prompt, speeds->prefill.median,
             speeds->prefill.spread);
  fmt::print("decode of {:<6}    {:8.1f} tokens/s (spread {:.1f})", options.tokens, speeds->decode.median,
             speeds->decode.spread);
  if (ceilings) {
    fmt::print(", {:.0f} % (spread {:.0f}) of the {:.1f} that memory allows\n", 100 * speeds->share->median,
               100 * speeds->share->spread, limit);
    fmt::print(
        "read for a token    {:8.1f} MB of weights, {:.1f} MB of keys and values (of the weights' limit {:.0f} %)\n",
        bytes->weights / 1e6, bytes->cache / 1e6, 100 * of_weights);
    if (large_pages) fmt::print("weights             {:8.0f} % in large pages\n", 100 * *large_pages);
    print_ceilings(*ceilings);
  } else {
    fmt::print("\n");
  }
  return Exit::Done;
}

void declare(CLI::App& command, Options& options) {
  command.add_option("file", options.model, "Model file")->type_name("FILE.gguf")->required();
  constexpr std::size_t kMostTokens = 10'000'000;  // far above any context
  add_number_option<std::size_t>(command, "--prompt", options.prompt, "Tokens of the prompt", 1, kMostTokens);
  add_number_option<std::size_t>(command, "--tokens", options.tokens, "Tokens to write", 1, kMostTokens);
  add_model_options(command, options.network);
  add_repeat_option(command, options.repeat);
  add_run_options(command, options.device, options.json);
}

}  // namespace

void add_bench_model(CLI::App& bench, Action& action) {
  add_command<Options>(bench, action, "model", "Speed of a model: prompt tokens and written tokens a second", declare,
                       bench_model);
}

}  // namespace anymetal::cli
