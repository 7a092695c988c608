#pragma once
/// \file
/// Entry IR as text to PTX, and `ptxas` as the judge of it.

#include "device/cuda/ptx_codegen.hpp"

#include <gtest/gtest.h>

#include <llvm/AsmParser/Parser.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/MemoryBufferRef.h>
#include <llvm/Support/SourceMgr.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace anymetal::test {

/// What entry IR in these tests calls.
inline const std::string kHeader = R"(
target triple = "nvptx64-nvidia-cuda"
declare i32 @__msl_thread_position_in_threadgroup(i32) memory(none)
declare i32 @__msl_threadgroup_position_in_grid(i32) memory(none)
declare i32 @__msl_threads_per_threadgroup(i32) memory(none)
declare i32 @__msl_dispatch_threads_per_threadgroup(i32) memory(none)
declare i32 @__msl_thread_index_in_threadgroup() memory(none)
declare i32 @__msl_thread_index_in_simdgroup() memory(none)
declare i32 @__msl_simdgroup_index_in_threadgroup() memory(none)
declare void @__msl_threadgroup_barrier(i32) convergent
declare void @__msl_simdgroup_barrier(i32) convergent
declare void @__msl_fence(i32, i32) convergent
declare i32 @__msl_simd_shuffle(i32, i32) convergent
declare i64 @__msl_simd_ballot(i1) convergent
declare float @__msl_simd_sum_f32(float) convergent
declare float @__msl_simd_max_f32(float) convergent
declare i32 @__msl_simd_sum_u32(i32) convergent
declare i32 @__msl_simd_min_i32(i32) convergent
declare i32 @__msl_simd_product_u32(i32) convergent
declare float @__msl_simd_prefix_exclusive_sum_f32(float) convergent
declare i32 @__msl_simd_prefix_inclusive_sum_u32(i32) convergent
declare <2 x float> @__msl_simdgroup_multiply_accumulate_f16_f16(<2 x float>, <2 x float>, <2 x float>) convergent
declare <2 x float> @__msl_simdgroup_multiply_accumulate_bf16_bf16(<2 x float>, <2 x float>, <2 x float>) convergent
declare <2 x float> @__msl_simdgroup_multiply_accumulate_f32_f16(<2 x float>, <2 x float>, <2 x float>) convergent
declare float @__msl_fast_exp2(float) memory(none)
declare i32 @llvm.umin.i32(i32, i32)
)";

/// A kernel named `k` whose arguments have the given kinds.
inline msl::SpecialisedKernel kernel_from_ir(const std::string& text, const std::vector<ArgumentKind>& kinds,
                                             std::optional<unsigned> max_total_threads = {}) {
  msl::SpecialisedKernel kernel;
  kernel.context = std::make_unique<llvm::LLVMContext>();
  llvm::SMDiagnostic problem;
  kernel.module = llvm::parseAssemblyString(text, problem, *kernel.context);
  if (kernel.module == nullptr) ADD_FAILURE() << problem.getMessage().str() << " at line " << problem.getLineNo();
  kernel.symbol = "k";
  kernel.reflection.name = "k";
  kernel.reflection.declares_max_total_threads = max_total_threads.has_value();
  kernel.reflection.max_total_threads = max_total_threads.value_or(1024);
  for (const auto kind : kinds) {
    Argument argument;
    argument.kind = kind;
    kernel.reflection.arguments.push_back(argument);
  }
  return kernel;
}

inline std::string ptx_of(const std::string& ir, const std::vector<ArgumentKind>& kinds, const char* architecture = "sm_90",
                          std::optional<unsigned> max_total_threads = {}) {
  auto parsed = device::cuda::Architecture::parse(architecture);
  if (!parsed) {
    ADD_FAILURE() << parsed.error().message();
    return {};
  }
  auto made = device::cuda::generate_ptx(kernel_from_ir(ir, kinds, max_total_threads), *parsed, "k|1:b1");
  if (!made) {
    ADD_FAILURE() << made.error().message();
    return {};
  }
  return made->ptx;
}

/// Path of ptxas, or empty.
inline std::string ptxas_path() {
  for (const char* path : {"/usr/local/cuda/bin/ptxas", "/usr/bin/ptxas"}) {
    if (std::ifstream(path).good()) return path;
  }
  return {};
}

struct PtxasReport {
  int status = -1;
  std::string text;         ///< registers, spills, shared memory
  std::size_t code_bytes = 0;  ///< of all functions
};

/// Bytes of machine code in a cubin: its sections named ".text.FUNCTION".
inline std::size_t code_bytes(const std::string& cubin) {
  auto object = llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(cubin, "cubin"));
  if (!object) {
    llvm::consumeError(object.takeError());
    return 0;
  }
  std::size_t bytes = 0;
  for (const auto& section : (*object)->sections()) {
    auto name = section.getName();
    if (name && name->starts_with(".text.")) bytes += section.getSize();
    if (!name) llvm::consumeError(name.takeError());
  }
  return bytes;
}

inline PtxasReport assemble(const std::string& ptx, std::string architecture, const std::string& options = "-v") {
  if (architecture == "sm_70") architecture = "sm_75";  // the oldest that CUDA 13's ptxas still makes code for
  const std::string file = testing::TempDir() + "/anymetal_" + std::to_string(::getpid()) + '_' +
                           std::to_string(std::hash<std::string>()(ptx)) + ".ptx";
  std::ofstream(file) << ptx;
  const std::string cubin = file + ".cubin";
  const std::string command = ptxas_path() + ' ' + options + " -arch=" + architecture + " -o '" + cubin + "' '" + file + "' 2>&1";
  PtxasReport report;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return report;
  char buffer[512];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) report.text += buffer;
  report.status = pclose(pipe);
  std::stringstream code;
  code << std::ifstream(cubin, std::ios::binary).rdbuf();
  report.code_bytes = code_bytes(code.str());
  std::remove(file.c_str());
  std::remove(cubin.c_str());
  return report;
}

}  // namespace anymetal::test
