// The register of plain loops. Compiled like the rest of the program, unlike the loops.
#include <algorithm>
#include <string_view>

#include "cases/plain/loop.hpp"

namespace anymetal::cases::plain {

LoopList all_loops();

void LoopList::add(const char* kernel, Loop loop) { entries_.push_back({kernel, loop}); }
const LoopList::Entry* LoopList::begin() const { return entries_.data(); }
const LoopList::Entry* LoopList::end() const { return entries_.data() + entries_.size(); }

Loop loop_of(const char* kernel) {
  static const LoopList list = all_loops();
  const auto* const found = std::ranges::find(list, std::string_view(kernel),
                                              [](const LoopList::Entry& e) { return std::string_view(e.kernel); });
  return found == list.end() ? nullptr : found->loop;
}

bool host_runs_loops() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("x86-64-v3");
#else
  return true;
#endif
}

}  // namespace anymetal::cases::plain
