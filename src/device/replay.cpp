// Asynchronous and repeated runs for devices that have only synchronous ones.

#include "device/backend.hpp"

#include <algorithm>
#include <utility>

namespace anymetal::device {

namespace {

class ExecutedReplay final : public Replay {
 public:
  ExecutedReplay(Backend& backend, CommandList list) : backend_(backend), list_(std::move(list)) {}

  Result<void> set_bytes(std::size_t dispatch, std::size_t argument, std::span<const std::byte> bytes) override {
    const auto& bound = list_.arguments[list_.dispatches[dispatch].first_argument + argument];
    std::ranges::copy(bytes, list_.bytes.begin() + static_cast<std::ptrdiff_t>(bound.offset));
    return {};
  }
  Result<void> replace(CommandList list) override {
    list_ = std::move(list);
    return {};
  }
  [[nodiscard]] const CommandList& list() const override { return list_; }
  Result<std::shared_ptr<Work>> submit() override {
    if (auto done = backend_.execute(list_); !done) return std::unexpected(done.error());
    return std::make_shared<FinishedWork>();
  }

 private:
  Backend& backend_;  // outlives this: who made the replay holds both
  CommandList list_;
};

}  // namespace

Result<std::shared_ptr<Work>> Backend::submit(CommandList list) {
  if (auto done = execute(list); !done) return std::unexpected(done.error());
  return std::make_shared<FinishedWork>();
}

Result<std::unique_ptr<Replay>> Backend::record(CommandList list) {
  return std::make_unique<ExecutedReplay>(*this, std::move(list));
}

}  // namespace anymetal::device
