#pragma once
/// \file
/// Argument checks of ops: the first failure of a list becomes the op's error.

#include <fmt/format.h>

#include <anymetal/error.hpp>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "ops/tensor.hpp"

namespace anymetal::ops {

/// \code
///   Checks check("rms_norm");
///   check.is("x", x, DType::F32);
///   check.that(weight.elements() == dim, "weight has {} elements, row has {}", weight.elements(), dim);
///   if (auto failed = check.failure()) return *failed;      // rms_norm: weight has 639 elements, row has 640
/// \endcode
class Checks {
 public:
  explicit Checks(std::string_view op) : op_(op) {}

  template <class... Args>
  void that(bool holds, fmt::format_string<const Args&...> message, const Args&... args) {
    if (!holds && !error_)
      error_ = Error(ErrorCode::InvalidArgument, fmt::format("{}: {}", op_, fmt::format(message, args...)));
  }

  /// Defined, of this type, and inside its buffer.
  void is(std::string_view name, const Tensor& tensor, DType dtype) {
    exists(name, tensor);
    that(tensor.dtype == dtype, "{} is {}, must be {}", name, ops::name(tensor.dtype), ops::name(dtype));
  }

  /// As `is`, and without gaps between elements.
  void dense(std::string_view name, const Tensor& tensor, DType dtype) {
    is(name, tensor, dtype);
    that(tensor.contiguous(), "{} {} must be contiguous", name, tensor.describe());
  }

  /// Defined, not empty, and inside its buffer.
  void exists(std::string_view name, const Tensor& tensor) {
    that(tensor.defined() && tensor.elements() > 0, "{} is empty", name);
    if (error_) return;
    that(tensor.offset <= tensor.buffer->size() && tensor.span_bytes() <= tensor.buffer->size() - tensor.offset,
         "{} {} needs {} bytes at offset {}, its buffer has {}", name, tensor.describe(), tensor.span_bytes(),
         tensor.offset, tensor.buffer->size());
  }

  /// Small enough for the kernels' 32-bit fields.
  void fits_32_bits(std::string_view name, std::size_t value) {
    that(value <= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()), "{} {} is too large", name,
         value);
  }

  void same_shape(std::string_view name, const Tensor& tensor, std::string_view other_name, const Tensor& other) {
    that(tensor.rank == other.rank && tensor.shape == other.shape, "{} is {}, {} is {}", name, tensor.describe(),
         other_name, other.describe());
  }

  [[nodiscard]] std::optional<std::unexpected<Error>> failure() const {
    if (!error_) return std::nullopt;
    return std::unexpected<Error>(*error_);
  }

 private:
  std::string_view op_;
  std::optional<Error> error_;
};

/// A cache of keys and one of values, of a type that attention reads.
inline void check_kv_cache(Checks& check, const Tensor& keys, const Tensor& values) {
  check.that(keys.dtype == DType::F32 || keys.dtype == DType::F16 || keys.dtype == DType::BF16 ||
                 keys.dtype == DType::Q8_0,
             "cache is {}, must be f32, f16, bf16 or q8_0", name(keys.dtype));
  check.dense("key_cache", keys, keys.dtype);
  check.dense("value_cache", values, keys.dtype);
  check.same_shape("key_cache", keys, "value_cache", values);
  check.that(keys.columns() % info(keys.dtype).block_elements == 0,
             "head size {} is no multiple of the {}-element blocks of {}", keys.columns(),
             info(keys.dtype).block_elements, name(keys.dtype));
}

}  // namespace anymetal::ops
