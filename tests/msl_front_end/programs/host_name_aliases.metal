// One-file library: macros, block structs, host names through template aliases
#include <metal_stdlib>
using namespace metal;
#pragma METAL fp contract(fast)
#define MIN2(x, y) ((x) < (y) ? (x) : (y))
#define SWAP2(x, y) { auto tmp = (x); (x) = (y); (y) = tmp; }
#define UNROLL _Pragma("clang loop unroll(full)")
#define QK 32
typedef struct { half d; uchar qs[QK / 2]; } block_a;
typedef struct { union { struct { half d; half m; }; half2 dm; }; uchar qs[QK / 2]; } block_b;
static_assert(sizeof(block_a) == sizeof(half) + QK / 2, "wrong block size");
static_assert(sizeof(block_b) == 2 * sizeof(half) + QK / 2, "wrong block size");
enum order_t { ORDER_ASC, ORDER_DESC };
typedef struct { int32_t ne00; int32_t ne01; uint64_t nb01; float bounds[2]; } args_rows;

template <typename T4x4>
void unpack_a(device const block_a* xb, short il, thread T4x4& reg) {
    device const uint16_t* qs = (device const uint16_t*)xb->qs;
    const float d1 = il ? (xb->d / 16.h) : xb->d;
    const float d2 = d1 / 256.f;
    const float md = -8.h * xb->d;
    const ushort mask0 = il ? 0x00F0 : 0x000F;
    const ushort mask1 = mask0 << 8;
    float4x4 reg_f;
    for (int i = 0; i < 8; i++) {
        reg_f[i / 2][2 * (i % 2) + 0] = d1 * (qs[i] & mask0) + md;
        reg_f[i / 2][2 * (i % 2) + 1] = d2 * (qs[i] & mask1) + md;
    }
    reg = (T4x4)reg_f;
}
template <typename T4x4>
void unpack_b(device const block_b* xb, short il, thread T4x4& reg) {
    float4x4 reg_f;
    for (int i = 0; i < 16; i++) reg_f[i / 4][i % 4] = xb->dm[0] * ((xb->qs[i] >> (4 * il)) & 0xF) + xb->dm[1];
    reg = (T4x4)reg_f;
}
template <typename block_q, short nl, void (*unpack)(device const block_q*, short, thread float4x4&)>
kernel void kernel_unpack_rows(constant args_rows& args [[buffer(0)]], device const char* src [[buffer(1)]], device char* dst [[buffer(2)]],
                               uint3 tgpig [[threadgroup_position_in_grid]], ushort3 tpitg [[thread_position_in_threadgroup]], ushort3 ntg [[threads_per_threadgroup]]) {
    const int64_t r = tgpig.x;
    for (int64_t ind = tpitg.x; ind < args.ne00 / 16; ind += ntg.x) {
        float4x4 temp;
        unpack(((device const block_q*)((const device char*)src + r * args.nb01)) + ind / nl, ind % nl, temp);
        *(((device float4x4*)((device char*)dst + r * args.ne00 * sizeof(float))) + ind) = temp;
    }
}
typedef decltype(kernel_unpack_rows<block_a, 2, unpack_a<float4x4>>) unpack_rows_t;
template [[host_name("unpack_rows_a")]] kernel unpack_rows_t kernel_unpack_rows<block_a, 2, unpack_a>;
template [[host_name("unpack_rows_b")]] kernel unpack_rows_t kernel_unpack_rows<block_b, 2, unpack_b>;

template <order_t order>
kernel void kernel_argsort(constant int& ncols, device const float* x, device int32_t* dst, threadgroup int32_t* shared_values [[threadgroup(0)]],
                           uint3 tgpig [[threadgroup_position_in_grid]], uint3 tpitg [[thread_position_in_threadgroup]], uint3 ntg3 [[threads_per_threadgroup]]) {
    int col = tpitg[0]; int row = tgpig[1];
    const int pad = ntg3.x;
    device const float* x_row = x + row * ncols;
    threadgroup int32_t* dst_row = shared_values;
    dst_row[col] = col;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (int k = 2; k <= pad; k *= 2) {
        for (int j = k / 2; j > 0; j /= 2) {
            int ixj = col ^ j;
            if (ixj > col) {
                if ((col & k) == 0) {
                    if (dst_row[col] >= ncols || (dst_row[ixj] < ncols && (order == ORDER_ASC ? x_row[dst_row[col]] > x_row[dst_row[ixj]] : x_row[dst_row[col]] < x_row[dst_row[ixj]]))) {
                        SWAP2(dst_row[col], dst_row[ixj]);
                    }
                } else if (dst_row[ixj] >= ncols || (dst_row[col] < ncols && (order == ORDER_ASC ? x_row[dst_row[col]] < x_row[dst_row[ixj]] : x_row[dst_row[col]] > x_row[dst_row[ixj]]))) {
                    SWAP2(dst_row[col], dst_row[ixj]);
                }
            }
            threadgroup_barrier(mem_flags::mem_threadgroup);
        }
    }
    if (col < ncols) dst[row * ncols + col] = dst_row[col];
}
typedef decltype(kernel_argsort<ORDER_ASC>) argsort_t;
template [[host_name("argsort_asc")]] kernel argsort_t kernel_argsort<ORDER_ASC>;
template [[host_name("argsort_desc")]] kernel argsort_t kernel_argsort<ORDER_DESC>;
kernel void kernel_rope_mini(constant args_rows& args [[buffer(0)]], device const float2* x [[buffer(1)]], device float2* y [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (int(i) >= MIN2(args.ne00, args.ne01)) return;
    float c, s = sincos(float(i) * args.bounds[0], c);
    y[i] = float2(x[i].x * c - x[i].y * s, x[i].x * s + x[i].y * c);
}
