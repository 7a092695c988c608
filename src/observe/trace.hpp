#pragma once
/// \file
/// Trace events for the Chrome and Perfetto viewers.

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace anymetal::trace {

/// Whether `ANYMETAL_TRACE=file.json` asks for a trace; read once per process. A trace spans the whole process, whatever
/// registries and devices it has, so there is one file.
bool enabled();

/// The number of the calling thread in the trace.
int this_thread();

/// An event that was timed elsewhere.
struct Event {
  const char* stage;        ///< as for Span
  std::string_view detail;  ///< as for Span
  std::chrono::steady_clock::time_point start, end;
  int thread = 0;           ///< this_thread() of the thread it happened on
  std::uint64_t number = 0; ///< told from others of this name and thread by; not written
};
/// Takes several events: cheaper than one by one, and not while something is timed. There must be a trace. Its file has
/// them at once or, where others came within the last 100 ms, with the next ones after that or when the process ends.
void write(std::span<const Event> events);

/// One event from construction to destruction on the calling thread. Costs one branch where no trace is asked for.
/// Thread contract: one thread.
class Span {
 public:
  /// `stage` is a literal such as "parse"; `detail` the kernel or source it is about.
  Span(const char* stage, std::string_view detail) : stage_(stage) {
    if (enabled()) begin(detail);
  }
  ~Span() {
    if (begun_) end();
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  void begin(std::string_view detail);
  void end() noexcept;

  const char* stage_;
  bool begun_ = false;
  std::string detail_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace anymetal::trace
