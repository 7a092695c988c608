#pragma once
// <metal_cooperative_tensor>: a small matrix spread over the lanes that work on it. It is cut into 16x16 blocks, row by
// row, 8 elements a lane: lane l, q = l / 4 holds rows (q & 4) | ((l / 2) & 3) and that + 8, columns ((q & 2) | (l &
// 1)) * 4 to + 3.
#pragma clang system_header
#include "lanes.h"
#include "tensor.h"

namespace __msl {

// Rows x Columns elements; the blocks are dealt out to `Groups` SIMD-groups, or all belong to each one (Groups = 1).
template <int Rows, int Columns, int Groups>
struct block_layout {
  static constexpr int rows = Rows, columns = Columns;
  static constexpr int blocks_across = (Columns + 15) / 16;
  static constexpr int blocks = (Rows + 15) / 16 * blocks_across;
  static constexpr int slots = (blocks + Groups - 1) / Groups;
  static constexpr int capacity = 8 * slots;

  // Row and column of the four-column strip a lane holds in every block.
  static __MSL_MEMBER int lane_row() { return static_cast<int>((lane() >> 2 & 4) | (lane() >> 1 & 3)); }
  static __MSL_MEMBER int lane_strip() { return static_cast<int>((lane() >> 2 & 2) | (lane() & 1)); }
  // The lane that holds row r, column c of a block.
  static __MSL_MEMBER uint owner(int r, int c) {
    const uint row = static_cast<uint>(r) & 7u, strip = static_cast<uint>(c) >> 2 & 3u;
    return (row & 4u) << 2 | (strip & 2u) << 2 | (row & 3u) << 1 | (strip & 1u);
  }

  static __MSL_MEMBER int block(int slot) {
    return Groups == 1 ? slot : slot * Groups + static_cast<int>(__msl_simdgroup_index_in_threadgroup() % Groups);
  }
  static __MSL_MEMBER int row(int i) { return block(i / 8) / blocks_across * 16 + lane_row() + i % 8 / 4 * 8; }
  static __MSL_MEMBER int column(int i) { return block(i / 8) % blocks_across * 16 + lane_strip() * 4 + i % 4; }
  static __MSL_MEMBER bool valid(int i) { return block(i / 8) < blocks && row(i) < Rows && column(i) < Columns; }
};

// All elements in one thread.
template <int Rows, int Columns>
struct thread_layout {
  static constexpr int rows = Rows, columns = Columns, capacity = Rows * Columns;
  static __MSL_MEMBER int row(int i) { return i / Columns; }
  static __MSL_MEMBER int column(int i) { return i % Columns; }
  static __MSL_MEMBER bool valid(int) { return true; }
};

}  // namespace __msl

namespace metal {

template <class T, class Layout>
struct cooperative_tensor {
  using element_type = T;
  using value_type = T;
  using __layout = Layout;
  T __e[Layout::capacity];

  static __MSL_MEMBER constexpr int get_capacity() { return Layout::capacity; }
  static __MSL_MEMBER constexpr size_t get_rank() { return 2; }
  static __MSL_MEMBER bool is_valid_element(int i) { return Layout::valid(i); }
  static __MSL_MEMBER bool get_mask(int i) { return Layout::valid(i); }
  // Column, row.
  static __MSL_MEMBER array<int, 2> get_multidimensional_index(int i) { return {{Layout::column(i), Layout::row(i)}}; }

  __MSL_MEMBER T& operator[](int i) { return __e[i]; }
  __MSL_MEMBER const T& operator[](int i) const { return __e[i]; }
  __MSL_MEMBER T* begin() { return __e; }
  __MSL_MEMBER T* end() { return __e + Layout::capacity; }

  // Elements outside either matrix: read as 0, not written.
  template <class Tensor>
  __MSL_MEMBER void load(const Tensor& t) {
#pragma unroll
    for (int i = 0; i < Layout::capacity; ++i) {
      __e[i] = Layout::valid(i) ? static_cast<T>(t.get(Layout::column(i), Layout::row(i))) : static_cast<T>(0);
    }
  }
  template <class Tensor>
  __MSL_MEMBER void store(const Tensor& t) const {
#pragma unroll
    for (int i = 0; i < Layout::capacity; ++i) {
      if (Layout::valid(i)) t.set(static_cast<typename Tensor::value_type>(__e[i]), Layout::column(i), Layout::row(i));
    }
  }
};

}  // namespace metal
