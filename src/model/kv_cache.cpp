#include "model/kv_cache.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace anymetal::model {

namespace {

constexpr std::size_t kGranularity = 256;
/// Bytes from which on a buffer takes no more tensors.
constexpr std::size_t kBufferBytes = std::size_t{64} << 20;
constexpr std::size_t kAlignment = 256;

std::size_t round_up(std::size_t value, std::size_t step) { return (value + step - 1) / step * step; }

}  // namespace

KvCache::KvCache(Device device, const Shape& shape, std::size_t limit)
    : device_(std::move(device)),
      shape_(shape),
      row_bytes_(ops::bytes_of(shape.type, shape.head_dim)),
      limit_(limit) {}

ops::Tensor KvCache::view(std::size_t tensor) const {
  return ops::Tensor::of(storage_.buffer_of(tensor), shape_.type,
                         {shape_.kv_heads, storage_.capacity, shape_.head_dim}, storage_.offset_of(tensor));
}

Result<void> KvCache::reserve(std::size_t positions, std::size_t used) {
  const auto before = storage_.capacity;
  if (positions <= before) return {};
  if (positions > limit_) {
    return fail(ErrorCode::InvalidArgument,
                fmt::format("a context of {} tokens exceeds the limit of {}", positions, limit_));
  }
  // Half as much again each time: growing token by token stays linear in all.
  auto storage = make_storage(std::min(limit_, round_up(std::max(positions, before + before / 2), kGranularity)));
  if (!storage) return std::unexpected(storage.error());
  if (auto done = copy_rows(*storage, used); !done) return done;
  storage_ = *std::move(storage);
  return {};
}

Result<KvCache::Storage> KvCache::make_storage(std::size_t capacity) {
  Storage storage{
      .buffers = {}, .capacity = capacity, .tensor_bytes = round_up(shape_.kv_heads * capacity * row_bytes_, kAlignment)};
  storage.per_buffer = round_up(kBufferBytes, storage.tensor_bytes) / storage.tensor_bytes;
  for (std::size_t first = 0; first < tensors(); first += storage.per_buffer) {
    auto buffer = device_.make_buffer(std::min(storage.per_buffer, tensors() - first) * storage.tensor_bytes);
    if (!buffer) return std::unexpected(buffer.error());
    storage.buffers.push_back(*std::move(buffer));
  }
  return storage;
}

/// Copies the first `used` positions of every head.
Result<void> KvCache::copy_rows(Storage& to, std::size_t used) const {
  if (used == 0) return {};
  std::vector<std::byte> rows(used * row_bytes_);
  for (std::size_t tensor = 0; tensor < tensors(); ++tensor) {
    for (std::size_t head = 0; head < shape_.kv_heads; ++head) {
      const auto from = storage_.offset_of(tensor) + head * storage_.capacity * row_bytes_;
      const auto at = to.offset_of(tensor) + head * to.capacity * row_bytes_;
      if (auto done = storage_.buffer_of(tensor).read(rows, from); !done) return done;
      if (auto done = to.buffers[tensor / to.per_buffer].write(rows, at); !done) return done;
    }
  }
  return {};
}

}  // namespace anymetal::model
