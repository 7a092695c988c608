#pragma once
/// \file
/// Finds where threads meet and numbers those places.

#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/sync_operation.hpp"

#include <vector>

namespace llvm {
class CallInst;
class Function;
}  // namespace llvm

namespace anymetal::device::cpu {

/// One suspension point: a barrier, or simdgroup operations that stand side by side in one block and do not need each
/// other's results.
struct SyncSite {
  struct Member {
    llvm::CallInst* call = nullptr;
    SyncOperation operation;
  };
  Site id = 0;
  std::vector<Member> members;
};

/// All sites of `function` in execution order. Moves instructions inside blocks so that the members of a site stand
/// together: the fewer sites, the fewer times each thread is suspended.
std::vector<SyncSite> collect_sync_sites(llvm::Function& function);

}  // namespace anymetal::device::cpu
