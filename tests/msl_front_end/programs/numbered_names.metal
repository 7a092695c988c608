// As generators write: numbered names, a line for every operation, brackets around each.
#include <metal_stdlib>
using namespace metal;
float2 __TILE_8_8_8_half_float(half2 a, half2 b, float2 c){
  simdgroup_half8x8 mat_a, mat_b; simdgroup_float8x8 mat_c;
  mat_a.thread_elements()[0] = a[0]; mat_b.thread_elements()[0] = b[0]; mat_c.thread_elements()[0] = c[0];
  mat_a.thread_elements()[1] = a[1]; mat_b.thread_elements()[1] = b[1]; mat_c.thread_elements()[1] = c[1];
  simdgroup_multiply_accumulate(mat_c, mat_a, mat_b, mat_c);
  return float2(mat_c.thread_elements()[0], mat_c.thread_elements()[1]);
}
kernel void r_2_2_8_2_2_2(device float* data0_256, device half* data1_256, device half* data2_256, uint3 gid [[threadgroup_position_in_grid]], uint3 lid [[thread_position_in_threadgroup]]) {
  int gidx0 = gid.x; /* 2 */
  int gidx1 = gid.y; /* 2 */
  int lidx0 = lid.x; /* 32 */
  int alu0 = ((lidx0>>4)&1);
  int alu1 = ((lidx0>>1)&3);
  int alu2 = (((lidx0>>3)&1)<<2);
  int alu3 = ((lidx0&1)<<1);
  int alu4 = ((alu0<<2)+alu1);
  int alu5 = (alu2+alu3);
  float2 acc0 = float2(0.0f,0.0f);
  for (int Ridx0 = 0; Ridx0 < 2; Ridx0++) {
    half2 val0 = *((device half2*)((data1_256+((((gidx1<<7)+(alu4<<4))+(Ridx0<<3))+alu5))));
    half val1 = (*(data2_256+(((((Ridx0<<7)+(alu4<<4))+(gidx0<<3))+alu5))));
    half val2 = (*(data2_256+((((((Ridx0<<7)+(alu4<<4))+(gidx0<<3))+alu5)+1))));
    float2 wmma0 = __TILE_8_8_8_half_float(half2(val0.x,val0.y), half2(val1,val2), acc0);
    acc0 = wmma0;
  }
  *((device float2*)((data0_256+((((gidx1<<7)+(alu4<<4))+(gidx0<<3))+alu5)))) = float2(acc0.x,acc0.y);
}
kernel void r_4_16_3_5(device float* data0, const device half* data1, device int* data2, device bool* data3, constant int& start_pos, uint3 gid [[threadgroup_position_in_grid]], uint3 lid [[thread_position_in_threadgroup]]) {
  threadgroup __attribute__((aligned(16))) float temp0[16];
  int gidx0 = gid.x; /* 4 */
  int lidx0 = lid.x; /* 16 */
  float acc0[1];
  float acc1 = -INFINITY;
  *(acc0+0) = 0.0f;
  for (int ridx0 = 0; ridx0 < 3; ridx0++) {
    for (int ridx1 = 0; ridx1 < 5; ridx1++) {
      bool alu0 = ((((lidx0*3)+ridx0)<(start_pos+40))&((gidx0+ridx1)<7)&((((ridx1!=4)))!=1));
      half val0 = (alu0?*(data1+((gidx0*240)+((lidx0*15)+((ridx0*5)+ridx1)))):((half)(0.0f)));
      int val1 = (alu0?(*(data2+((gidx0*240)+((lidx0*15)+((ridx0*5)+ridx1))))):0);
      float alu1 = (((float)(val0))*((float)(val1)));
      *(acc0+0) = ((*(acc0+0))+((alu1<0.0f)?(alu1*-0.5f):alu1));
      acc1 = ((acc1<alu1)?alu1:acc1);
    }
  }
  *(temp0+lidx0) = (*(acc0+0));
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (((bool)(lidx0))!=1) {
    float acc2 = 0.0f;
    for (int ridx2 = 0; ridx2 < 16; ridx2++) {
      acc2 = (acc2+(*(temp0+ridx2)));
    }
    *(data0+gidx0) = (acc2*(1/((float)((((start_pos+40)*5)+((int)(((bool)(gidx0)))))))));
  }
  *(data3+((gidx0<<4)+lidx0)) = (((acc1!=acc1)!=1)&(acc1>0.0f));
}
kernel void E_2_8_4(device uchar* data0, device float* data1, device unsigned char* data2, device ulong* data3, device signed char* data4, device bfloat* data5, uint3 gid [[threadgroup_position_in_grid]], uint3 lid [[thread_position_in_threadgroup]]) {
  int gidx0 = gid.x; int lidx0 = lid.x;
  int alu0 = ((gidx0<<5)+(lidx0<<2));
  float4 val0 = *((device float4*)((data1+alu0)));
  uchar4 val1 = *((device uchar4*)((data2+alu0)));
  bfloat val2 = *(data5+alu0);
  unsigned int alu1 = ((((unsigned int)(val1.x))<<24u)|(((unsigned int)(val1.y))<<16u)|(((unsigned int)(val1.z))<<8u)|((unsigned int)(val1.w)));
  float4 alu2 = float4(sin(val0.x),exp2((val0.y*1.4426950408889634f)),log2(val0.z),sqrt(val0.w));
  float alu3 = precise::sin((val0.x*as_type<float>(1065353216u)));
  ulong alu4 = (((ulong)(alu1)*(ulong)(2654435769u))>>32u);
  uint2 cast0 = as_type<uint2>(alu4);
  *((device uchar4*)((data0+alu0))) = uchar4(((unsigned char)(alu2.x*100.0f)),((unsigned char)((int)(alu2.y))),((unsigned char)((alu2.z<0.0f)?0.0f:alu2.z)),((unsigned char)alu2.w));
  *(data3+((gidx0<<3)+lidx0)) = (alu4^((ulong)(cast0.x)<<33u));
  *(data4+((gidx0<<3)+lidx0)) = ((signed char)((((int)(alu3*1e2f))%7)-(signed char)(3)));
  *(data5+alu0) = ((bfloat)(((float)(val2)*2.0f)));
}
