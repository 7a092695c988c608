// What the forms of flash_attn_vec share.
#pragma once
#include <metal_stdlib>

struct FlashAttnVecParams {
  uint n_heads;
  uint n_kv_heads;
  uint head_dim;  // unused: fixed by the name
  uint kv_seq_len;
  uint kv_capacity;
  float scale;
  uint mask_type;  // 0 and 1: all keys; 2: the last sliding_window ones
  uint sliding_window;
  float softcap;  // 0: none
  uint nwg;
};

// Set and true: the query keeps its f32 precision instead of the f16 of the plain form.
constant bool keep_query_f32 [[function_constant(310)]];
constant bool exact_query = is_function_constant_defined(keep_query_f32) ? keep_query_f32 : false;
