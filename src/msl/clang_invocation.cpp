#include "msl/clang_invocation.hpp"

#include "msl/embedded_files.hpp"
#include "msl/prepass.hpp"

#include <clang/Basic/Diagnostic.h>
#include <clang/Frontend/CompilerInvocation.h>
#include <clang/Lex/HeaderSearchOptions.h>
#include <clang/Lex/PreprocessorOptions.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace anymetal::msl {
namespace {

/// Macros of one host or target only: one front-end run has to mean the same on every device.
constexpr std::array kHostMacros = {
    "_GNU_SOURCE", "__gnu_linux__", "__linux", "__linux__", "linux", "__unix", "__unix__", "unix", "__ELF__",
    "__x86_64", "__x86_64__", "__amd64", "__amd64__", "__k8", "__k8__", "__tune_k8__", "__code_model_small__",
    "__MMX__", "__SSE__", "__SSE2__", "__SSE_MATH__", "__SSE2_MATH__", "__FXSR__", "__SEG_FS", "__SEG_GS", "__seg_fs",
    "__seg_gs", "__aarch64__", "__AARCH64EL__", "__AARCH64_CMODEL_SMALL__", "__ARM_ARCH", "__ARM_NEON", "__ARM_FP",
    "__ARM_ACLE", "__ARM_64BIT_STATE", "__ARM_ALIGN_MAX_STACK_PWR", "__ARM_ARCH_ISA_A64", "__ARM_ARCH_PROFILE",
    "__ARM_FEATURE_CLZ", "__ARM_FEATURE_DIRECTED_ROUNDING", "__ARM_FEATURE_DIV", "__ARM_FEATURE_IDIV", "__ARM_FEATURE_LDREX",
    "__ARM_FEATURE_NUMERIC_MAXMIN", "__ARM_FEATURE_UNALIGNED", "__ARM_FP16_ARGS", "__ARM_FP16_FORMAT_IEEE",
    "__ARM_SIZEOF_MINIMAL_ENUM", "__ARM_SIZEOF_WCHAR_T", "__ARM_STATE_ZA", "__ARM_STATE_ZT0",
    "__HAVE_FUNCTION_MULTI_VERSIONING", "__ARM_FEATURE_FMA", "__ARM_PCS_AAPCS64", "__CHAR_UNSIGNED__", "__NVPTX__",
    "__PTX__", "__CUDA_ARCH__", "__FLOAT128__", "__SIZEOF_FLOAT128__", "__FP_FAST_FMA", "__FP_FAST_FMAF", "__SYCL_DEVICE_ONLY__", "SYCL_LANGUAGE_VERSION",
    "__NO_MATH_INLINES", "__REGISTER_PREFIX__", "__GCC_ASM_FLAG_OUTPUTS__", "__WCHAR_UNSIGNED__", "__WINT_UNSIGNED__",
    "__GCC_HAVE_SYNC_COMPARE_AND_SWAP_1", "__GCC_HAVE_SYNC_COMPARE_AND_SWAP_2", "__GCC_HAVE_SYNC_COMPARE_AND_SWAP_4",
    "__GCC_HAVE_SYNC_COMPARE_AND_SWAP_8", "__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16"};

const char* triple_of(Target target) {
  if (target == Target::Nvptx) return "nvptx64-nvidia-cuda";
#if defined(__aarch64__)
  return "aarch64-unknown-linux-gnu";
#else
  return "x86_64-unknown-linux-gnu";
#endif
}

}  // namespace

unsigned metal_version(std::string_view standard) {
  static constexpr std::array<std::pair<std::string_view, unsigned>, 6> kVersions = {
      {{"metal2.3", 230}, {"metal2.4", 240}, {"metal3.0", 300}, {"metal3.1", 310}, {"metal3.2", 320}, {"metal4.0", 400}}};
  for (const auto& [name, version] : kVersions) {
    if (standard == name || standard == "macos-" + std::string(name)) return version;
  }
  return 0;
}

std::string prelude_text() {
  return "#include <prelude/keywords.h>\n"
         "#include <prelude/attributes.h>\n"
         "#include <metal_stdlib>\n"
         "#include <prelude/thread_inputs.h>\n";
}

std::string main_file_head(const SourceRequest& request) {
  std::string name;
  for (const char c : request.name.empty() ? std::string("source.metal") : request.name) {
    if (c == '\\' || c == '"') name.push_back('\\');
    if (c != '\n' && c != '\0') name.push_back(c);
  }
  return fmt::format("#include \"{}\"\n#line 1 \"{}\"\n", kOptionsFile, name);
}

std::string options_text(const SourceRequest& request) {
  const SourceOptions& options = request.options;
  std::string text = "#pragma once\n";
  if (request.binding) text += "#undef is_function_constant_defined\n#define is_function_constant_defined(name) __msl_is_given(name)\n";
  for (const char* macro : kHostMacros) text += fmt::format("#undef {}\n", macro);
  const unsigned version = metal_version(options.language_standard);
  text += fmt::format("#undef __METAL_VERSION__\n#define __METAL_VERSION__ {}\n", version);
  if (version >= 300) text += "#undef __METAL__\n#define __METAL__ 1\n";
  text += "#define __METAL_MACOS__ 1\n";
  for (const char* feature : {"SIMDGROUP", "SIMDGROUP_MATRIX", "SIMDGROUP_REDUCTION", "SIMDGROUP_BALLOT", "SIMDGROUP_SHUFFLE_AND_FILL", "QUADGROUP"}) {
    text += fmt::format("#define __HAVE_{}__ 1\n", feature);
  }
  if (version >= 310) text += "#define __HAVE_BFLOAT__ 1\n";
  const bool has_tensors = std::ranges::any_of(embedded_headers(), [](const EmbeddedFile& f) { return f.name == "metal_tensor"; });
  if (version >= 400 && has_tensors) text += "#define __HAVE_TENSOR__ 1\n";
  text += fmt::format("#define __MSL_MATH_MODE__ {}\n", static_cast<int>(options.math_mode));
  for (const auto& [name, value] : options.defines) text += prepass(fmt::format("#define {} {}\n", name, value)).text;
  return text;
}

std::shared_ptr<clang::CompilerInvocation> make_invocation(const SourceOptions& options, const CompileLimits& limits, Target target, std::string_view pch,
                                                           clang::DiagnosticsEngine& diagnostics) {
  std::vector<const char*> arguments = {
      "-triple", triple_of(target), "-std=c++2b", "-x", "c++", "-fdeclspec", "-ffreestanding", "-fno-builtin",
      "-fno-strict-float-cast-overflow", "-Wno-c++11-narrowing",
      "-fclang-abi-compat=15",  // `packed` reaches members that are vectors: classes here, built-in types in MSL
      "-fno-rtti", "-nostdsysteminc", "-nobuiltininc", "-fno-threadsafe-statics", "-fno-char8_t", "-ffp-contract=on",
      "-ffloat16-excess-precision=none", "-fconvergent-functions", "-disable-O0-optnone", "-no-enable-noundef-analysis", "-disable-llvm-passes",
      "-O0", "-Wno-ignored-attributes", "-Wno-unknown-pragmas", "-Wno-duplicate-decl-specifier",
      "-Wno-c++11-extensions", "-Wno-psabi", "-Wno-pass-failed", "-Wno-unused-value", "-Wno-pragma-once-outside-header",
      "-Wno-undefined-internal", "-Wno-undefined-inline", "-Wno-undefined-var-template", "-Wno-main", "-Wno-c99-designator",
      "-Wno-vla-extension", "-Wno-vla-cxx-extension", "-Wno-elaborated-enum-base", "-Wno-deprecated-volatile",
      "-Wno-overloaded-shift-op-parentheses", "-Wno-ambiguous-reversed-operator"};  // vectors are classes here; the language is C++17
  if (options.math_mode != MathMode::Safe) {
    arguments.insert(arguments.end(), {"-mreassociate", "-freciprocal-math", "-fno-signed-zeros", "-fapprox-func"});
    arguments.push_back("-ffp-contract=fast");
  }
  const std::string main_file(kMainFile);
  arguments.push_back(main_file.c_str());
  auto invocation = std::make_shared<clang::CompilerInvocation>();
  clang::CompilerInvocation::CreateFromArgs(*invocation, arguments, diagnostics);

  auto& language = invocation->getLangOpts();
  language.SinglePrecisionConstants = true;  // in the library; in sources FloatLiterals sees to it
  language.ExpStrictFP = true;  // else Clang ignores `float_control`, which safe math mode becomes, for NVPTX
  language.SYCLIsDevice = true;  // its address spaces convert to the default one (docs/address-spaces.md)
  language.CPlusPlusModules = false;
  language.InstantiationDepth = limits.template_depth != 0 ? limits.template_depth : ~0U;
  language.ConstexprStepLimit = limits.constexpr_steps;  // 0 lifts this limit in Clang too
  invocation->getFrontendOpts().ProgramAction = clang::frontend::ParseSyntaxOnly;
  invocation->getDiagnosticOpts().ShowCarets = false;

  auto& search = invocation->getHeaderSearchOpts();
  search.AddPath(std::string(kSourceRoot), clang::frontend::Quoted, false, true);
  for (const std::string& directory : options.include_directories) {
    search.AddPath(directory, clang::frontend::Angled, false, true);
  }
  search.AddPath(std::string(kHeaderRoot), clang::frontend::System, false, true);

  auto& preprocessor = invocation->getPreprocessorOpts();
  preprocessor.DisablePragmaDebugCrash = true;
  if (!pch.empty()) {
    preprocessor.ImplicitPCHInclude = pch;
    preprocessor.DisablePCHOrModuleValidation = clang::DisableValidationForModuleKind::All;
  }
  return invocation;
}

}  // namespace anymetal::msl
