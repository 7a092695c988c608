#pragma once
/// \file
/// Keys and values of the context seen so far.

#include <anymetal/device.hpp>
#include <cstddef>
#include <vector>

#include "ops/tensor.hpp"

namespace anymetal::model {

/// One f32 key and one value tensor [kv_heads, capacity, head_dim] per layer, growing up to a limit.
/// Thread contract: one thread at a time; not while work that uses its tensors is being recorded.
class KvCache {
 public:
  KvCache(Device device, std::size_t layers, std::size_t kv_heads, std::size_t head_dim, std::size_t limit);

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t limit() const { return limit_; }
  /// Makes room for `positions` in all; the first `used` of them keep their content. InvalidArgument past the limit.
  Result<void> reserve(std::size_t positions, std::size_t used);

  /// Valid until the next `reserve`.
  [[nodiscard]] ops::Tensor keys(std::size_t layer) const { return view(keys_[layer]); }
  [[nodiscard]] ops::Tensor values(std::size_t layer) const { return view(values_[layer]); }

 private:
  [[nodiscard]] ops::Tensor view(const Buffer& buffer) const;
  Result<Buffer> grown(const Buffer& old, std::size_t capacity, std::size_t used);

  Device device_;
  std::size_t kv_heads_;
  std::size_t row_bytes_;  ///< of one position of one head
  std::size_t limit_;
  std::size_t capacity_ = 0;
  std::vector<Buffer> keys_;
  std::vector<Buffer> values_;
};

}  // namespace anymetal::model
