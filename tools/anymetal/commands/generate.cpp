#include <fmt/format.h>

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands/command.hpp"
#include "commands/device_option.hpp"
#include "model/language_model.hpp"
#include "parts/file.hpp"
#include "parts/interrupt.hpp"
#include "parts/npy.hpp"
#include "parts/number_option.hpp"
#include "parts/statistics.hpp"
#include "parts/text.hpp"
#include "run/wild_access.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::string model;
  std::string prompt;
  std::optional<std::string> prompt_file;
  std::optional<std::string> prompt_tokens;
  std::size_t tokens = 128;
  model::SamplingOptions sampling;
  model::Gemma3Options network;
  DeviceArguments device;
  std::optional<std::string> logits;
  bool json = false;
};

/// `2,818,5279` as tokens.
Result<std::vector<model::Token>> parse_tokens(std::string_view text) {
  std::vector<model::Token> tokens;
  for (const std::string_view part : split(text, ',')) {
    const auto token = parse_number<model::Token>(part);
    if (!token) {
      return fail(ErrorCode::InvalidArgument, fmt::format("--prompt-tokens: '{}' is not a token number", part));
    }
    tokens.push_back(*token);
  }
  return tokens;
}

/// A `.npy` file of f32 [prompt tokens, vocabulary] that grows row by row.
Result<FileWriter> open_logits(const std::string& path, std::size_t rows, std::size_t vocabulary) {
  auto file = FileWriter::create(path);
  if (!file) return file;
  const std::array shape{rows, vocabulary};
  const std::string preamble = npy_preamble(ElementType::F32, shape);
  if (auto done = file->append(std::as_bytes(std::span(preamble.data(), preamble.size()))); !done) {
    return std::unexpected(done.error());
  }
  return file;
}

Result<std::vector<model::Token>> prompt_of(const Options& options, const model::Tokenizer& tokenizer) {
  if (options.prompt_tokens) return parse_tokens(*options.prompt_tokens);
  if (!options.prompt_file) return tokenizer.encode(options.prompt);
  const auto text = read_file(*options.prompt_file);
  if (!text) return std::unexpected(text.error());
  return tokenizer.encode(*text);
}

Result<model::Generation> run_model(model::LanguageModel& model, const Options& options) {
  const auto prompt = prompt_of(options, model.tokenizer);
  if (!prompt) return std::unexpected(prompt.error());

  model::GenerateOptions generate;
  generate.max_tokens = options.tokens;
  generate.sampling = options.sampling;
  generate.cancellation = &interrupt_flag();
  if (!options.json) {
    generate.on_token = [](model::Token, std::string_view text) {
      fmt::print("{}", text);
      flush_output();
    };
  }
  if (!options.logits) return model::generate(model.network, model.tokenizer, *prompt, generate);

  auto file = open_logits(*options.logits, prompt->size(), model.network.config().vocabulary);
  if (!file) return std::unexpected(file.error());
  generate.on_prompt_logits = [&](std::size_t, std::span<const float> rows) {
    return file->append(std::as_bytes(rows));
  };
  auto generation = model::generate(model.network, model.tokenizer, *prompt, generate);
  if (!generation || generation->prefill_seconds == 0) return generation;
  if (auto done = file->finish(); !done) return std::unexpected(done.error());
  return generation;
}

nlohmann::ordered_json to_json(const model::Generation& g, double load_seconds, const Device& device,
                               const KernelRegistry& registry) {
  return {{"prompt_tokens", g.prompt_tokens},
          {"tokens", g.tokens},
          {"text", g.text},
          {"stop", model::to_string(g.stop)},
          {"device", device.info().id},
          {"load_seconds", load_seconds},
          {"prefill_tokens_per_second", g.prefill_tokens_per_second()},
          {"decode_tokens_per_second", g.decode_tokens_per_second()},
          {"statistics", cli::to_json(registry.statistics())}};
}

Exit generate_text(const Options& options) {
  if (auto valid = model::check(options.sampling); !valid) return report_option(valid.error(), options.json);
  if (options.prompt_tokens) {
    if (auto tokens = parse_tokens(*options.prompt_tokens); !tokens) return report_option(tokens.error(), options.json);
  }
  auto device = open_device(options.device);
  if (!device) return report(device.error(), options.json);
  KernelRegistry registry;
  report_lost_file(options.model, options.json);
  auto model = model::LanguageModel::open(options.model, registry, *device, options.network);
  if (!model) return report(model.error(), options.json);
  const auto generation = run_model(*model, options);
  if (!generation) return report(generation.error(), options.json);
  if (options.json) {
    print_json(to_json(*generation, model->load_seconds, *device, registry));
    return Exit::Done;
  }
  fmt::print("\n");
  note(fmt::format("[{} prompt tokens at {:.1f}/s, {} tokens at {:.1f}/s, loaded in {:.2f} s, stopped by {}]",
                   generation->prompt_tokens.size(), generation->prefill_tokens_per_second(), generation->tokens.size(),
                   generation->decode_tokens_per_second(), model->load_seconds, model::to_string(generation->stop)));
  return Exit::Done;
}

void declare(CLI::App& command, Options& options) {
  command.add_option("--model", options.model, "Model file, e.g. what `anymetal fetch` prints")
      ->type_name("FILE.gguf")
      ->required();
  auto& prompt = *command.add_option_group("Prompt", "One of");
  prompt.add_option("--prompt", options.prompt, "Text to continue")->type_name("TEXT");
  prompt.add_option("--prompt-file", options.prompt_file, "A file that holds the text; /dev/stdin for a pipe")
      ->type_name("FILE");
  prompt.add_option("--prompt-tokens", options.prompt_tokens, "The same as token numbers, e.g. 2,818,5279")
      ->type_name("N,N...");
  prompt.require_option(1);
  constexpr float kLowest = std::numeric_limits<float>::lowest();  // model::check() knows what each may be
  auto& sampling = options.sampling;
  add_number_option<std::size_t>(command, "--tokens", options.tokens, "Most tokens to write", 0);
  add_number_option(command, "--temperature", sampling.temperature, "0: always the likeliest token", kLowest);
  add_number_option(command, "--top-k", sampling.top_k, "Keep the k likeliest tokens; 0: all", 0U);
  add_number_option(command, "--top-p", sampling.top_p, "Keep the likeliest that reach this probability", kLowest);
  add_number_option(command, "--min-p", sampling.min_p, "Keep those this likely relative to the likeliest", kLowest);
  add_number_option<std::uint64_t>(command, "--seed", sampling.seed, "Of the random numbers", 0);
  add_model_options(command, options.network);
  add_number_option<std::size_t>(command, "--context", options.network.context,
                                 "Most tokens of prompt and answer; 0: what the model can", 0);
  add_device_option(command, options.device);
  add_threads_option(command, options.device);
  command.add_option("--logits", options.logits, "Write the logits after each prompt token, f32 [prompt, vocabulary]")
      ->type_name("FILE.npy");
  command.add_flag("--json", options.json, "Print one JSON object");
}

}  // namespace

void add_generate(CLI::App& app, Action& action) {
  add_command<Options>(app, action, "generate", "Let a language model continue a text", declare, generate_text)
      .footer("Ctrl-C stops after the current token and keeps what is there.");
}

}  // namespace anymetal::cli
