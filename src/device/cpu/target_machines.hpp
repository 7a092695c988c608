#pragma once
/// \file
/// LLVM's descriptions of processors, made once and used by one compile after the other.

#include <anymetal/error.hpp>
#include <memory>

#include "device/cpu/host.hpp"

namespace llvm {
class TargetMachine;
}

namespace anymetal::device::cpu {

/// Gives a machine back to those that wait for the next compile.
struct ReturnMachine {
  std::string target;
  void operator()(llvm::TargetMachine* machine) const;
};
/// Belongs to one compile. A compile that is abandoned never gives it back, and nobody uses it again.
using LentMachine = std::unique_ptr<llvm::TargetMachine, ReturnMachine>;

/// A machine for `host`: one that waits, or a new one, which takes about a millisecond. InvalidArgument where LLVM
/// knows no such processor. Thread contract: any thread.
Result<LentMachine> lend_machine(const HostTarget& host);

}  // namespace anymetal::device::cpu
