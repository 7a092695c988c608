#include <anymetal/compile_limits.hpp>

#include <mutex>

namespace anymetal {
namespace {

struct Shared {
  std::mutex mutex;
  CompileLimits limits;
};
Shared& shared() {
  static Shared s;
  return s;
}

}  // namespace

void set_compile_limits(const CompileLimits& limits) {
  const std::lock_guard lock(shared().mutex);
  shared().limits = limits;
}

CompileLimits compile_limits() {
  const std::lock_guard lock(shared().mutex);
  return shared().limits;
}

}  // namespace anymetal
