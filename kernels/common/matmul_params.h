// Parameter structs of the matrix products. Layouts are a contract with host code; src/ops/kernel_params.hpp mirrors them.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// Mat-vec with block-quantised weights, 64 bytes.
struct MatVecParams {
  long ne00;  // K
  long ne01;  // N
  long ne02;  // weight batches
  long ne10;  // elements between rows of x
  long ne12;  // activation batches
  long ne0;   // elements between rows of dst
  long ne1;   // M
  uint r2;    // activation batches per weight batch
  uint r3;
};
static_assert(sizeof(MatVecParams) == 64, "layout");

// Mat-mat with block-quantised or dense weights, 88 bytes. Names as in ggml: ne = elements, nb = bytes.
struct MatMatParams {
  int ne00;    // K
  int ne02;    // weight batches
  ulong nb01;  // bytes per weight row
  ulong nb02;
  ulong nb03;
  int ne12;    // activation batches
  int pad0;
  ulong nb10;  // bytes per activation element
  ulong nb11;  // bytes per activation row
  ulong nb12;
  ulong nb13;
  int ne0;     // N
  int ne1;     // M
  short r2;    // activation batches per weight batch
  short r3;
  int pad1;
};
static_assert(sizeof(MatMatParams) == 88, "layout");

// Mat-vec over a few activation rows, 112 bytes.
struct MatVecExtParams {
  int ne00, ne01, ne02;  // K, N, weight batches
  int pad0;
  ulong nb00, nb01, nb02, nb03;  // bytes per block, weight row, weight batch
  int ne10, ne11, ne12;          // K, M, activation batches
  int pad1;
  ulong nb10, nb11, nb12, nb13;  // bytes per activation element, row, batch
  int ne0, ne1;                  // N, M
  short r2, r3;                  // activation batches per weight batch
  int pad2;
};
static_assert(sizeof(MatVecExtParams) == 112, "layout");

// Mat-vec with a dense matrix: as MatVecExtParams up to ne1, 112 bytes.
struct DenseMatVecParams {
  int ne00, ne01, ne02;
  int pad0;
  ulong nb00, nb01, nb02, nb03;
  int ne10, ne11, ne12;
  int pad1;
  ulong nb10, nb11, nb12, nb13;
  int ne0, ne1;
  int nr0;  // rows per threadgroup: 2
  short r2, r3;
};
static_assert(sizeof(DenseMatVecParams) == 112, "layout");

// Mat-vec with the matrix of one expert per row, 80 bytes. As MatVecParams, where ne1 is the number of output rows.
struct ExpertMatVecParams {
  long ne00, ne01, ne02, ne10, ne12, ne0, ne1;
  uint r2, r3;
  uint top_k;          // output rows per token
  uint n_tokens;
  long expert_stride;  // bytes between experts
};
static_assert(sizeof(ExpertMatVecParams) == 80, "layout");

// The lists of an expert's rows, 40 bytes.
struct ExpertMapParams {
  int ne10, ne11;  // unused
  ulong nb11, nb12;
  int ne21;    // tokens
  int ne20;    // experts per token
  ulong nb21;  // bytes between tokens in the table of ids
};
static_assert(sizeof(ExpertMapParams) == 40, "layout");

// Mat-mat grouped by expert, 96 bytes.
struct ExpertMatMatParams {
  int ne00;    // K
  int ne02;    // experts
  ulong nb01;  // bytes per weight row
  ulong nb02;  // bytes per expert
  ulong nb03;
  int ne11;    // experts per token
  int pad0;
  ulong nb10;
  ulong nb11;  // bytes between activation rows of a token's slots; 0: one row for all
  ulong nb12;  // bytes between activation rows of tokens
  ulong nb13;
  int ne20;    // experts per token
  int ne21;    // tokens
  int ne0;     // N
  int ne1;     // experts per token
  short r2, r3, pad1, pad2;
};
static_assert(sizeof(ExpertMatMatParams) == 96, "layout");

}  // namespace anymetal
