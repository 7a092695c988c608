#include "parts/source_options.hpp"

#include <fmt/format.h>

#include "parts/specs.hpp"

namespace anymetal::cli {

void add_source_options(CLI::App& command, SourceArguments& arguments) {
  // Each takes one value per occurrence, so that a following positional argument is not swallowed.
  command.add_option("-I", arguments.include_directories, "Directory for #include (may be repeated)")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command.add_option("-D", arguments.defines, "Macro definition (may be repeated)")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false);
  command
      .add_option("--constant", arguments.constants,
                  "Function constant by index or name (may be repeated), e.g. 100=int:4 or use_mask=bool:true")
      ->type_name("IDX=TYPE:VALUE")
      ->allow_extra_args(false);
  command.add_option("--std", arguments.standard, "Language version, metal2.3 to metal4.0")->capture_default_str();
  command.add_option("--math-mode", arguments.math_mode, "Floating point: fast, relaxed or safe")
      ->check(CLI::IsMember({"fast", "relaxed", "safe"}))
      ->capture_default_str();
}

Result<SourceOptions> source_options(const SourceArguments& arguments) {
  SourceOptions options;
  options.include_directories = arguments.include_directories;
  options.language_standard = arguments.standard;
  options.math_mode = arguments.math_mode == "safe"      ? MathMode::Safe
                      : arguments.math_mode == "relaxed" ? MathMode::Relaxed
                                                         : MathMode::Fast;
  for (const std::string& text : arguments.defines) {
    auto define = parse_define(text);
    if (!define) return std::unexpected(define.error());
    options.defines.push_back(std::move(*define));
  }
  return options;
}

Result<std::vector<FunctionConstant>> function_constants(const SourceArguments& arguments) {
  std::vector<FunctionConstant> constants;
  for (const std::string& text : arguments.constants) {
    auto constant = parse_constant(text);
    if (!constant) return std::unexpected(constant.error());
    constants.push_back(std::move(*constant));
  }
  return constants;
}

}  // namespace anymetal::cli
