#pragma once
/// \file
/// The end of a run whose kernel does not end.

#include <anymetal/error.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace anymetal::cli {

/// Ends the program as `report(error, json)` would once `limit` has passed since it was made; zero is no limit. Nothing
/// stops a kernel that runs but the end of its process.
class TimeLimit {
 public:
  TimeLimit(std::chrono::seconds limit, Error error, bool json);
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable ends_;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace anymetal::cli
