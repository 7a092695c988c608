#include "code/parsed_once.hpp"

#include <utility>

namespace anymetal::cli {

Result<std::shared_ptr<const registry::ParsedUnit>> ParsedOnce::parse(msl::SourceRequest request) const {
  const std::lock_guard lock(mutex_);
  if (unit_ != nullptr && request.text == text_ && request.target == target_) return unit_;
  std::string text = request.text;
  const msl::Target target = request.target;
  auto unit = compiler_->parse(std::move(request));
  if (unit) {
    text_ = std::move(text);
    target_ = target;
    unit_ = *unit;
  }
  return unit;
}

}  // namespace anymetal::cli
