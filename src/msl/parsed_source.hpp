#pragma once
/// \file
/// The front end's interface: MSL text in, one IR module per kernel entry out.

#include "msl/file_dependencies.hpp"

#include <anymetal/error.hpp>
#include <anymetal/function_constant.hpp>
#include <anymetal/pipeline.hpp>
#include <anymetal/source_options.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace llvm {
class LLVMContext;
class Module;
}  // namespace llvm

namespace anymetal::msl {

/// What the IR is made for. Decides triple, data layout and calling convention, nothing an MSL program can see.
enum class Target : std::uint8_t { Host, Nvptx };

/// Values of function constants by index.
using ConstantValues = std::map<std::uint32_t, ConstantValue>;

/// Function constants that are known before the parse (docs/function-constants.md).
struct ConstantBinding {
  ConstantValues values;
  std::optional<std::uint8_t> others;  ///< what all other constants are, for a parse that is about one kernel only; empty: they stay open
  friend bool operator==(const ConstantBinding&, const ConstantBinding&) = default;
};

struct PrecompiledHeaders;

/// Everything that decides the outcome of a parse; the parse sees nothing else.
struct SourceRequest {
  std::string name;  ///< file name for diagnostics
  std::string text;
  SourceOptions options;
  Target target = Target::Host;
  std::optional<ConstantBinding> binding = {};
  /// Spares reading of headers where it changes nothing else. Only for texts that mean the same with all of them included.
  const PrecompiledHeaders* precompiled = nullptr;
};

/// A function constant a source declares.
struct ConstantDeclaration {
  std::string name;
  std::uint32_t index = 0;
  ConstantType type = ConstantType::Int;
  unsigned components = 1;
};

/// What reflection knows about one kernel.
struct EntryReflection {
  std::string name;                     ///< public name: host_name, or the qualified function name
  std::vector<Argument> arguments;      ///< bindable ones, in declaration order
  unsigned max_total_threads = 1024;    ///< `max_total_threads_per_threadgroup`
  bool declares_max_total_threads = false;  ///< whether the source says so: then so many threads must fit
  /// `required_threads_per_threadgroup`: the only threadgroup it may be dispatched with; zeros where the source names none.
  std::array<std::uint32_t, 3> required_threads = {};
  std::size_t static_threadgroup_memory = 0;  ///< bytes; known after specialisation
  bool any_threadgroup_size = false;    ///< `any_threadgroup_size`: results do not depend on how many threads share the work
};

/// One kernel of a parsed source, not yet specialised. Plain data: it can be stored and used by another process.
struct EntryModule {
  std::string bitcode;   ///< LLVM bitcode of the entry and all it calls (docs/entry-ir.md)
  std::string symbol;    ///< the entry function's IR name
  Target target = Target::Host;
  EntryReflection reflection;
  std::vector<ConstantDeclaration> constants;       ///< all the source declares
  std::vector<std::string> argument_guards;         ///< per argument: IR symbol of its guard constant, or empty
  bool is_bound = false;                            ///< made for one set of constants' values
};

/// One kernel with its constants set: what a back end compiles.
struct SpecialisedKernel {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;  ///< destroyed before the context
  std::string symbol;
  EntryReflection reflection;
  SpecialisedKernel();
  ~SpecialisedKernel();
  SpecialisedKernel(SpecialisedKernel&&) noexcept;
  SpecialisedKernel& operator=(SpecialisedKernel&&) noexcept;
};

/// A source after the front end. Thread contract: immutable to the caller, safe from any thread; the IR of an entry is
/// generated the first time it is asked for (one thread at a time per source) and kept.
class ParsedSource {
 public:
  /// Runs pre-pass, parse and semantic analysis. ShaderCompilationError carries the diagnostics.
  static Result<std::shared_ptr<const ParsedSource>> parse(SourceRequest request);
  ~ParsedSource();

  /// Public names of all kernels and instantiations, in source order.
  [[nodiscard]] std::span<const std::string> entry_names() const;
  /// For each of entry_names(), the line that names its function where that is defined; 0 where an included file does it.
  [[nodiscard]] std::span<const unsigned> entry_lines() const;
  [[nodiscard]] std::span<const ConstantDeclaration> constants() const;
  [[nodiscard]] std::span<const Diagnostic> warnings() const;
  /// Names of the files read beside the source itself.
  [[nodiscard]] std::span<const std::string> dependencies() const;
  /// What was found, and not found, in the include directories, for cache keys.
  [[nodiscard]] std::span<const FileDependency> file_dependencies() const;
  /// KernelNotFound (with suggestions) where there is no such entry. The constants matter only where constant expressions of
  /// the source depend on them: then it is parsed anew for them, and a value that is missing is a FunctionConstantError.
  [[nodiscard]] Result<std::shared_ptr<const EntryModule>> entry(std::string_view name, std::span<const FunctionConstant> constants = {}) const;

  struct Impl;
  explicit ParsedSource(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

/// Sets function constants in the IR and folds them through. FunctionConstantError where a value is missing, has
/// another type than declared, or names a constant the source does not declare; an undeclared index is ignored.
Result<SpecialisedKernel> specialise(const EntryModule& entry, std::span<const FunctionConstant> constants);

}  // namespace anymetal::msl
