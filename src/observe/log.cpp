#include "observe/log.hpp"

#include <anymetal/log.hpp>
#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

namespace anymetal {

namespace {

struct Sink {
  std::mutex mutex;  // guards callback; not held while it runs, so that it may log or set another
  std::shared_ptr<const LogCallback> callback;
};

// Never destroyed: a thread may have something to say while the process ends.
Sink& sink() {
  static Sink& only = *new Sink;
  return only;
}

}  // namespace

void set_log_callback(LogCallback callback) {
  auto next = callback ? std::make_shared<const LogCallback>(std::move(callback)) : nullptr;
  const std::lock_guard lock(sink().mutex);
  sink().callback.swap(next);
}

void log::warning(std::string_view text) {
  std::shared_ptr<const LogCallback> callback;
  {
    const std::lock_guard lock(sink().mutex);
    callback = sink().callback;
  }
  if (callback != nullptr) {
    (*callback)(Severity::Warning, text);
  } else {
    std::fprintf(stderr, "anymetal: warning: %.*s\n", static_cast<int>(text.size()), text.data());
  }
}

}  // namespace anymetal
