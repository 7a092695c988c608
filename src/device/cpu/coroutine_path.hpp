#pragma once
/// \file
/// The coroutine path: each thread is an LLVM coroutine that suspends where threads meet.

#include "device/cpu/thread_function.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace llvm {
class Function;
}  // namespace llvm

namespace anymetal::device::cpu {

struct SyncSite;

/// Where the members of a site keep what they exchange, in bytes from the start of the exchange area. Every operand and
/// result is 32 words by lane, or an 8x8 tile row by row.
struct ExchangeSlots {
  std::uint64_t operand = 0;
  std::uint64_t result = 0;
};
/// One per member of each site; the second value is the bytes needed in all.
std::pair<std::vector<std::vector<ExchangeSlots>>, std::uint64_t> assign_exchange(const std::vector<SyncSite>& sites);

/// What the coroutine path adds to a module.
struct CoroutineCode {
  llvm::Function* start = nullptr;    ///< StartSimdgroup
  llvm::Function* advance = nullptr;  ///< AdvanceSimdgroup
  std::uint64_t frame_stride = 0;
  std::uint64_t exchange_bytes = 0;
};

/// Replaces `thread` by its coroutine and the functions that run a simdgroup of them, named after `label`.
Result<CoroutineCode> emit_coroutine_path(ThreadFunction thread, std::string_view label);

}  // namespace anymetal::device::cpu
