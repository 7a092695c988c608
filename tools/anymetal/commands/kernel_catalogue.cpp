#include "commands/kernel_catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "msl/parsed_source.hpp"
#include "registry/builtin_catalogue.hpp"

namespace anymetal::cli {
namespace {

using Lines = std::vector<std::string_view>;
using Entry = std::shared_ptr<const msl::EntryModule>;

/// A kernel function and the public names made from it.
struct Function {
  std::string name;  ///< as the source spells it
  std::string comment;
  std::vector<Entry> entries;
};

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// The `///` lines above the definition on line `line`; its template header and attributes may stand between.
std::string comment_above(const Lines& lines, unsigned line) {
  constexpr std::string_view kMark = "///";
  const auto is_comment = [&](std::size_t i) { return lines[i].starts_with(kMark); };
  const auto ends_declaration = [&](std::size_t i) {
    return lines[i].empty() || lines[i].starts_with('#') || lines[i].ends_with(';') || lines[i].ends_with('}');
  };
  std::size_t end = line - 1;
  while (end > 0 && !is_comment(end - 1)) {
    if (ends_declaration(end - 1)) return "";
    --end;
  }
  std::size_t begin = end;
  while (begin > 0 && is_comment(begin - 1)) --begin;
  std::string text;
  for (std::size_t i = begin; i < end; ++i) {
    auto content = lines[i].substr(kMark.size());
    if (content.starts_with(' ')) content.remove_prefix(1);
    text += fmt::format("{}\n", content);
  }
  return text;
}

/// The name before the parameters on the line that defines a kernel.
std::string function_name(std::string_view line) {
  line = line.substr(0, line.find('('));
  return std::string(line.substr(line.find_last_of(" *&") + 1));
}

Result<std::vector<Function>> functions_of(const registry::BuiltinFile& file) {
  msl::SourceRequest request;
  request.name = file.path;
  request.text = file.text;
  for (const auto& header : registry::builtin_headers()) {
    request.options.include_files.emplace_back(header.name, header.text);
  }
  const auto source = msl::ParsedSource::parse(std::move(request));
  if (!source) return std::unexpected(source.error());

  const Lines lines = lines_of(file.text);
  std::map<unsigned, Function> by_line;
  for (std::size_t i = 0; i < (*source)->entry_names().size(); ++i) {
    const std::string& name = (*source)->entry_names()[i];
    const unsigned line = (*source)->entry_lines()[i];
    auto entry = (*source)->entry(name);
    if (!entry) return std::unexpected(entry.error());
    Function& function = by_line[line];
    if (function.entries.empty() && line != 0) {
      function.name = function_name(lines[line - 1]);
      function.comment = comment_above(lines, line);
    }
    if (function.comment.empty()) {
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("{}:{}: kernel '{}' has no /// comment above its definition", file.path, line, name));
    }
    function.entries.push_back(*std::move(entry));
  }
  std::vector<Function> functions;
  for (auto& [line, function] : by_line) functions.push_back(std::move(function));
  return functions;
}

std::string type_text(const Argument& argument) {
  return fmt::format("{}{}{}", argument.access == Access::Read && !argument.is_reference ? "const " : "", argument.type,
                     argument.is_reference ? "&" : "*");
}

/// One row a kernel, one column an argument; the arguments of a function differ in type only.
std::string argument_table(const Function& function) {
  std::string header = "| kernel |", rule = "|---|", rows;
  for (const Argument& a : function.entries.front()->reflection.arguments) {
    header += fmt::format(" {} {} `{}` |", a.kind == ArgumentKind::Buffer ? "buffer" : "threadgroup", a.index, a.name);
    rule += "---|";
  }
  for (const Entry& entry : function.entries) {
    rows += fmt::format("| `{}` |", entry->reflection.name);
    for (const Argument& a : entry->reflection.arguments) rows += fmt::format(" `{}` |", type_text(a));
    rows += '\n';
  }
  return fmt::format("{}\n{}\n{}", header, rule, rows);
}

std::string file_section(const registry::BuiltinFile& file, const std::vector<Function>& functions) {
  std::string text;
  for (const Function& function : functions) {
    text += fmt::format("### {}\n[{}](../kernels/{})\n\n```text\n{}```\n\n{}\n", function.name, file.path, file.path,
                        function.comment, argument_table(function));
  }
  return text;
}

/// Names that the file lists and no function of it bears.
std::vector<std::string_view> names_only(const registry::BuiltinFile& file, const std::vector<Function>& functions) {
  std::vector<std::string_view> names;
  for (const registry::BuiltinKernel& kernel : registry::builtin_kernels()) {
    if (&registry::builtin_files()[kernel.file] != &file) continue;
    const bool declared = std::ranges::any_of(functions, [&](const Function& function) {
      return std::ranges::any_of(function.entries, [&](const Entry& e) { return e->reflection.name == kernel.name; });
    });
    if (!declared) names.push_back(kernel.name);
  }
  return names;
}

std::string names_section(const registry::BuiltinFile& file, const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) {
    text += fmt::format(
        "### {}\n[{}](../kernels/{})\n\nA name without a function: asking for its pipeline is an error.\n\n"
        "| kernel | function |\n|---|---|\n| `{}` | `none` |\n\n",
        name, file.path, file.path, name);
  }
  return text;
}

}  // namespace

Result<std::string> kernel_catalogue(std::string_view family) {
  struct Family {
    std::string text;
    std::size_t kernels = 0;
  };
  std::map<std::string_view, Family> families;
  for (const registry::BuiltinFile& file : registry::builtin_files()) {
    if (!file.device.empty() || (!family.empty() && file.family != family)) continue;
    const auto functions = functions_of(file);
    if (!functions) return std::unexpected(functions.error());
    Family& all = families[file.family];
    const auto names = names_only(file, *functions);
    all.text += file_section(file, *functions) + names_section(file, names);
    all.kernels += names.size();
    for (const Function& function : *functions) all.kernels += function.entries.size();
  }
  std::string index, sections;
  std::size_t kernels = 0;
  for (const auto& [name, content] : families) {
    index += fmt::format("| [{}](#{}) | {} |\n", name, name, content.kernels);
    sections += fmt::format("## {}\n\n{}", name, content.text);
    kernels += content.kernels;
  }
  sections.pop_back();  // the blank line after the last table
  return fmt::format(
      "# The built-in kernels\n\n"
      "Generated from `kernels/` by `anymetal kernels --markdown > docs/kernels.md`; a test compares. The text of each "
      "kernel\n"
      "is the comment above its source, the table what the compiler reads off its parameters: `const T*` is only read, "
      "`T*`\n"
      "is written too, `T&` is one value, which `set_bytes` may give.\n\n"
      "| family | kernels |\n|---|---|\n{}| all | {} |\n\n{}",
      index, kernels, sections);
}

}  // namespace anymetal::cli
