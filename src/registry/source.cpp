#include "registry/source.hpp"

#include "observe/trace.hpp"
#include "registry/precompiled_kernels.hpp"

#include <utility>

namespace anymetal::registry {

Source::Source(std::string file_name, std::string text, SourceOptions options, Kind kind)
    : file_name_(std::move(file_name)), text_(std::move(text)), options_(std::move(options)), kind_(kind) {}

bool Source::is_parsed(msl::Target target) {
  const std::lock_guard lock(mutex_);
  return slots_[static_cast<std::size_t>(target)].unit != nullptr;
}

Result<Source::UnitPtr> Source::parsed(const Compiler& compiler, msl::Target target, std::atomic<std::size_t>& parses) {
  Slot& slot = slots_[static_cast<std::size_t>(target)];
  std::shared_ptr<Flight<UnitPtr>> flight;
  {
    std::unique_lock lock(mutex_);
    if (slot.unit != nullptr) return slot.unit;
    if (auto running = slot.flight) {
      lock.unlock();
      return running->wait();
    }
    flight = slot.flight = std::make_shared<Flight<UnitPtr>>();
  }
  ++parses;
  auto result = guarded<UnitPtr>([&] {
    const trace::Span span("parse", file_name_);
    msl::SourceRequest request{file_name_, text_, options_, target};
    if (kind_ == Kind::Builtin) {
      const auto headers = precompiled_kernels(target);
      if (!headers) return Result<UnitPtr>(std::unexpected(headers.error()));
      request.precompiled = *headers;
    }
    return compiler.parse(std::move(request));
  });
  {
    const std::lock_guard lock(mutex_);
    slot.flight.reset();
    if (result) slot.unit = *result;
  }
  flight->land(result);
  return result;
}

}  // namespace anymetal::registry
