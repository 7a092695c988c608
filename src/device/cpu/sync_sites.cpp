#include "device/cpu/sync_sites.hpp"

#include "device/cpu/execution_order.hpp"

#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/Instructions.h>

#include <algorithm>

namespace anymetal::device::cpu {
namespace {

/// Exchange space grows with the members; beyond this nothing is gained.
constexpr std::size_t kMaxMembers = 16;

/// Makes `call` the neighbour of the site's last member, if what lies between allows it: instructions that depend on
/// the site's results move behind `call`, everything else is done before the threads suspend.
bool join(SyncSite& site, llvm::CallInst* call) {
  if (site.members.size() >= kMaxMembers || site.members.back().operation.is_barrier()) return false;
  auto* last = site.members.back().call;
  if (last->getParent() != call->getParent()) return false;

  llvm::SmallPtrSet<const llvm::Value*, 16> results;
  for (const auto& member : site.members) results.insert(member.call);
  auto depends = [&](const llvm::Instruction& instruction) {
    return std::ranges::any_of(instruction.operands(), [&](const llvm::Use& use) { return results.contains(use.get()); });
  };
  llvm::SmallVector<llvm::Instruction*, 16> dependents;
  for (auto* at = last->getNextNode(); at != call; at = at->getNextNode()) {
    if (!depends(*at)) continue;
    if (at->mayReadOrWriteMemory() || at->mayHaveSideEffects()) return false;
    results.insert(at);
    dependents.push_back(at);
  }
  if (depends(*call)) return false;
  llvm::Instruction* behind = call;
  for (auto* dependent : dependents) {
    dependent->moveAfter(behind);
    behind = dependent;
  }
  for (const auto& member : site.members) member.call->moveBefore(call);
  return true;
}

void collect(llvm::BasicBlock& block, std::vector<SyncSite>& sites) {
  llvm::SmallVector<SyncSite::Member, 8> members;
  for (auto& instruction : block)
    if (auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction))
      if (const auto operation = sync_operation(*call)) members.push_back({call, *operation});
  for (const auto& member : members) {
    const bool joined = !member.operation.is_barrier() && !sites.empty() && join(sites.back(), member.call);
    if (!joined) sites.emplace_back();
    sites.back().members.push_back(member);
  }
}

}  // namespace

std::vector<SyncSite> collect_sync_sites(llvm::Function& function) {
  const llvm::DominatorTree dominators(function);
  const llvm::LoopInfo loops(dominators);
  std::vector<SyncSite> sites;
  for (auto* block : execution_order(function, dominators, loops)) collect(*block, sites);
  Site next = 0;
  for (auto& site : sites) {
    const bool barrier = site.members.front().operation.kind == SyncOperation::Kind::ThreadgroupBarrier;
    site.id = next++ | (barrier ? kFirstBarrier : 0u);
  }
  return sites;
}

}  // namespace anymetal::device::cpu
