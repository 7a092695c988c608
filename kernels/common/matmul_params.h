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

}  // namespace anymetal
