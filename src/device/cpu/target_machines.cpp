#include "device/cpu/target_machines.hpp"

#include <fmt/format.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Target/TargetMachine.h>

#include <map>
#include <mutex>
#include <vector>

#include "device/cpu/llvm_targets.hpp"

namespace anymetal::device::cpu {
namespace {

using Machine = std::unique_ptr<llvm::TargetMachine>;

/// Those that nobody uses, by target: at most as many as compiles have run at once.
struct Waiting {
  std::mutex mutex;
  std::map<std::string, std::vector<Machine>, std::less<>> machines;
};

/// Never destroyed: a compile may end while the process does.
Waiting& waiting() {
  static auto* all = new Waiting;
  return *all;
}

Machine take(const std::string& target) {
  auto& all = waiting();
  const std::lock_guard lock(all.mutex);
  auto& machines = all.machines[target];
  if (machines.empty()) return nullptr;
  auto machine = std::move(machines.back());
  machines.pop_back();
  return machine;
}

Result<Machine> make(const HostTarget& host) {
  register_llvm_targets();
  std::string message;
  const auto* target = llvm::TargetRegistry::lookupTarget(host.triple, message);
  if (!target)
    return fail(ErrorCode::InternalError, fmt::format("LLVM cannot generate code for {}: {}", host.triple, message));
  const std::unique_ptr<llvm::MCSubtargetInfo> known(target->createMCSubtargetInfo(host.triple, "", ""));
  if (!known || !known->isCPUStringValid(host.cpu))
    return fail(ErrorCode::InvalidArgument,
                fmt::format("ANYMETAL_CPU_TARGET: LLVM knows no processor '{}' of {}", host.cpu, host.triple));
  llvm::TargetOptions options;
  options.EmitStackSizeSection = true;                   // the loader skips it; `anymetal compile` shows it
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;  // only where the instruction's flags allow it
  Machine machine(target->createTargetMachine(host.triple, host.cpu, host.features, options, llvm::Reloc::PIC_,
                                              llvm::CodeModel::Small, llvm::CodeGenOptLevel::Aggressive,
                                              /*JIT=*/true));
  if (!machine) return fail(ErrorCode::InternalError, "LLVM cannot generate code for this processor");
  return machine;
}

}  // namespace

void ReturnMachine::operator()(llvm::TargetMachine* machine) const {
  auto& all = waiting();
  const std::lock_guard lock(all.mutex);
  all.machines[target].emplace_back(machine);
}

Result<LentMachine> lend_machine(const HostTarget& host) {
  const auto target = fmt::format("{} {} {}", host.triple, host.cpu, host.features);
  auto machine = take(target);
  if (!machine) {
    auto made = make(host);
    if (!made) return std::unexpected(made.error());
    machine = std::move(*made);
  }
  return LentMachine(machine.release(), ReturnMachine{target});
}

}  // namespace anymetal::device::cpu
