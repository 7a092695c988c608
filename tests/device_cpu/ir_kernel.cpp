#include "ir_kernel.hpp"

#include <llvm/AsmParser/Parser.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/SourceMgr.h>

#include <map>

#include "emulated/emulated_backend.hpp"

namespace anymetal::test {
namespace {

/// Declarations of what the kernel's text mentions.
std::string declarations(std::string_view ir) {
  std::map<std::string, std::string> declared{
      {"__msl_threadgroup_barrier", "declare void @__msl_threadgroup_barrier(i32) #1\n"},
      {"__msl_simdgroup_barrier", "declare void @__msl_simdgroup_barrier(i32) #1\n"},
      {"__msl_fence", "declare void @__msl_fence(i32, i32) #1\n"},
      {"__msl_simd_shuffle", "declare i32 @__msl_simd_shuffle(i32, i32) #2\n"},
      {"__msl_simd_ballot", "declare i64 @__msl_simd_ballot(i1) #2\n"},
  };
  for (const char* query : {"thread_position_in_threadgroup", "threadgroup_position_in_grid", "threads_per_threadgroup",
                            "dispatch_threads_per_threadgroup", "threadgroups_per_grid", "threads_per_grid"})
    declared[std::string("__msl_") + query] = "declare i32 @__msl_" + std::string(query) + "(i32) #0\n";
  for (const char* query :
       {"thread_index_in_threadgroup", "thread_index_in_simdgroup", "simdgroup_index_in_threadgroup"})
    declared[std::string("__msl_") + query] = "declare i32 @__msl_" + std::string(query) + "() #0\n";
  for (const char* type : {"i32", "u32", "f32"})
    for (const char* operation :
         {"sum", "product", "min", "max", "and", "or", "xor", "prefix_inclusive_sum", "prefix_inclusive_product",
          "prefix_exclusive_sum", "prefix_exclusive_product"}) {
      const auto name = "__msl_simd_" + std::string(operation) + "_" + type;
      const std::string llvm_type = type == std::string("f32") ? "float" : "i32";
      declared[name] = "declare " + llvm_type + " @" + name + "(" + llvm_type + ") #2\n";
    }
  for (const char* a : {"f16", "bf16", "f32"})
    for (const char* b : {"f16", "bf16", "f32"}) {
      const auto name = std::string("__msl_simdgroup_multiply_accumulate_") + a + "_" + b;
      declared[name] = "declare <2 x float> @" + name + "(<2 x float>, <2 x float>, <2 x float>) #2\n";
    }
  for (const char* name : {"exp2", "log2", "rcp", "rsqrt", "sin", "cos"})
    declared[std::string("__msl_fast_") + name] = "declare float @__msl_fast_" + std::string(name) + "(float) #0\n";
  std::string text;
  for (const auto& [name, declaration] : declared)
    if (ir.find('@' + name + '(') != std::string_view::npos) text += declaration;
  return text + "attributes #0 = { nounwind willreturn memory(none) }\n"
                "attributes #1 = { convergent nounwind willreturn }\n"
                "attributes #2 = { convergent nounwind willreturn memory(none) }\n";
}

}  // namespace

std::shared_ptr<device::Backend> cpu_device(unsigned threads) {
  static std::map<unsigned, std::shared_ptr<device::Backend>> devices;
  auto& found = devices[threads];
  if (!found) found = *cpu_or_emulated({threads, ANYMETAL_TEST_LANES != 0});
  return found;
}

msl::SpecialisedKernel parse_kernel(std::string_view ir) {
  msl::SpecialisedKernel kernel;
  kernel.context = std::make_unique<llvm::LLVMContext>();
  llvm::SMDiagnostic diagnostic;
  kernel.module = llvm::parseAssemblyString(std::string(ir) + declarations(ir), diagnostic, *kernel.context);
  if (!kernel.module) {
    ADD_FAILURE() << "line " << diagnostic.getLineNo() << ": " << diagnostic.getMessage().str();
    return kernel;
  }
  kernel.symbol = "kernel";
  kernel.reflection.name = "kernel";
  return kernel;
}

IrKernel::IrKernel(std::string_view ir, std::shared_ptr<device::Backend> backend)
    : IrKernel(parse_kernel(ir), std::move(backend)) {}

IrKernel::IrKernel(msl::SpecialisedKernel kernel, std::shared_ptr<device::Backend> backend)
    : backend_(std::move(backend)) {
  auto artifact = backend_->compile(std::move(kernel), "ir_kernel");
  if (!artifact) {
    ADD_FAILURE() << artifact.error().message();
    return;
  }
  artifact_ = std::move(*artifact);
  auto loaded = backend_->load(artifact_, "ir_kernel");
  if (!loaded) {
    ADD_FAILURE() << loaded.error().message();
    return;
  }
  executable_ = std::move(*loaded);
}

Result<void> IrKernel::run(const std::vector<device::BoundArgument>& arguments, Size threads, Size group) const {
  if (!executable_) return fail(ErrorCode::InternalError, "the kernel was not loaded");
  device::CommandList list;
  list.arguments = arguments;
  list.dispatches.push_back({executable_.get(), "ir_kernel", 0, arguments.size(), group, threads});
  return backend_->execute(list);
}

}  // namespace anymetal::test
