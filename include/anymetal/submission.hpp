#pragma once
/// \file
/// Work a device has been given and the caller has not yet waited for.

#include <anymetal/error.hpp>

#include <memory>

namespace anymetal {

namespace device {
class Backend;
class Work;
}  // namespace device

/// Thread contract: a shared handle, cheap to copy, safe from any thread. What the work uses stays alive until it has ended,
/// also where the handle goes before.
/// \code
///   auto running = encoder.commit();          // the device works
///   prepare_the_next_step();                  // and so does the host
///   if (running) auto done = running->wait();
/// \endcode
class Submission {
 public:
  /// Whether `wait` would return at once.
  [[nodiscard]] bool is_complete() const;
  /// Waits for the work; its outcome, the same each time.
  Result<void> wait() const;

  Submission(std::shared_ptr<device::Backend> backend, std::shared_ptr<device::Work> work);  ///< library internals

 private:
  std::shared_ptr<device::Backend> backend_;  ///< declared first: the device outlives its work
  std::shared_ptr<device::Work> work_;
};

}  // namespace anymetal
