// What the forms of steel_attention share: function constants, parameters, masks.
#pragma once
#include <metal_stdlib>

constant bool align_Q [[function_constant(200)]];
constant bool align_K [[function_constant(201)]];
constant bool has_mask [[function_constant(300)]];
constant bool do_causal [[function_constant(301)]];
constant bool has_blk [[function_constant(303)]];
// Keys a query sees, itself counted; unset or 0: all.
constant int window_size [[function_constant(304)]];
constant int window = is_function_constant_defined(window_size) ? window_size : 0;

// Strides count elements, in the order batch, head, sequence.
struct AttnParams {
  int B, H, D, qL, kL, gqa_factor;
  float scale;
  float softcapping;  // unused
  int NQ, NK, NQ_aligned, NK_aligned, qL_rem, kL_rem, qL_off;
  int pad;
  long Q_strides[3];
  long K_strides[3];
  long V_strides[3];
  long O_strides[3];
};
static_assert(sizeof(AttnParams) == 160, "layout");

struct AttnMaskParams {
  long M_strides[3];
};

constant float kLog2e = 1.44269504089f;

// A mask element as something to add to a base-2 logit.
inline float mask_term(bool keep) { return keep ? 0.0f : -INFINITY; }
inline float mask_term(float bias) { return kLog2e * bias; }
inline float mask_term(half bias) { return kLog2e * float(bias); }
inline float mask_term(bfloat bias) { return kLog2e * float(bias); }
