#include "model/kv_cache.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace anymetal::model {

namespace {

constexpr std::size_t kGranularity = 256;

std::size_t round_up(std::size_t value, std::size_t step) { return (value + step - 1) / step * step; }

}  // namespace

KvCache::KvCache(Device device, std::size_t layers, std::size_t kv_heads, std::size_t head_dim, std::size_t limit)
    : device_(std::move(device)),
      kv_heads_(kv_heads),
      row_bytes_(head_dim * sizeof(float)),
      limit_(limit),
      keys_(layers),
      values_(layers) {}

ops::Tensor KvCache::view(const Buffer& buffer) const {
  return ops::Tensor::of(buffer, ops::DType::F32, {kv_heads_, capacity_, row_bytes_ / sizeof(float)});
}

Result<void> KvCache::reserve(std::size_t positions, std::size_t used) {
  if (positions <= capacity_) return {};
  if (positions > limit_) {
    return fail(ErrorCode::InvalidArgument,
                fmt::format("a context of {} tokens exceeds the limit of {}", positions, limit_));
  }
  // Half as much again each time: growing token by token stays linear in all.
  const auto capacity = std::min(limit_, round_up(std::max(positions, capacity_ + capacity_ / 2), kGranularity));
  std::vector<Buffer> keys;
  std::vector<Buffer> values;
  for (std::size_t layer = 0; layer < keys_.size(); ++layer) {
    auto key = grown(keys_[layer], capacity, used);
    if (!key) return std::unexpected(key.error());
    auto value = grown(values_[layer], capacity, used);
    if (!value) return std::unexpected(value.error());
    keys.push_back(std::move(*key));
    values.push_back(std::move(*value));
  }
  keys_ = std::move(keys);
  values_ = std::move(values);
  capacity_ = capacity;
  return {};
}

Result<Buffer> KvCache::grown(const Buffer& old, std::size_t capacity, std::size_t used) {
  auto buffer = device_.make_buffer(kv_heads_ * capacity * row_bytes_);
  if (!buffer || used == 0) return buffer;
  std::vector<std::byte> rows(used * row_bytes_);
  for (std::size_t head = 0; head < kv_heads_; ++head) {
    if (auto done = old.read(rows, head * capacity_ * row_bytes_); !done) return std::unexpected(done.error());
    if (auto done = buffer->write(rows, head * capacity * row_bytes_); !done) return std::unexpected(done.error());
  }
  return buffer;
}

}  // namespace anymetal::model
