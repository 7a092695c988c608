#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>

#include "commands/command.hpp"
#include "commands/kernel_catalogue.hpp"
#include "registry/builtin_catalogue.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::optional<std::string> family;
  bool json = false;
  bool markdown = false;
};

Exit print_markdown(const Options& options) {
  const auto catalogue = kernel_catalogue(options.family.value_or(""));
  if (!catalogue) return report(catalogue.error());
  fmt::print("{}", *catalogue);
  return Exit::Done;
}

Exit list_kernels(const Options& options) {
  const auto files = registry::builtin_files();
  std::set<std::string_view> families;
  for (const registry::BuiltinFile& file : files) families.insert(file.family);
  if (options.family && !families.contains(*options.family)) {
    return report(Error(ErrorCode::InvalidArgument, fmt::format("there is no kernel family '{}'; families are {}",
                                                                *options.family, fmt::join(families, ", "))),
                  options.json);
  }
  if (options.markdown) return print_markdown(options);
  auto array = nlohmann::ordered_json::array();
  std::size_t shown = 0;
  for (const registry::BuiltinKernel& kernel : registry::builtin_kernels()) {
    const registry::BuiltinFile& file = files[kernel.file];
    if (options.family && file.family != *options.family) continue;
    ++shown;
    if (options.json)
      array.push_back({{"name", kernel.name}, {"family", file.family}, {"file", file.path}});
    else
      fmt::print("{:<56} {:<12} {}\n", kernel.name, file.family, file.path);
  }
  if (options.json) print_json({{"kernels", array}});
  note(fmt::format("{} kernels", shown));
  return Exit::Done;
}

}  // namespace

void add_kernels(CLI::App& app, Action& action) {
  add_command<Options>(
      app, action, "kernels", "List the built-in kernels",
      [](CLI::App& command, Options& options) {
        command.add_option("--family", options.family, "Only kernels of this family (the folder under kernels/)");
        auto* const json = command.add_flag("--json", options.json, "Print one JSON object");
        command
            .add_flag("--markdown", options.markdown, "Print docs/kernels.md: what each does, its arguments and grid")
            ->excludes(json);
      },
      list_kernels);
}

}  // namespace anymetal::cli
