#pragma once
/// \file
/// One thread as a coroutine.

#include "device/cpu/coroutine_path.hpp"
#include "device/cpu/sync_sites.hpp"

namespace anymetal::device::cpu {

/// A thread function after its synchronising calls became suspensions, before LLVM splits it. Parameters: those of the
/// thread function, then `ptr frame, ptr site, ptr exchange`: where its frame goes, where it writes what it waits at,
/// and the exchange area.
struct ThreadCoroutine {
  llvm::Function* function = nullptr;
  unsigned first_extra_parameter = 0;
};

ThreadCoroutine make_thread_coroutine(const ThreadFunction& thread, const std::vector<SyncSite>& sites,
                                      const std::vector<std::vector<ExchangeSlots>>& slots);

/// The parts of a coroutine after splitting.
struct SplitCoroutine {
  llvm::Function* start = nullptr;   ///< runs to the first suspension
  llvm::Function* resume = nullptr;  ///< `void(ptr frame)`; null where the thread never suspends
  std::uint64_t frame_bytes = 0;
};
/// Splits all coroutines of a module at once: `functions`. `keep_address`: a frame starts with the address of its
/// `resume`; otherwise it is only called directly.
std::vector<SplitCoroutine> split_coroutines(const std::vector<llvm::Function*>& functions, bool keep_address);

}  // namespace anymetal::device::cpu
