#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "commands/command.hpp"
#include "model/gguf.hpp"
#include "model/tokenizer.hpp"
#include "run/wild_access.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::string model;
  std::string text;
  bool no_begin = false;
  bool json = false;
};

Result<std::vector<model::Token>> tokens_of(const Options& options) {
  report_lost_file(options.model, options.json);
  const auto file = model::Gguf::open(options.model);
  if (!file) return std::unexpected(file.error());
  const auto tokenizer = model::Tokenizer::read(*file);
  if (!tokenizer) return std::unexpected(tokenizer.error());
  model::EncodeOptions encode;
  if (options.no_begin) encode.add_begin = false;
  return tokenizer->encode(options.text, encode);
}

Exit tokenize(const Options& options) {
  const auto tokens = tokens_of(options);
  if (!tokens) return report(tokens.error(), options.json);
  if (options.json)
    print_json({{"tokens", *tokens}, {"count", tokens->size()}});
  else
    fmt::print("{}\n", fmt::join(*tokens, ","));
  return Exit::Done;
}

}  // namespace

void add_tokenize(CLI::App& app, Action& action) {
  add_command<Options>(
      app, action, "tokenize", "Print a text's token numbers",
      [](CLI::App& command, Options& options) {
        command.add_option("--model", options.model, "Model file")->type_name("FILE.gguf")->required();
        command.add_option("text", options.text, "The text")->type_name("TEXT")->required();
        command.add_flag("--no-begin", options.no_begin, "Leave out the token that begins a text");
        command.add_flag("--json", options.json, "Print one JSON object");
      },
      tokenize);
}

}  // namespace anymetal::cli
