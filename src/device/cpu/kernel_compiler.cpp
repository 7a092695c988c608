#include "device/cpu/kernel_compiler.hpp"

#include <fmt/format.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <array>
#include <string>

#include "device/cpu/code_generator.hpp"
#include "device/cpu/coroutine_path.hpp"
#include "device/cpu/fast_math.hpp"
#include "device/cpu/group_atomics.hpp"
#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/loop_path.hpp"
#include "device/cpu/one_thread.hpp"
#include "device/cpu/runtime_constants.hpp"
#include "device/cpu/small_copies.hpp"
#include "device/cpu/sync_operation.hpp"
#include "device/cpu/target_queries.hpp"
#include "device/cpu/thread_function.hpp"
#include "device/cpu/vector_threads.hpp"
#include "msl/ir_context.hpp"
#include "observe/log.hpp"
#include "observe/trace.hpp"

namespace anymetal::device::cpu {
namespace {

/// Artifact::execution_path.
constexpr const char* kLoop = "loop";
constexpr const char* kThreadsAsVectors = "threads as vectors";
constexpr const char* kLanes = "lanes";
constexpr const char* kCoroutines = "coroutines";

bool has_operation(const llvm::Function& function, llvm::function_ref<bool(const SyncOperation&)> is_wanted) {
  return llvm::any_of(llvm::instructions(function), [&](const llvm::Instruction& instruction) {
    const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
    const auto operation = call ? sync_operation(*call) : std::nullopt;
    return operation && is_wanted(*operation);
  });
}

/// Whether threads of a simdgroup or threadgroup meet.
bool meets(const llvm::Function& function) {
  return has_operation(function, [](const SyncOperation&) { return true; });
}

/// Whether threads do something together with others of their simdgroup.
bool meets_in_simdgroups(const llvm::Function& function) {
  return has_operation(function, [](const SyncOperation& operation) {
    return operation.kind != SyncOperation::Kind::ThreadgroupBarrier;
  });
}

/// The table the loader looks up, with the members of KernelTable.
void emit_table(llvm::Module& module, const KernelTable& numbers, llvm::Function* run, llvm::Function* start,
                llvm::Function* advance) {
  auto& context = module.getContext();
  auto* pointer = llvm::PointerType::getUnqual(context);
  auto* word = llvm::Type::getInt64Ty(context);
  auto function = [&](llvm::Function* f) -> llvm::Constant* {
    return f ? static_cast<llvm::Constant*>(f) : llvm::ConstantPointerNull::get(pointer);
  };
  auto number = [&](std::uint64_t value) { return llvm::ConstantInt::get(word, value); };
  auto* value = llvm::ConstantStruct::getAnon(
      {function(run), function(start), function(advance), number(numbers.frame_stride), number(numbers.exchange_bytes),
       number(numbers.static_threadgroup_bytes), number(numbers.lanes_per_unit), number(numbers.largest_buffer),
       number(numbers.folded), number(numbers.in_simdgroups), number(numbers.merged_rows), number(numbers.along_x),
       number(numbers.along_y), number(numbers.merged_lanes)});
  new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage, value,
                           kTableSymbol);
}

/// Everything but the kernel itself becomes private to the object.
void internalise(llvm::Module& module) {
  for (auto& global : module.global_values())
    if (!global.isDeclaration()) global.setLinkage(llvm::GlobalValue::InternalLinkage);
}

Result<void> verify(const llvm::Module& module) {
  std::string message;
  llvm::raw_string_ostream stream(message);
  if (llvm::verifyModule(module, &stream))
    return fail(ErrorCode::InternalError, fmt::format("the CPU back end made invalid IR: {}", message));
  return {};
}

/// The entry as bitcode: what threadgroups that the lanes path cannot run are compiled from, should there be any.
std::string as_bitcode(llvm::Module& module, llvm::Function& entry, const CodeGenerator& generator) {
  entry.setLinkage(llvm::GlobalValue::ExternalLinkage);
  generator.remove_unused(module);
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  llvm::WriteBitcodeToFile(module, stream);
  return bytes;
}

/// Emits the code of a kernel whose threads meet and notes what it needs in `numbers`.
Result<void> emit_meeting_threads(const ThreadFunction& thread, std::string_view label, const CodeGenerator& generator,
                                  const Paths& paths, Artifact& artifact, KernelTable numbers) {
  auto& module = *thread.function->getParent();
  if (paths.lanes) {
    auto code = emit_lanes_path(thread, label, generator, paths.vectors);
    if (!code) return std::unexpected(code.error());
    if (code->obstacle.empty()) {
      artifact.execution_path = kLanes;
      numbers.frame_stride = code->frame_stride;
      const auto& rows = paths.vectors.rows;
      numbers.lanes_per_unit = std::uint64_t{rows.width} * rows.merged_x;
      numbers.merged_rows = rows.merged_y;
      numbers.along_x = code->merging.along_x;
      numbers.along_y = code->merging.along_y;
      numbers.merged_lanes = code->merging.lanes;
      numbers.largest_buffer = code->largest_buffer;
      numbers.folded = rows.folded ? 1 : 0;
      emit_table(module, numbers, nullptr, code->start, code->advance);
      return {};
    }
    if (paths.vectors.rows.merged() > 1) return fail(ErrorCode::InternalError, code->obstacle);
    artifact.path_reason = std::move(code->obstacle);
    if (code->broken) log::warning(fmt::format("kernel '{}' runs as coroutines: {}", label, artifact.path_reason));
  } else {
    artifact.path_reason = "the lanes path is switched off (ANYMETAL_CPU_LANES=0)";
  }
  artifact.execution_path = kCoroutines;
  const auto code = emit_coroutine_path(thread, label);
  if (!code) return std::unexpected(code.error());
  numbers.frame_stride = code->frame_stride;
  numbers.exchange_bytes = code->exchange_bytes;
  emit_table(module, numbers, nullptr, code->start, code->advance);
  return {};
}

/// Puts what is known of a threadgroup that runs as one in the place of its sizes; true where that may unroll loops.
bool know_sizes(const ThreadFunction& thread, const LaneRows& rows) {
  auto& context = thread.function->getContext();
  const std::array sizes{rows.width * rows.merged_x, rows.merged_y, 1U};
  bool used = false;
  for (const unsigned first : {kThreadsPerGroup + 0U, kDispatchThreads + 0U})
    for (unsigned d = 0; d < 3; ++d) {
      auto* size = thread.geometry(first + d);
      used = used || !size->use_empty();
      size->replaceAllUsesWith(llvm::ConstantInt::get(llvm::Type::getInt32Ty(context), sizes[d]));
    }
  return used;
}

CodeGenerator::Code kind_of(std::string_view execution_path) {
  if (execution_path == kLanes) return CodeGenerator::Code::Vectors;
  return execution_path == kCoroutines ? CodeGenerator::Code::Coroutines : CodeGenerator::Code::Loops;
}

}  // namespace

Result<Artifact> lower_kernel(msl::SpecialisedKernel& kernel, std::string_view label, const Paths& paths,
                              const CodeGenerator& generator) {
  auto& module = *kernel.module;
  auto* entry = module.getFunction(kernel.symbol);
  if (!entry || entry->isDeclaration())
    return fail(ErrorCode::InternalError, fmt::format("the module has no function '{}'", kernel.symbol));
  if (auto defined = define_fast_math(module); !defined) return std::unexpected(defined.error());
  define_target_queries(module);
  fold_runtime_constants(module);
  internalise(module);
  generator.retarget(module);
  Artifact artifact;
  bool one_thread = kernel.reflection.any_threadgroup_size && paths.one_thread;
  std::string general;
  if (one_thread) {
    generator.fold(*entry);
    artifact.path_reason = one_thread_obstacle(*entry);
    one_thread = artifact.path_reason.empty();
  }
  if (!one_thread) {
    generator.simplify(*entry);
    if (paths.lanes && (meets(*entry) || may_run_as_vectors(*entry))) general = as_bitcode(module, *entry, generator);
  }
  auto thread = make_thread_function(module, *entry);
  if (!thread) return std::unexpected(thread.error());
  thread->has_threadgroup_memory =
      thread->static_threadgroup_bytes != 0 ||
      llvm::any_of(kernel.reflection.arguments, [](const Argument& a) { return a.kind == ArgumentKind::Threadgroup; });
  if (one_thread) {
    run_as_one_thread(*thread);
    generator.simplify(*thread->function);
  } else {
    if (paths.vectors.rows.is_group && know_sizes(*thread, paths.vectors.rows)) generator.simplify(*thread->function);
    make_small_copies_vectors(*thread->function);
  }
  // Where lanes meet depends on the order of the blocks, which must be one for all forms of a kernel. Ways to places
  // where threads would meet may turn out to be none.
  if (meets(*thread->function)) generator.regularise(*thread->function);
  const bool meeting = meets(*thread->function);

  artifact.reflection = std::move(kernel.reflection);
  artifact.reflection.static_threadgroup_memory = thread->static_threadgroup_bytes - thread->core_bytes;
  artifact.symbol = kTableSymbol;
  KernelTable numbers;
  numbers.static_threadgroup_bytes = thread->static_threadgroup_bytes;
  numbers.in_simdgroups = meets_in_simdgroups(*thread->function) ? 1 : 0;
  if (!meeting) {
    const auto code = emit_loop_path(*thread, label, one_thread, generator, paths.lanes ? &paths.vectors : nullptr);
    artifact.execution_path = code.as_vectors ? kThreadsAsVectors : kLoop;
    if (artifact.path_reason.empty()) artifact.path_reason = code.obstacle;
    numbers.largest_buffer = code.largest_buffer;
    if (code.largest_buffer != 0) artifact.metadata = general;
    emit_table(module, numbers, code.run, nullptr, nullptr);
  } else {
    mark_group_atomics(*thread, artifact.reflection);
    if (auto emitted = emit_meeting_threads(*thread, label, generator, paths, artifact, numbers); !emitted)
      return std::unexpected(emitted.error());
    make_group_atomics_plain(module);
  }
  if (artifact.execution_path == kLanes) artifact.metadata = general;
  generator.retarget(module);
  if (auto valid = verify(module); !valid) return std::unexpected(valid.error());
  return artifact;
}

Result<Artifact> compile_kernel(msl::SpecialisedKernel kernel, std::string_view label, const Paths& paths) {
  const auto generator = CodeGenerator::create();
  if (!generator) return std::unexpected(generator.error());
  auto artifact = lower_kernel(kernel, label, paths, *generator);
  if (!artifact) return artifact;
  {
    const trace::Span span("optimise", label);
    generator->optimise(*kernel.module, kind_of(artifact->execution_path));
  }
  const trace::Span span("generate", label);
  auto object = generator->emit_object(*kernel.module);
  if (!object) return std::unexpected(object.error());
  artifact->code = std::move(*object);
  return artifact;
}

Result<Artifact> compile_form(const Artifact& main, std::string_view label, Form form, const LanesOptions& vectors) {
  msl::SpecialisedKernel kernel;
  if (auto ok = msl::read_module(kernel, main.metadata, label); !ok) return std::unexpected(ok.error());
  for (const auto& function : *kernel.module)
    if (!function.isDeclaration() && function.hasExternalLinkage()) kernel.symbol = function.getName().str();
  kernel.reflection = main.reflection;
  Paths paths{.lanes = form != Form::General, .one_thread = false, .vectors = vectors};
  paths.vectors.rows = rows_of(form);
  paths.vectors.any_buffer = form == Form::Large32;
  auto made = compile_kernel(std::move(kernel), label, paths);
  if (made || paths.vectors.rows.merged() == 1) return made;
  // Threads that cannot be merged after all run as they would have.
  auto other = compile_form(main, label, unmerged(form), vectors);
  if (other) other->path_reason = made.error().message();
  return other;
}

}  // namespace anymetal::device::cpu
