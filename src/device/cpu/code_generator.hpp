#pragma once
/// \file
/// LLVM's part of a compile: optimisation pipelines and object code for the host.

#include <anymetal/error.hpp>
#include <cstdint>
#include <string>
#include <utility>

#include "device/cpu/host.hpp"
#include "device/cpu/target_machines.hpp"

namespace llvm {
class Function;
class Module;
class TargetTransformInfo;
}  // namespace llvm

namespace anymetal::device::cpu {

/// Optimises modules for the host and emits objects. Thread contract: one thread at a time; make one per compile.
class CodeGenerator {
 public:
  static Result<CodeGenerator> create(const HostTarget& target = host_target());

  /// Sets triple, data layout and the target attributes of all functions.
  void retarget(llvm::Module& module) const;
  /// Inlines what must be inlined, folds constants and gives every loop one latch; cheap.
  void fold(llvm::Function& function) const;
  /// Inlines what must be inlined and brings `function` into the simplest form: what path analysis and coroutine
  /// splitting start from.
  void simplify(llvm::Function& function) const;
  /// Drops functions and variables that nothing external needs.
  void remove_unused(llvm::Module& module) const;
  /// Loop-simplified closed SSA form without switches: what the paths of meeting threads read.
  void regularise(llvm::Function& function) const;
  /// What the host's instructions can do, for code of `function`.
  [[nodiscard]] llvm::TargetTransformInfo costs(const llvm::Function& function) const;
  /// Turns freshly emitted code with stack slots into registers; cheap.
  void tidy(llvm::Function& function) const;
  /// What a module consists of when it is optimised.
  enum class Code : std::uint8_t { Loops, Coroutines, Vectors };
  /// The full pipeline for coroutines, whose parts were never optimised; short ones for the others: the thread function
  /// in loops was simplified, and so was the one that vectors came from.
  void optimise(llvm::Module& module, Code code) const;
  [[nodiscard]] Result<std::string> emit_object(llvm::Module& module) const;

 private:
  explicit CodeGenerator(LentMachine machine) : machine_(std::move(machine)) {}
  LentMachine machine_;
};

}  // namespace anymetal::device::cpu
