#pragma once
// A process that gets few threads more, or none.

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

namespace anymetal::test {

/// From now on the system gives this process, which has one thread, `more` beside it; for a process of its own, as there is
/// no way back. Root gets threads whatever the limit, so it becomes a user who has nothing else that runs; whoever is another
/// user already gets none.
inline void limit_threads(rlim_t more) {
  constexpr uid_t kNobodyElse = 61234;
  const bool is_root = ::geteuid() == 0;
  if (is_root && ::setuid(kNobodyElse) != 0) std::_Exit(2);
  const rlim_t most = is_root ? 1 + more : 0;
  const rlimit limit{most, most};
  if (::setrlimit(RLIMIT_NPROC, &limit) != 0) std::_Exit(2);
}

}  // namespace anymetal::test
