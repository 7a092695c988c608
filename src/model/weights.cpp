#include "model/weights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "ops/matmul.hpp"

namespace anymetal::model {

std::optional<ops::DType> dtype_of(TensorType type) {
  switch (type) {
    case TensorType::F32:
      return ops::DType::F32;
    case TensorType::F16:
      return ops::DType::F16;
    case TensorType::BF16:
      return ops::DType::BF16;
    case TensorType::Q4_0:
      return ops::DType::Q4_0;
    case TensorType::Q4_1:
      return ops::DType::Q4_1;
    case TensorType::Q5_0:
      return ops::DType::Q5_0;
    case TensorType::Q5_1:
      return ops::DType::Q5_1;
    case TensorType::Q8_0:
      return ops::DType::Q8_0;
    case TensorType::Q2_K:
      return ops::DType::Q2_K;
    case TensorType::Q3_K:
      return ops::DType::Q3_K;
    case TensorType::Q4_K:
      return ops::DType::Q4_K;
    case TensorType::Q5_K:
      return ops::DType::Q5_K;
    case TensorType::Q6_K:
      return ops::DType::Q6_K;
    case TensorType::IQ4_NL:
      return ops::DType::IQ4_NL;
    case TensorType::IQ4_XS:
      return ops::DType::IQ4_XS;
    case TensorType::MXFP4:
      return ops::DType::MXFP4;
    default:
      return std::nullopt;
  }
}

Result<Weights> Weights::open(Device& device, const Gguf& file) {
  auto buffer = device.wrap_buffer(file.bytes(), file.owner());
  if (!buffer) return std::unexpected(buffer.error());
  return Weights(file, std::make_shared<const Buffer>(std::move(*buffer)));
}

Result<ops::Tensor> Weights::find(std::string_view name, std::initializer_list<std::size_t> shape) const {
  const auto found = file_.tensor(name);
  if (!found) return std::unexpected(found.error());
  const auto dtype = dtype_of(found->type);
  if (!dtype) {
    return fail(ErrorCode::InvalidFile, fmt::format("tensor '{}' is of type {}, for which there are no kernels", name,
                                                    traits(found->type).name));
  }
  // Files list extents from the innermost axis outwards; axes of extent 1 may be left out or added.
  std::array<std::size_t, 4> wanted{1, 1, 1, 1};
  std::reverse_copy(shape.begin(), shape.begin() + std::min(shape.size(), wanted.size()), wanted.begin());
  if (found->shape != wanted) {
    return fail(ErrorCode::InvalidFile,
                fmt::format("tensor '{}' has shape [{}] where the model's sizes ask for [{}] (innermost first)", name,
                            fmt::join(found->shape, ", "), fmt::join(wanted, ", ")));
  }
  return ops::Tensor::of(*buffer_, *dtype, shape, found->file_offset);
}

Result<ops::Tensor> Weights::matrix(std::string_view name, std::size_t rows, std::size_t columns) const {
  auto tensor = find(name, {rows, columns});
  if (tensor && !ops::can_multiply(tensor->dtype)) {
    return fail(ErrorCode::InvalidFile, fmt::format("tensor '{}' is of type {}, with which nothing can be multiplied",
                                                    name, ops::name(tensor->dtype)));
  }
  return tensor;
}

Result<ops::Tensor> Weights::vector(std::string_view name, std::size_t size) const {
  auto tensor = find(name, {size});
  if (tensor && tensor->dtype != ops::DType::F32) {
    return fail(ErrorCode::InvalidFile,
                fmt::format("tensor '{}' is of type {} where f32 is needed", name, ops::name(tensor->dtype)));
  }
  return tensor;
}

}  // namespace anymetal::model
