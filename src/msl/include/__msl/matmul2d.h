#pragma once
// mpp::tensor_ops::matmul2d: destination (N, M) = left (K, M) * right (N, K), operands as tensors or cooperative
// tensors. Done in 16x16 blocks of the destination, each by one SIMD-group through 8x8 products. A lane's two elements
// of an 8x8 matrix and its strips of four in a block share rows; columns 2p, 2p + 1 of the j-th product stand for
// columns 4p + 2j, 4p + 2j + 1 of the block, so that a destination's elements are accumulated where they are kept. The
// same renaming orders K, which sums in any order.
#pragma clang system_header
#include "cooperative_tensor.h"
#include "simdgroup_matrix.h"

namespace mpp::tensor_ops {

using metal::dynamic_extent;
using metal::dynamic_length_v;

struct matmul2d_descriptor {
  enum class mode { multiply, multiply_accumulate };
  int m, n, k;
  bool transpose_left, transpose_right, relaxed_precision;
  mode matmul_mode;
  constexpr matmul2d_descriptor(int m_, int n_, int k_ = metal::dynamic_length_v<int>, bool transpose_left_ = false,
                                bool transpose_right_ = false, bool relaxed_precision_ = false,
                                mode mode_ = mode::multiply)
      : m(m_),
        n(n_),
        k(k_),
        transpose_left(transpose_left_),
        transpose_right(transpose_right_),
        relaxed_precision(relaxed_precision_),
        matmul_mode(mode_) {}
};

}  // namespace mpp::tensor_ops

namespace __msl {

// Element at a row and column of an operand, both may differ between lanes; 0 outside. Every lane makes the call.
template <class T, class E>
__MSL_INLINE auto operand_at(const metal::tensor<T, E, metal::tensor_inline>& t, int row, int column) {
  return t.get(column, row);
}
template <class T, int R, int C>
__MSL_INLINE T operand_at(const metal::cooperative_tensor<T, thread_layout<R, C>>& t, int row, int column) {
  return t.__e[row * C + column];
}
// Row and column share their 16x16 block between lanes: each of its 8 elements is fetched from the lane that may hold
// it.
template <class T, int R, int C, int G>
__MSL_INLINE T operand_at(const metal::cooperative_tensor<T, block_layout<R, C, G>>& t, int row, int column) {
  using layout = block_layout<R, C, G>;
  const int first = (row / 16 * layout::blocks_across + column / 16) * 8;
  const uint from = layout::owner(row, column);
  const int wanted = (row >> 3 & 1) * 4 + (column & 3);
  T result = t.__e[first];
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const T candidate = shuffle(t.__e[first + i], from);
    result = i == wanted ? candidate : result;
  }
  return result;
}
template <bool transposed, class Operand>
__MSL_INLINE auto matrix_at(const Operand& o, int row, int column) {
  if constexpr (transposed)
    return operand_at(o, column, row);
  else
    return operand_at(o, row, column);
}

template <class T>
inline constexpr bool is_cooperative = false;
template <class T, class L>
inline constexpr bool is_cooperative<metal::cooperative_tensor<T, L>> = true;

template <bool transposed, class Left>
__MSL_INLINE int inner_extent(const Left& left) {
  if constexpr (is_cooperative<Left>)
    return transposed ? Left::__layout::rows : Left::__layout::columns;
  else
    return static_cast<int>(left.get_extent(transposed ? 1 : 0));
}

}  // namespace __msl

namespace mpp::tensor_ops {

template <matmul2d_descriptor D, class Scope, class... Options>
class matmul2d;

// One thread alone.
template <matmul2d_descriptor D, class... Options>
class matmul2d<D, metal::execution_thread, Options...> {
 public:
  template <class L, class R, class T>
  static __MSL_MEMBER auto get_destination_cooperative_tensor() {
    return metal::cooperative_tensor<T, __msl::thread_layout<D.m, D.n>>{};
  }
  template <class A, class B, class C>
  static __MSL_MEMBER auto get_left_input_cooperative_tensor() {
    return metal::cooperative_tensor<
        A, __msl::thread_layout<D.transpose_left ? D.k : D.m, D.transpose_left ? D.m : D.k>>{};
  }
  template <class A, class B, class C>
  static __MSL_MEMBER auto get_right_input_cooperative_tensor() {
    return metal::cooperative_tensor<
        B, __msl::thread_layout<D.transpose_right ? D.n : D.k, D.transpose_right ? D.k : D.n>>{};
  }

  template <class Left, class Right, class Destination>
  __MSL_MEMBER void run(const Left& left, const Right& right, Destination& destination) const {
    const int inner = D.k > 0 ? D.k : __msl::inner_extent<D.transpose_left>(left);
    for (int m = 0; m < D.m; ++m) {
      for (int n = 0; n < D.n; ++n) {
        float sum = D.matmul_mode == matmul2d_descriptor::mode::multiply_accumulate
                        ? static_cast<float>(__msl::operand_at(destination, m, n))
                        : 0.0f;
        for (int k = 0; k < inner; ++k) {
          sum += static_cast<float>(__msl::matrix_at<D.transpose_left>(left, m, k)) *
                 static_cast<float>(__msl::matrix_at<D.transpose_right>(right, k, n));
        }
        using T = typename Destination::value_type;
        if constexpr (__msl::is_cooperative<Destination>)
          destination.__e[m * D.n + n] = static_cast<T>(sum);
        else
          destination.set(static_cast<T>(sum), n, m);
      }
    }
  }
};

template <matmul2d_descriptor D, int Groups, class... Options>
class matmul2d<D, metal::execution_simdgroups<Groups>, Options...> {
  using layout = __msl::block_layout<D.m, D.n, Groups>;

 public:
  // Zero at first.
  template <class L, class R, class T>
  static __MSL_MEMBER auto get_destination_cooperative_tensor() {
    return metal::cooperative_tensor<T, layout>{};
  }
  // Each SIMD-group holds its operands whole.
  template <class A, class B, class C>
  static __MSL_MEMBER auto get_left_input_cooperative_tensor() {
    return metal::cooperative_tensor<
        A, __msl::block_layout<D.transpose_left ? D.k : D.m, D.transpose_left ? D.m : D.k, 1>>{};
  }
  template <class A, class B, class C>
  static __MSL_MEMBER auto get_right_input_cooperative_tensor() {
    return metal::cooperative_tensor<
        B, __msl::block_layout<D.transpose_right ? D.n : D.k, D.transpose_right ? D.k : D.n, 1>>{};
  }

  template <class Left, class Right, class Destination>
  __MSL_MEMBER void run(const Left& left, const Right& right, Destination& destination) const {
    const int inner = D.k > 0 ? D.k : __msl::inner_extent<D.transpose_left>(left);
#pragma unroll
    for (int slot = 0; slot < layout::slots; ++slot) {
      const int block = layout::block(slot);
      if (block >= layout::blocks) break;
      __msl_lane_pair sums[2][2];
      begin_block(destination, slot, block, sums);
      for (int k = 0; k < inner; k += 16) multiply_block(left, right, block, k, inner, sums);
      end_block(destination, slot, block, sums);
    }
  }

 private:
  static __MSL_MEMBER int first_row(int block) { return block / layout::blocks_across * 16; }
  static __MSL_MEMBER int first_column(int block) { return block % layout::blocks_across * 16; }

  // sums[i][j] are elements 4i + 2j and the next of this lane's eight.
  template <class Destination>
  static __MSL_MEMBER void begin_block(const Destination& destination, int slot, int block,
                                       __msl_lane_pair (&sums)[2][2]) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        if constexpr (D.matmul_mode == matmul2d_descriptor::mode::multiply) {
          sums[i][j] = __msl_lane_pair{0.0f, 0.0f};
        } else if constexpr (__msl::is_cooperative<Destination>) {
          const auto* e = destination.__e + 8 * slot + 4 * i + 2 * j;
          sums[i][j] = __msl_lane_pair{static_cast<float>(e[0]), static_cast<float>(e[1])};
        } else {
          const int row = first_row(block) + layout::lane_row() + 8 * i,
                    column = first_column(block) + 4 * layout::lane_strip() + 2 * j;
          sums[i][j] = __msl_lane_pair{static_cast<float>(destination.get(column, row)),
                                       static_cast<float>(destination.get(column + 1, row))};
        }
      }
    }
  }

  template <class Left, class Right>
  static __MSL_MEMBER void multiply_block(const Left& left, const Right& right, int block, int k, int inner,
                                          __msl_lane_pair (&sums)[2][2]) {
    using A = typename Left::value_type;
    using B = typename Right::value_type;
    const int row = layout::lane_row(), strip = layout::lane_strip();
#pragma unroll
    for (int s = 0; s < 2; ++s) {
      const int k_across = k + 4 * strip + 2 * s;                 // K as the columns of left
      const int k_down = k + 4 * (row >> 1) + 2 * s + (row & 1);  // and as the rows of right
      metal::vec<A, 2> a[2];
      metal::vec<B, 2> b[2];
#pragma unroll
      for (int e = 0; e < 2; ++e) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const A left_value = __msl::matrix_at<D.transpose_left>(left, first_row(block) + row + 8 * i, k_across + e);
          const B right_value =
              __msl::matrix_at<D.transpose_right>(right, k_down, first_column(block) + 4 * strip + 2 * i + e);
          a[i].__set(e, k_across + e < inner ? left_value : static_cast<A>(0));
          b[i].__set(e, k_down < inner ? right_value : static_cast<B>(0));
        }
      }
#pragma unroll
      for (int i = 0; i < 2; ++i) {
#pragma unroll
        for (int j = 0; j < 2; ++j) sums[i][j] = __msl::multiply_accumulate(a[i], b[j], sums[i][j]);
      }
    }
  }

  template <class Destination>
  static __MSL_MEMBER void end_block(Destination& destination, int slot, int block,
                                     const __msl_lane_pair (&sums)[2][2]) {
    using T = typename Destination::value_type;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const metal::vec<T, 2> values = __msl::from_pair<T>(sums[i][j]);
        if constexpr (__msl::is_cooperative<Destination>) {
          destination.__e[8 * slot + 4 * i + 2 * j] = values.__at(0);
          destination.__e[8 * slot + 4 * i + 2 * j + 1] = values.__at(1);
        } else {
          const int row = first_row(block) + layout::lane_row() + 8 * i,
                    column = first_column(block) + 4 * layout::lane_strip() + 2 * j;
          if (row >= D.m) continue;
          if (column < D.n) destination.set(values.__at(0), column, row);
          if (column + 1 < D.n) destination.set(values.__at(1), column + 1, row);
        }
      }
    }
  }
};

}  // namespace mpp::tensor_ops
