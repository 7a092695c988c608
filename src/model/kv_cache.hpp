#pragma once
/// \file
/// Keys and values of the context seen so far.

#include <anymetal/device.hpp>
#include <cstddef>
#include <vector>

#include "ops/tensor.hpp"

namespace anymetal::model {

/// One key and one value tensor [kv_heads, capacity, head_dim] per layer, growing up to a limit. Those of several
/// layers share a buffer, so that they lie in large pages of memory also where each is small.
/// Thread contract: one thread at a time; not while work that uses its tensors is being recorded.
class KvCache {
 public:
  struct Shape {
    std::size_t layers, kv_heads, head_dim;
    ops::DType type;  ///< of elements, F32 or F16
  };

  KvCache(Device device, const Shape& shape, std::size_t limit);

  [[nodiscard]] std::size_t capacity() const { return storage_.capacity; }
  [[nodiscard]] std::size_t limit() const { return limit_; }
  /// Of the key and the value of one position in one layer, all heads.
  [[nodiscard]] std::size_t bytes_per_position() const { return 2 * shape_.kv_heads * row_bytes_; }
  /// Makes room for `positions` in all; the first `used` of them keep their content. InvalidArgument past the limit.
  Result<void> reserve(std::size_t positions, std::size_t used);

  /// Valid until the next `reserve`.
  [[nodiscard]] ops::Tensor keys(std::size_t layer) const { return view(2 * layer); }
  [[nodiscard]] ops::Tensor values(std::size_t layer) const { return view(2 * layer + 1); }

 private:
  /// Buffers with the same number of tensors each, one after the other.
  struct Storage {
    std::vector<Buffer> buffers;
    std::size_t capacity = 0;
    std::size_t tensor_bytes = 0;
    std::size_t per_buffer = 1;

    [[nodiscard]] const Buffer& buffer_of(std::size_t tensor) const { return buffers[tensor / per_buffer]; }
    [[nodiscard]] std::size_t offset_of(std::size_t tensor) const { return tensor % per_buffer * tensor_bytes; }
  };
  [[nodiscard]] std::size_t tensors() const { return 2 * shape_.layers; }
  [[nodiscard]] ops::Tensor view(std::size_t tensor) const;
  [[nodiscard]] Result<Storage> make_storage(std::size_t capacity);
  Result<void> copy_rows(Storage& to, std::size_t used) const;

  Device device_;
  Shape shape_;
  std::size_t row_bytes_;  ///< of one position of one head
  std::size_t limit_;
  Storage storage_;
};

}  // namespace anymetal::model
