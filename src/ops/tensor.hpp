#pragma once
/// \file
/// A view of a buffer as a tensor.

#include <fmt/core.h>

#include <anymetal/device.hpp>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "ops/dtype.hpp"

namespace anymetal::ops {

/// A strided view of a buffer; owns nothing, the buffer must outlive it. Cheap to copy.
///
/// Axes are row-major, outermost first, the last one contiguous. Strides count elements; rows of a quantised tensor are
/// whole blocks.
/// \code
///   Tensor x = Tensor::of(buffer, DType::F32, {rows, 640});
///   Tensor last = x.row(rows - 1);                         // shape {1, 640}
/// \endcode
struct Tensor {
  static constexpr std::size_t kMaxRank = 4;

  const Buffer* buffer = nullptr;
  std::size_t offset = 0;  ///< bytes from the buffer's start
  DType dtype = DType::F32;
  std::size_t rank = 0;
  std::array<std::size_t, kMaxRank> shape{};   ///< extents of the first `rank` axes
  std::array<std::size_t, kMaxRank> stride{};  ///< in elements

  /// A contiguous tensor at `offset` bytes into `buffer`.
  [[nodiscard]] static Tensor of(const Buffer& buffer, DType dtype, std::initializer_list<std::size_t> shape,
                                 std::size_t offset = 0);

  [[nodiscard]] bool defined() const { return buffer != nullptr; }
  [[nodiscard]] std::size_t elements() const;
  /// Product of all extents but the last: how many rows there are.
  [[nodiscard]] std::size_t rows() const;
  /// Extent of the last axis.
  [[nodiscard]] std::size_t columns() const;
  /// Bytes from the first to the end of the last element, gaps included.
  [[nodiscard]] std::size_t span_bytes() const;
  [[nodiscard]] bool contiguous() const;

  /// Rows [first, first + count) along the first axis.
  [[nodiscard]] Tensor rows(std::size_t first, std::size_t count) const;
  [[nodiscard]] Tensor row(std::size_t index) const { return rows(index, 1); }
  /// The same elements under another shape; the tensor must be contiguous and the element counts equal.
  [[nodiscard]] Tensor reshaped(std::initializer_list<std::size_t> shape) const;

  /// What a message says of it, e.g. "f32[3, 640]". Costs nothing until it is formatted.
  struct Description {
    const Tensor* tensor;
  };
  [[nodiscard]] Description describe() const { return {this}; }
  [[nodiscard]] std::string text() const;
};

}  // namespace anymetal::ops

template <>
struct fmt::formatter<anymetal::ops::Tensor::Description> : fmt::formatter<std::string_view> {
  auto format(anymetal::ops::Tensor::Description description, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(description.tensor->text(), context);
  }
};
