#include "ops/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

namespace anymetal::ops {
namespace {

void fill_contiguous(Tensor& tensor, std::initializer_list<std::size_t> shape) {
  tensor.rank = std::min(shape.size(), Tensor::kMaxRank);
  std::copy_n(shape.begin(), tensor.rank, tensor.shape.begin());
  std::size_t step = 1;
  for (std::size_t axis = tensor.rank; axis-- > 0;) {
    tensor.stride[axis] = step;
    step *= tensor.shape[axis];
  }
}

}  // namespace

Tensor Tensor::of(const Buffer& buffer, DType dtype, std::initializer_list<std::size_t> shape, std::size_t offset) {
  Tensor tensor;
  tensor.buffer = &buffer;
  tensor.offset = offset;
  tensor.dtype = dtype;
  fill_contiguous(tensor, shape);
  return tensor;
}

std::size_t Tensor::elements() const { return rank == 0 ? 0 : rows() * columns(); }

std::size_t Tensor::rows() const {
  std::size_t count = 1;
  for (std::size_t axis = 0; axis + 1 < rank; ++axis) count *= shape[axis];
  return count;
}

std::size_t Tensor::columns() const { return rank == 0 ? 0 : shape[rank - 1]; }

std::size_t Tensor::span_bytes() const {
  if (elements() == 0) return 0;
  std::size_t last = columns();
  for (std::size_t axis = 0; axis + 1 < rank; ++axis) last += (shape[axis] - 1) * stride[axis];
  return bytes_of(dtype, last);
}

bool Tensor::contiguous() const {
  std::size_t step = 1;
  for (std::size_t axis = rank; axis-- > 0;) {
    if (shape[axis] != 1 && stride[axis] != step) return false;
    step *= shape[axis];
  }
  return true;
}

Tensor Tensor::rows(std::size_t first, std::size_t count) const {
  Tensor view = *this;
  view.offset += bytes_of(dtype, first * stride[0]);
  view.shape[0] = count;
  return view;
}

Tensor Tensor::reshaped(std::initializer_list<std::size_t> new_shape) const {
  Tensor view = *this;
  fill_contiguous(view, new_shape);
  return view;
}

std::string Tensor::text() const {
  return fmt::format("{}[{}]", name(dtype), fmt::join(std::span(shape).first(rank), ", "));
}

}  // namespace anymetal::ops
