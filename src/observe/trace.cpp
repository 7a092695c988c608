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

  void write(const char* stage, const std::string& detail, Clock::time_point start, Clock::time_point end) {
    using Microseconds = std::chrono::duration<double, std::micro>;
    static std::atomic<int> next_thread{1};
    thread_local const int thread = next_thread++;
    const std::lock_guard lock(mutex_);
    std::fprintf(file_.get(),
                 R"({"name":"%s","cat":"anymetal","ph":"X","pid":%d,"tid":%d,"ts":%.3f,"dur":%.3f,"args":{"detail":"%s"}},)"
                 "\n",
                 stage, static_cast<int>(::getpid()), thread, Microseconds(start - origin_).count(),
                 Microseconds(end - start).count(), escaped(detail).c_str());
    std::fflush(file_.get());
  }

 private:
  static std::string escaped(const std::string& text) {
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

void Span::begin(std::string_view detail) {
  detail_ = detail;
  begun_ = true;
  start_ = Clock::now();
}

void Span::end() noexcept { trace_file().write(stage_, detail_, start_, Clock::now()); }

}  // namespace anymetal::trace
