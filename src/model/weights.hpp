#pragma once
/// \file
/// Tensors of a model file as operands of ops.

#include <anymetal/device.hpp>
#include <memory>
#include <optional>
#include <span>

#include "model/gguf.hpp"
#include "ops/tensor.hpp"

namespace anymetal::model {

/// The ops' name for a file's element format; nullopt where ops have none.
std::optional<ops::DType> dtype_of(TensorType type);

/// A whole model file as one device buffer: where the device shares memory with the host, the mapped file itself, so
/// that loading copies nothing. Thread contract: immutable after `open`; copies share the buffer.
class Weights {
 public:
  static Result<Weights> open(Device& device, const Gguf& file);

  /// The tensor `name` with exactly this shape, outermost axis first. InvalidFile where it is missing, shaped
  /// otherwise, or of a format that ops lack. The result refers to this object's buffer, wherever copies of it are.
  [[nodiscard]] Result<ops::Tensor> find(std::string_view name, std::initializer_list<std::size_t> shape) const;
  /// The same for a matrix that `ops::mul_mat` must be able to take.
  [[nodiscard]] Result<ops::Tensor> matrix(std::string_view name, std::size_t rows, std::size_t columns) const;
  /// The same for a vector of float32.
  [[nodiscard]] Result<ops::Tensor> vector(std::string_view name, std::size_t size) const;
  [[nodiscard]] bool contains(std::string_view name) const { return file_.find_tensor(name) != nullptr; }

 private:
  Weights(Gguf file, std::shared_ptr<const Buffer> buffer) : file_(std::move(file)), buffer_(std::move(buffer)) {}
  Gguf file_;
  std::shared_ptr<const Buffer> buffer_;  ///< one address for all copies, since tensors point at it
};

}  // namespace anymetal::model
