// As compilers of schedules write: one line for each value, vectors of what a loop was, packed accesses, a structure of scalars.
#pragma clang diagnostic ignored "-Wunused-function"
#include <metal_stdlib>
using namespace metal;
namespace {
constexpr float float_of(unsigned int x) { return as_type<float>(x); }
constexpr float nan_float() { return as_type<float>(0x7fc00000u); }
constexpr float inf_float() { return float_of(0x7f800000u); }
constexpr float neg_inf_float() { return as_type<float>(0xff800000); }
float fast_inverse_float(float x) { return 1.0f / x; }
#define sqrt_float sqrt
#define exp_float exp
#define is_nan_float isnan
#define floor_float floor
#define sched_unused(x) (void)(x)
struct buffer_base { device uint8_t *host; int min[4]; int extent[4]; };
}  // namespace
#if 1
struct Args_blur { int _in_min_0; int _in_stride_1; int _out_extent_0; float _gain; bool _clip; uint8_t _bias; };
#endif
kernel void _kernel_blur_s0_y__block_id_y(
 const constant Args_blur& _args [[ buffer(0) ]],
 device const uint16_t *_in [[ buffer(1) ]],
 device uint8_t *_out [[ buffer(2) ]],
 uint3 tgroup_index [[ threadgroup_position_in_grid ]],
 uint3 tid_in_tgroup [[ thread_position_in_threadgroup ]],
 threadgroup int16_t* __shared [[ threadgroup(0) ]])
{
 int _in_min_0 = _args._in_min_0;
 int _in_stride_1 = _args._in_stride_1;
 int _out_extent_0 = _args._out_extent_0;
 int _blur_s0_y__block_id_y = tgroup_index.y;
 int _blur_s0_x__block_id_x = tgroup_index.x;
 int ___thread_id_x = tid_in_tgroup.x;
 int _0 = _blur_s0_x__block_id_x * 32;
 int _1 = ___thread_id_x * 4;
 int _2 = _0 + _1;
 int4 _3 = int4(_2, _2 + 1, _2 + 2, _2 + 3);
 int4 _4 = int4(_in_min_0);
 int4 _5 = _3 - _4;
 int _6 = _blur_s0_y__block_id_y * _in_stride_1;
 ushort4 _7;
 _7.x = _in[_6 + _5.x];
 _7.y = _in[_6 + _5.y];
 _7[2] = _in[_6 + _5[2]];
 _7[3] = _in[_6 + _5.w];
 ushort4 _8 = *(device const packed_ushort4*)(_in + _6 + _2 - _in_min_0 + 1);
 float4 _9 = float4(_7) + float4(_8);
 float4 _10 = float4(_args._gain);
 float4 _11 = _9 * _10;
 bool4 _12 = (_11 > float4(200.000000f));
 bool _13 = _args._clip;
 float4 _14 = _13 ? select(_11, float4(200.000000f), _12) : _11;
 float4 _15 = floor_float(_14);
 float4 _16 = max(min(_15, float4(float_of(1132396544 /* 255 */))), float4(0.000000f));
 uchar4 _17 = uchar4(_16);
 uchar _18 = _args._bias;
 uchar4 _19 = _17 + uchar4(_18);
 ((threadgroup packed_short4*)__shared)[___thread_id_x] = packed_short4(short4(_19));
 threadgroup_barrier(mem_flags::mem_threadgroup);
 int _20 = 7 - ___thread_id_x;
 short4 _21 = ((threadgroup packed_short4*)__shared)[_20];
 for (int _blur_s0_v = 0; _blur_s0_v < 0 + 4; _blur_s0_v++)
 {
  int _22 = _2 + _blur_s0_v;
  bool _23 = _22 < _out_extent_0;
  if (_23)
  {
   uint8_t _24 = (uint8_t)(_21[_blur_s0_v]);
   uint8_t _25 = _19[3 - _blur_s0_v];
   int _26 = _blur_s0_y__block_id_y * _out_extent_0;
   int _27 = _26 + _22;
   _out[_27] = (uint8_t)((((uint16_t)(_24)) + ((uint16_t)(_25))) >> ((uint16_t)(1)));
  } // if _23
 } // for _blur_s0_v
} // kernel _kernel_blur_s0_y__block_id_y
#undef sqrt_float

kernel void _kernel_norm_s1_r(constant float &_eps [[ buffer(0) ]], device float *_x [[ buffer(1) ]], uint3 tid_in_tgroup [[ thread_position_in_threadgroup ]], uint3 tgroup_index [[ threadgroup_position_in_grid ]])
{
 {
  float _acc[1];
  threadgroup float _sums_0[8];
  threadgroup float* _sums = (threadgroup float*)(&_sums_0[0]);
  int _t = tid_in_tgroup.x;
  _acc[0] = float_of(0);
  for (int _r = 0; _r < 4; _r++)
  {
   float _v = _x[((_t * 4) + _r)];
   bool _n = is_nan_float(_v);
   float _w = (float)(_n ? float_of(1065353216) : _v);
   _acc[0] = _acc[0] + (_w * _w);
   if (_n) { _x[((_t * 4) + _r)] = _w; }
  }
  _sums[_t] = _acc[0];
  threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup);
  float _total = neg_inf_float();
  float _sum = 0.000000f;
  for (int _k = 0; _k < 8; _k++) { _sum = _sum + _sums[_k]; _total = max(_total, _sums[_k]); }
  float _inv = fast_inverse_float((float)sqrt(_sum + _eps));
  for (int _r = 0; _r < 4; _r++) { _x[((_t * 4) + _r)] = _x[((_t * 4) + _r)] * _inv; }
  if (_t == 0 && !(_total < inf_float())) { _x[0] = nan_float(); }
 } // alloc _acc
}
