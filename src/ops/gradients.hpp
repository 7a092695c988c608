#pragma once
/// \file
/// Functions of training and their gradients. Tensors are f32 and dense; outputs are overwritten unless said otherwise.
/// `dy` is the gradient by the forward op's output. Every op fails with InvalidArgument on a shape or type it cannot
/// take.

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// out = e^x, sqrt(x), ln(x), x / (1 + e^-x). `out` may be `x`.
Result<void> exp(Context& context, const Tensor& x, const Tensor& out);
Result<void> sqrt(Context& context, const Tensor& x, const Tensor& out);
Result<void> log(Context& context, const Tensor& x, const Tensor& out);
Result<void> silu(Context& context, const Tensor& x, const Tensor& out);
/// out = a / b. `out` may be `a` or `b`.
Result<void> divide(Context& context, const Tensor& a, const Tensor& b, const Tensor& out);

/// Gradients from what the forward op gave (`y`) or took (`x`). `dx` may be either input.
Result<void> exp_backward(Context& context, const Tensor& y, const Tensor& dy, const Tensor& dx);
Result<void> sqrt_backward(Context& context, const Tensor& y, const Tensor& dy, const Tensor& dx);
Result<void> log_backward(Context& context, const Tensor& x, const Tensor& dy, const Tensor& dx);
Result<void> silu_backward(Context& context, const Tensor& x, const Tensor& dy, const Tensor& dx);
/// y = a / b. `da` and `db` must be two buffers.
Result<void> divide_backward(Context& context, const Tensor& b, const Tensor& y, const Tensor& dy, const Tensor& da,
                             const Tensor& db);

/// Of softmax over rows, from its output y. y, dy, dx [.., C]. `dx` may be `y` or `dy`.
Result<void> softmax_backward(Context& context, const Tensor& y, const Tensor& dy, const Tensor& dx);

/// out[r] = sum of row r. x [.., C]; out [R].
Result<void> row_sum(Context& context, const Tensor& x, const Tensor& out);
/// dx[r, :] = dy[r].
Result<void> row_sum_backward(Context& context, const Tensor& dy, const Tensor& dx);

/// inverse[r] = 1 / sqrt(mean(x[r]^2) + eps). x [R, D]; inverse [R].
Result<void> rms_norm_inverse(Context& context, const Tensor& x, float eps, const Tensor& inverse);
/// Of y = x * inverse * weight by x. x, dy, dx [R, D]; weight [D]; inverse as above. `dx` may be `x` or `dy`.
Result<void> rms_norm_backward_x(Context& context, const Tensor& x, const Tensor& weight, const Tensor& dy,
                                 const Tensor& inverse, const Tensor& dx);
/// The same by the weight. dweight [D].
Result<void> rms_norm_backward_weight(Context& context, const Tensor& x, const Tensor& dy, const Tensor& inverse,
                                      const Tensor& dweight);

/// out[i, j] = a[i] * b[j]. a [N]; b [M]; out [N, M].
Result<void> outer_product(Context& context, const Tensor& a, const Tensor& b, const Tensor& out);
/// da[i] = sum over j of dy[i, j] * b[j].
Result<void> outer_product_backward_a(Context& context, const Tensor& dy, const Tensor& b, const Tensor& da);
/// db[j] = sum over i of dy[i, j] * a[i].
Result<void> outer_product_backward_b(Context& context, const Tensor& dy, const Tensor& a, const Tensor& db);

}  // namespace anymetal::ops
