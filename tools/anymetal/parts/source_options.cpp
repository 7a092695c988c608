#include "parts/source_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <anymetal/compile_limits.hpp>
#include <charconv>
#include <string_view>

#include "parts/specs.hpp"

namespace anymetal::cli {

void add_source_options(CLI::App& command, SourceArguments& arguments) {
  // Each takes one value per occurrence, so that a following positional argument is not swallowed.
  command.add_option("-I", arguments.include_directories, "Directory for #include, after that of the file (may be repeated)")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command.add_option("-D", arguments.defines, "Macro definition (may be repeated)")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false);
  command
      .add_option("--constant", arguments.constants,
                  "Function constant by name or index (may be repeated), e.g. use_mask=true or 100=4; the type may be said: "
                  "100=int:4")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command.add_option("--std", arguments.standard, "Language version, metal2.3 to metal4.0")->capture_default_str();
  command.add_option("--math-mode", arguments.math_mode, "Floating point: fast, relaxed or safe")
      ->check(CLI::IsMember({"fast", "relaxed", "safe"}))
      ->capture_default_str();
  command
      .add_option(
          "--limit", arguments.limits,
          "What the compiler may use up: tokens, template_depth, constexpr_steps, seconds or megabytes; 0 for no "
          "limit (may be repeated)")
      ->type_name("NAME=N")
      ->allow_extra_args(false);
}

namespace {

Result<void> set_limits(const std::vector<std::string>& texts) {
  CompileLimits limits = compile_limits();
  for (const std::string& text : texts) {
    const auto equal = text.find('=');
    const std::string_view name = std::string_view(text).substr(0, equal);
    const std::string_view digits = equal == std::string::npos ? "" : std::string_view(text).substr(equal + 1);
    unsigned* const limit = name == "tokens"            ? &limits.tokens
                            : name == "template_depth"  ? &limits.template_depth
                            : name == "constexpr_steps" ? &limits.constexpr_steps
                            : name == "seconds"         ? &limits.seconds
                            : name == "megabytes"       ? &limits.megabytes
                                                        : nullptr;
    unsigned value = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (limit == nullptr || digits.empty() || problem != std::errc() || end != digits.data() + digits.size()) {
      return fail(
          ErrorCode::InvalidArgument,
          fmt::format("--limit {}: tokens, template_depth, constexpr_steps, seconds or megabytes, = and a number",
                      text));
    }
    *limit = value;
  }
  set_compile_limits(limits);
  return {};
}

}  // namespace

Result<SourceOptions> source_options(const SourceArguments& arguments, const std::filesystem::path& file) {
  SourceOptions options;
  options.include_directories = arguments.include_directories;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(file, ignored)) {
    const auto beside = file.has_parent_path() ? file.parent_path().string() : std::string(".");
    options.include_directories.insert(options.include_directories.begin(), beside);
  }
  options.language_standard = arguments.standard;
  options.math_mode = arguments.math_mode == "safe"      ? MathMode::Safe
                      : arguments.math_mode == "relaxed" ? MathMode::Relaxed
                                                         : MathMode::Fast;
  for (const std::string& text : arguments.defines) {
    auto define = parse_define(text);
    if (!define) return std::unexpected(define.error());
    options.defines.push_back(std::move(*define));
  }
  if (auto set = set_limits(arguments.limits); !set) return std::unexpected(set.error());
  return options;
}

Result<std::vector<ConstantSpec>> constant_specs(const SourceArguments& arguments) {
  std::vector<ConstantSpec> specs;
  for (const std::string& text : arguments.constants) {
    auto spec = parse_constant(text);
    if (!spec) return std::unexpected(spec.error());
    if (std::ranges::find(specs, spec->which, &ConstantSpec::which) != specs.end())
      return fail(ErrorCode::InvalidArgument, fmt::format("--constant {}: the constant is given twice", text));
    specs.push_back(std::move(*spec));
  }
  return specs;
}

}  // namespace anymetal::cli
