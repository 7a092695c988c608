#pragma once
// mpp::tensor_ops::convolution2d, which is outside the compute subset: declared, so that a file that has it beside other kernels
// parses, and not defined: a kernel that reaches it is refused.
#pragma clang system_header
#include "cooperative_tensor.h"

namespace mpp::tensor_ops {

enum class convolution2d_activation_layout { nhwc };
enum class convolution2d_weights_layout { hwio };

struct convolution2d_descriptor {
  enum class mode { multiply, multiply_accumulate };
  constexpr convolution2d_descriptor(metal::int4, metal::int4, metal::int2,
                                     convolution2d_activation_layout = convolution2d_activation_layout::nhwc,
                                     convolution2d_weights_layout = convolution2d_weights_layout::hwio, metal::int2 = 1,
                                     metal::int2 = 1, int = 1, bool = false, mode = mode::multiply) {}
};

template <convolution2d_descriptor descriptor, class Scope, class... A>
class convolution2d {
  template <class T>
  using destination = metal::cooperative_tensor<T, __msl::thread_layout<1, 1>>;

 public:
  convolution2d();
  void set_offsets(metal::int2) const;
  template <class... B>
  void run(B&&...) const;
  template <class Activation, class Weights, class T, class... B>
  destination<T> get_destination_cooperative_tensor() const;
};

}  // namespace mpp::tensor_ops
