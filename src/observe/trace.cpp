#include "observe/trace.hpp"

#include "observe/log.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>

namespace anymetal::trace {

namespace {

using Clock = std::chrono::steady_clock;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// The viewers take an array of events that is never closed, so that a process that dies leaves a readable trace.
class TraceFile {
 public:
  TraceFile() {
    const char* path = std::getenv("ANYMETAL_TRACE");
    if (path == nullptr || *path == '\0') return;
    file_.reset(std::fopen(path, "w"));
    if (file_ == nullptr) {
      log::warning(std::string("cannot write the trace ") + path);
      return;
    }
    std::fputs("[\n", file_.get());
  }

  [[nodiscard]] bool is_open() const { return file_ != nullptr; }

  void write(std::span<const Event> events) {
    using Microseconds = std::chrono::duration<double, std::micro>;
    const std::lock_guard lock(mutex_);
    for (const auto& event : events) {
      std::fprintf(file_.get(),
                   R"({"name":"%s","cat":"anymetal","ph":"X","pid":%d,"tid":%d,"ts":%.3f,"dur":%.3f,"args":{"detail":"%s"}},)"
                   "\n",
                   event.stage, static_cast<int>(::getpid()), event.thread, Microseconds(event.start - origin_).count(),
                   Microseconds(event.end - event.start).count(), escaped(event.detail).c_str());
    }
    std::fflush(file_.get());
  }

 private:
  static std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
      const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
      safe += plain ? c : '?';
    }
    return safe;
  }

  const Clock::time_point origin_ = Clock::now();
  std::mutex mutex_;
  std::unique_ptr<std::FILE, CloseFile> file_;
};

TraceFile& trace_file() {
  static TraceFile file;
  return file;
}

}  // namespace

bool enabled() {
  static const bool open = trace_file().is_open();
  return open;
}

int this_thread() {
  static std::atomic<int> next{1};
  thread_local const int number = next++;
  return number;
}

void write(std::span<const Event> events) { trace_file().write(events); }

void Span::begin(std::string_view detail) {
  detail_ = detail;
  begun_ = true;
  start_ = Clock::now();
}

void Span::end() noexcept {
  const Event event{stage_, detail_, start_, Clock::now(), this_thread()};
  trace_file().write(std::span(&event, 1));
}

}  // namespace anymetal::trace
