// Kernels that move data: kernels/movement, kernels/embedding.
#include <algorithm>

#include "cases/plain/types.hpp"

namespace anymetal::cases::plain {
namespace {

using U32 = std::uint32_t;

struct Extents {
  U32 a, b, c;
};

template <class From, class To>
void swap_first_axes(const Arguments& args) {
  const auto e = args.value<Extents>(2);
  const auto* x = args.at<From>(0);
  auto* y = args.at<To>(1);
  for (std::size_t b = 0; b < e.b; ++b) {
    for (std::size_t a = 0; a < e.a; ++a) {
      for (std::size_t c = 0; c < e.c; ++c) y[(b * e.a + a) * e.c + c] = To(x[(a * e.b + b) * e.c + c]);
    }
  }
}

/// A transpose by tiles that fit the first cache.
template <class T>
void transpose(const T* x, T* y, std::size_t rows, std::size_t columns) {
  constexpr std::size_t kTile = 32;
  for (std::size_t r0 = 0; r0 < rows; r0 += kTile) {
    for (std::size_t c0 = 0; c0 < columns; c0 += kTile) {
      for (std::size_t c = c0; c < std::min(columns, c0 + kTile); ++c) {
        for (std::size_t r = r0; r < std::min(rows, r0 + kTile); ++r) y[c * rows + r] = x[r * columns + c];
      }
    }
  }
}
template <class T>
void transpose_planes(const Arguments& args) {
  const auto e = args.value<Extents>(2);
  const std::size_t plane = std::size_t{e.b} * e.c;
  for (std::size_t a = 0; a < e.a; ++a) transpose(args.at<T>(0) + a * plane, args.at<T>(1) + a * plane, e.b, e.c);
}
template <class T>
void transpose_plane(const Arguments& args) {
  struct Params {
    U32 rows, columns;
  };
  const auto p = args.value<Params>(2);
  transpose(args.at<T>(0), args.at<T>(1), p.rows, p.columns);
}

void strided_copy(const Arguments& args) {
  struct Params {
    U32 rows, columns, row_stride, column_stride;
  };
  const auto p = args.value<Params>(2);
  const auto* x = args.at<float>(0);
  auto* y = args.at<float>(1);
  for (std::size_t r = 0; r < p.rows; ++r) {
    for (std::size_t c = 0; c < p.columns; ++c) y[r * p.columns + c] = x[r * p.row_stride + c * p.column_stride];
  }
}

void offset_copy(const Arguments& args) {
  struct Params {
    U32 source, destination, count;
  };
  const auto p = args.value<Params>(2);
  std::copy_n(args.at<float>(0) + p.source, p.count, args.at<float>(1) + p.destination);
}

void gather(const Arguments& args) {
  struct Params {
    U32 width, count, rows;
  };
  const auto p = args.value<Params>(3);
  const auto* index = args.at<U32>(1);
  for (std::size_t i = 0; i < p.count; ++i) {
    const std::size_t row = std::min(index[i], p.rows - 1);
    std::copy_n(args.at<float>(0) + row * p.width, p.width, args.at<float>(2) + i * p.width);
  }
}

void zero(const Arguments& args) { std::fill_n(args.at<float>(0), args.value<U32>(1), 0.0f); }

void qkv_split(const Arguments& args) {
  struct Params {
    U32 tokens, q, k, v, width;
  };
  const auto p = args.value<Params>(4);
  for (std::size_t t = 0; t < p.tokens; ++t) {
    const float* x = args.at<float>(0) + t * p.width;
    std::copy_n(x, p.q, args.at<float>(1) + t * p.q);
    std::copy_n(x + p.q, p.k, args.at<float>(2) + t * p.k);
    std::copy_n(x + p.q + p.k, p.v, args.at<float>(3) + t * p.v);
  }
}

void repeat_tiled(const Arguments& args) {
  struct Params {
    U32 tokens, source_heads, heads, width;
  };
  const auto p = args.value<Params>(2);
  for (std::size_t t = 0; t < p.tokens; ++t) {
    for (std::size_t h = 0; h < p.heads; ++h) {
      std::copy_n(args.at<float>(0) + (t * p.source_heads + h % p.source_heads) * p.width, p.width,
                  args.at<float>(1) + (t * p.heads + h) * p.width);
    }
  }
}

struct EmbeddingParams {
  float scale;
  U32 hidden, last;
};

void scaled_row(const float* table, float* y, std::size_t row, const EmbeddingParams& p) {
  for (std::size_t i = 0; i < p.hidden; ++i) y[i] = table[row * p.hidden + i] * p.scale;
}
void gather_scale(const Arguments& args) {
  const auto p = args.value<EmbeddingParams>(2);
  scaled_row(args.at<float>(0), args.at<float>(1), p.last, p);
}
void gather_scale_batch(const Arguments& args) {
  const auto p = args.value<EmbeddingParams>(3);
  for (std::size_t t = 0; t < p.last; ++t) {
    scaled_row(args.at<float>(0), args.at<float>(2) + t * p.hidden, args.at<U32>(1)[t], p);
  }
}

}  // namespace

void movement_loops(LoopList& list) {
  list.add("permute_021_f32", swap_first_axes<float, float>);
  list.add("permute_021_bf16", swap_first_axes<Bfloat, Bfloat>);
  list.add("permute_021_bf16_to_f32", swap_first_axes<Bfloat, float>);
  list.add("transpose_last2_bf16", transpose_planes<Bfloat>);
  list.add("transpose_last2_f16", transpose_planes<Half>);
  list.add("transpose_2d_f32", transpose_plane<float>);
  list.add("transpose_2d_f16", transpose_plane<Half>);
  list.add("strided_copy_f32", strided_copy);
  list.add("offset_copy_f32", offset_copy);
  list.add("gather_f32", gather);
  list.add("zero_buffer", zero);
  list.add("qkv_split_f32", qkv_split);
  list.add("repeat_tiled_f32", repeat_tiled);
  list.add("embedding_gather_scale_f32", gather_scale);
  list.add("embedding_gather_scale_batch_f32", gather_scale_batch);
}

}  // namespace anymetal::cases::plain
