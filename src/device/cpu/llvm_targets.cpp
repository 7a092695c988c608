#include "device/cpu/llvm_targets.hpp"

#include <llvm/Support/TargetSelect.h>

#include <initializer_list>

// Weak: archives of LLVM are linked without ARM's.
extern "C" {
[[gnu::weak]] void LLVMInitializeAArch64TargetInfo();
[[gnu::weak]] void LLVMInitializeAArch64Target();
[[gnu::weak]] void LLVMInitializeAArch64TargetMC();
[[gnu::weak]] void LLVMInitializeAArch64AsmPrinter();
[[gnu::weak]] void LLVMInitializeAArch64Disassembler();
}

namespace anymetal::device::cpu {

void register_llvm_targets() {
  static const bool ready = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetDisassembler();
    for (const auto initialise :
         {&LLVMInitializeAArch64TargetInfo, &LLVMInitializeAArch64Target, &LLVMInitializeAArch64TargetMC,
          &LLVMInitializeAArch64AsmPrinter, &LLVMInitializeAArch64Disassembler})
      if (initialise != nullptr) initialise();
    return true;
  }();
  (void)ready;
}

}  // namespace anymetal::device::cpu
