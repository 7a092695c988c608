#include "msl/compile_guard.hpp"
#include "msl/constant_values.hpp"
#include "msl/ending_recursion.hpp"
#include "msl/ir_checks.hpp"
#include "msl/ir_cleanup.hpp"
#include "msl/ir_context.hpp"
#include "msl/ir_simplify.hpp"
#include "msl/ir_threadgroup.hpp"
#include "msl/parsed_source.hpp"
#include "msl/type_names.hpp"
#include "msl/unused_arguments.hpp"
#include "msl/use_places.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <llvm/Demangle/Demangle.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

namespace anymetal::msl {
namespace {

/// What a kernel may declare. Apple's GPUs have 32 KiB in all, NVIDIA's at most 227 KiB; what the device at hand has is checked where it is used.
constexpr std::size_t kThreadgroupMemoryLimit = 32768, kNvidiaThreadgroupMemoryLimit = 232448;
constexpr unsigned kThreadLimit = 1024;

/// Declared constants still read although nobody gave them a value: all of them in one error.
Result<void> refuse_unset(const llvm::Module& module, const EntryModule& entry) {
  std::vector<std::string> unset;
  for (const ConstantDeclaration& constant : entry.constants) {
    const llvm::GlobalVariable* global = module.getNamedGlobal(function_constant_symbol(constant.index));
    if (global == nullptr || !global->isDeclaration() || global->use_empty()) continue;
    unset.push_back(
        fmt::format("'{}' (index {}, {})", constant.name, constant.index, to_string(constant.type, constant.components)));
  }
  if (unset.empty()) return {};
  const bool one = unset.size() == 1;
  return fail(ErrorCode::FunctionConstantError,
              fmt::format("kernel '{}': function constant{} {} {}: the kernel reads {}", entry.reflection.name, one ? "" : "s",
                          fmt::join(unset, ", "), one ? "needs a value" : "need values", one ? "it" : "them"));
}

std::unexpected<Error> undefined(const EntryModule& entry, std::string_view kind, llvm::StringRef symbol, llvm::StringRef used_at) {
  std::string message = fmt::format("{} '{}' is used but not defined", kind, msl_spelling(llvm::demangle(symbol.str())));
  Diagnostic diagnostic;
  const auto [line, after_line] = used_at.split('\n');
  const auto [column, after_column] = after_line.split('\n');
  const auto [file, text] = after_column.split('\n');
  if (line.getAsInteger(10, diagnostic.line) || column.getAsInteger(10, diagnostic.column)) {
    return fail(ErrorCode::ShaderCompilationError, fmt::format("kernel '{}': {}", entry.reflection.name, message));
  }
  diagnostic.file = file.str();
  diagnostic.source_line = text.str();
  diagnostic.message = std::move(message);
  std::vector<Diagnostic> diagnostics = {std::move(diagnostic)};
  std::string rendered = fmt::format("kernel '{}' does not compile:\n{}", entry.reflection.name, render(diagnostics));
  while (rendered.ends_with('\n')) rendered.pop_back();
  return std::unexpected(Error(ErrorCode::ShaderCompilationError, std::move(rendered)).with_diagnostics(std::move(diagnostics)));
}

Result<void> refuse_unknown_symbols(const llvm::Module& module, const EntryModule& entry) {
  for (const llvm::Function& f : module) {
    if (!f.isDeclaration() || f.isIntrinsic() || f.use_empty() || f.getName().starts_with("__msl_")) continue;
    return undefined(entry, "function", f.getName(), f.getFnAttribute(kUsePlaceAttribute).getValueAsString());
  }
  for (const llvm::GlobalVariable& global : module.globals()) {
    if (!global.isDeclaration() || global.use_empty()) continue;
    if (global.hasAttribute(kUncomputedAttribute)) {
      return fail(ErrorCode::ShaderCompilationError,
                  fmt::format("kernel '{}': the initialiser of '{}' is no constant expression: it cannot be computed before the kernel runs",
                              entry.reflection.name, msl_spelling(llvm::demangle(global.getName().str()))));
    }
    return undefined(entry, "variable", global.getName(), global.getAttribute(kUsePlaceAttribute).getValueAsString());
  }
  return {};
}

Result<void> refuse_recursion(const llvm::Module& module, const EntryModule& entry) {
  const std::vector<std::string> cycle = find_recursion(module);
  if (cycle.empty()) return {};
  return fail(ErrorCode::ShaderCompilationError,
              fmt::format("kernel '{}': recursion at run time is not supported unless it is a tail call or ends after a few calls whatever the "
                          "data: {}",
                          entry.reflection.name, msl_spelling(fmt::format("{}", fmt::join(cycle, " -> ")))));
}

Result<std::size_t> threadgroup_memory(llvm::Module& module, const EntryModule& entry) {
  if (!resolve_threadgroup_arrays(module)) {
    return fail(ErrorCode::ShaderCompilationError,
                fmt::format("kernel '{}': the extent of a threadgroup array is not known at specialisation", entry.reflection.name));
  }
  const std::size_t bytes = threadgroup_bytes(module);
  const std::size_t limit = entry.target == Target::Nvptx ? kNvidiaThreadgroupMemoryLimit : kThreadgroupMemoryLimit;
  if (bytes <= limit) return bytes;
  return fail(ErrorCode::ShaderCompilationError, fmt::format("kernel '{}' needs {} bytes of threadgroup memory, limit {}",
                                                             entry.reflection.name, bytes, limit));
}

Result<void> refuse_thread_limit(const EntryModule& entry) {
  if (entry.reflection.max_total_threads <= kThreadLimit) return {};
  return fail(ErrorCode::ShaderCompilationError, fmt::format("kernel '{}': max_total_threads_per_threadgroup is {}, limit {}",
                                                             entry.reflection.name, entry.reflection.max_total_threads, kThreadLimit));
}

/// As in Metal, what a specialised kernel never looks at needs no binding.
void mark_unused_arguments(SpecialisedKernel& kernel) {
  const llvm::Function* function = kernel.module->getFunction(kernel.symbol);
  for (std::size_t i = 0; i < kernel.reflection.arguments.size(); ++i) {
    auto& argument = kernel.reflection.arguments[i];
    argument.active = argument.active && !is_unused(*function->getArg(static_cast<unsigned>(i)));
  }
}

Result<SpecialisedKernel> specialised(const EntryModule& entry, std::span<const FunctionConstant> constants) {
  if (auto ok = refuse_thread_limit(entry); !ok) return std::unexpected(ok.error());
  SpecialisedKernel kernel;
  kernel.symbol = entry.symbol;
  kernel.reflection = entry.reflection;
  if (auto ok = read_module(kernel, entry.bitcode, entry.reflection.name); !ok) return std::unexpected(ok.error());
  llvm::Module& module = *kernel.module;

  drop_traps(module);
  const auto values = resolve_constants(entry.reflection.name, entry.constants, constants);
  if (!values) return std::unexpected(values.error());
  // All other functions are simplified already. For NVIDIA they are once more: else four kernels of the catalogue become other PTX, one with
  // 80 registers instead of 72.
  const std::vector<llvm::Function*> affected = users_of_open_variables(module);
  const auto simplify_again = [&] { entry.target == Target::Nvptx ? simplify_functions(module) : simplify_functions(affected); };
  set_function_constants(module, *values);
  const bool computes = has_initialisers(module);
  if (computes) {
    if (entry.target == Target::Nvptx) simplify_again();
    evaluate_derived_constants(module);
  }
  if (!values->empty() || !entry.constants.empty() || computes) simplify_again();
  for (std::size_t i = 0; i < entry.argument_guards.size(); ++i) {
    if (!entry.argument_guards[i].empty()) kernel.reflection.arguments[i].active = is_constant_true(module, *values, entry.argument_guards[i]);
  }
  drop_unused(module);
  constexpr int kDeepest = 16;
  for (int depth = 0; depth < kDeepest && (depth == 0 || calls_functions(module)); ++depth) {  // a pointer to a function may have become that function
    if (!find_recursion(module).empty()) {
      inline_ending_recursion(*module.getFunction(entry.symbol));
      drop_unused(module);
    }
    if (auto ok = refuse_recursion(module, entry); !ok) return std::unexpected(ok.error());
    if (auto ok = refuse_size(module, entry.reflection.name, entry.symbol); !ok) return std::unexpected(ok.error());
    inline_everything(module);
  }
  if (auto ok = refuse_unset(module, entry); !ok) return std::unexpected(ok.error());
  const auto bytes = threadgroup_memory(module, entry);
  if (!bytes) return std::unexpected(bytes.error());
  if (auto ok = refuse_unknown_symbols(module, entry); !ok) return std::unexpected(ok.error());
  if (auto ok = refuse_unsupported(module, entry.reflection.name); !ok) return std::unexpected(ok.error());
  kernel.reflection.static_threadgroup_memory = *bytes;
  mark_unused_arguments(kernel);

  std::string problem;
  llvm::raw_string_ostream out(problem);
  if (llvm::verifyModule(module, &out)) return fail(ErrorCode::InternalError, "the front end made invalid IR: " + problem);
  return kernel;
}

}  // namespace

Result<SpecialisedKernel> specialise(const EntryModule& entry, std::span<const FunctionConstant> constants) {
  auto result = run_step_for<SpecialisedKernel>(fmt::format("kernel '{}'", entry.reflection.name), [&] { return specialised(entry, constants); });
  if (!result) return std::unexpected(result.error().with_kernel(entry.reflection.name));
  return result;
}

}  // namespace anymetal::msl
