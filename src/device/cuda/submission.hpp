#pragma once
/// \file
/// Work that was put on the streams: what it keeps alive, when it has ended, what became of it.

#include "device/backend.hpp"
#include "device/cuda/context.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace anymetal::device::cuda {

/// Thread contract: safe from any thread once `close` was called.
class Submission final : public Work {
 public:
  /// `describe` is called where something fails meanwhile: "kernel 'a'".
  Submission(std::shared_ptr<Context> context, std::function<std::string()> describe);
  ~Submission() override;
  Submission(const Submission&) = delete;
  Submission& operator=(const Submission&) = delete;

  /// Lives until the work has ended.
  void keep(std::shared_ptr<const void> object) { kept_.push_back(std::move(object)); }
  /// Ends the work with all that was put on `stream` so far. Under the submit mutex, with the context current.
  Result<void> close(unsigned stream);
  /// Called once, when the work has ended well and before `wait` returns.
  void then(std::function<void()> action) { action_ = std::move(action); }

  [[nodiscard]] std::string describe() const { return describe_(); }
  [[nodiscard]] bool finished() override;
  Result<void> wait() override;

 private:
  struct End {
    Moment moment;
    CUevent event = nullptr;
  };
  void settle(Result<void> outcome);

  std::shared_ptr<Context> context_;
  std::function<std::string()> describe_;
  std::function<void()> action_;
  std::mutex mutex_;
  std::vector<End> ends_;
  std::vector<std::shared_ptr<const void>> kept_;
  std::optional<Result<void>> outcome_;
};

}  // namespace anymetal::device::cuda
