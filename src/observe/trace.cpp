#include "observe/trace.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "observe/log.hpp"

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
    path_ = path;
    file_.reset(std::fopen(path, "w"));
    if (file_ == nullptr) {
      log::warning("cannot write the trace " + path_);
      return;
    }
    std::fputs("[\n", file_.get());
  }
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;
  ~TraceFile() {
    if (file_ == nullptr) return;
    write_kept();
    warn();
  }

  [[nodiscard]] bool is_open() const { return file_ != nullptr; }

  void write(const Event& event) {
    {
      const std::lock_guard lock(mutex_);
      text_.clear();
      append(event);
      flush();
    }
    warn();
  }

  // Where others were written a moment ago they are kept: writing those of a model's step takes about as long as
  // threads without work wait before they sleep, and the next step would be traced with threads asleep.
  void write(std::span<const Event> events) {
    {
      const std::lock_guard lock(mutex_);
      for (const auto& event : events) {
        kept_.push_back(event);
        kept_.back().detail = *details_.emplace(event.detail).first;
      }
      if (Clock::now() - written_ >= kPause) write_kept();
    }
    warn();
  }

 private:
  static constexpr std::chrono::milliseconds kPause{100};

  void write_kept() {
    const auto start = Clock::now();
    text_.clear();
    for (const auto& event : kept_) append(event);
    kept_.clear();
    flush();
    written_ = Clock::now();
    // So that a reader can tell this time from the program's.
    kept_.push_back({"trace", "writing", start, written_, this_thread()});
  }

  void flush() {
    const bool is_written = std::fwrite(text_.data(), 1, text_.size(), file_.get()) == text_.size() && std::fflush(file_.get()) == 0;
    int none = 0;
    if (!is_written) error_.compare_exchange_strong(none, errno);
  }

  // Without the mutex: who is told may do what is traced.
  void warn() {
    int error = error_.load();
    if (error > 0 && error_.compare_exchange_strong(error, kTold)) log::warning("cannot write the trace " + path_ + ": " + std::strerror(error));
  }

  void append(const Event& event) {
    using Microseconds = std::chrono::duration<double, std::micro>;
    std::array<char, 160> numbers{};
    const auto length =
        std::snprintf(numbers.data(), numbers.size(),
                      R"(","cat":"anymetal","ph":"X","pid":%d,"tid":%d,"ts":%.3f,"dur":%.3f,"args":{"detail":")",
                      static_cast<int>(::getpid()), event.thread, Microseconds(event.start - origin_).count(),
                      Microseconds(event.end - event.start).count());
    text_.append(R"({"name":")").append(event.stage).append(numbers.data(), static_cast<std::size_t>(length));
    for (const char c : event.detail) {
      const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
      text_ += plain ? c : '?';
    }
    text_.append("\"}},\n");
  }

  static constexpr int kTold = -1;

  const Clock::time_point origin_ = Clock::now();
  std::string path_;
  std::atomic<int> error_{0};  ///< of the first write that failed; kTold once it was said
  std::mutex mutex_;           ///< guards what follows
  std::string text_;  ///< of events that are being written
  std::vector<Event> kept_;
  std::unordered_set<std::string> details_;  ///< of all events: what they name may be gone when they are written
  Clock::time_point written_;                ///< when kept events were written last
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
  trace_file().write(event);
}

}  // namespace anymetal::trace
