// In the manner of a translator from SPIR-V: how far patches are divided, and matrices in storage that says no layout.
#pragma clang diagnostic ignored "-Wmissing-prototypes"

#include <metal_stdlib>
#include <simd/simd.h>

using namespace metal;

template<typename T, int Cols, int Rows=Cols>
struct storage_matrix
{
    vec<T, Rows> columns[Cols];

    storage_matrix() thread = default;
    thread storage_matrix& operator=(initializer_list<vec<T, Rows>> cols) thread
    {
        int i = 0;
        for (thread const vec<T, Rows>& col : cols)
            columns[i++] = col;
        return *this;
    }
    storage_matrix(const device matrix<T, Cols, Rows>& m) thread
    {
        for (int i = 0; i < Cols; ++i)
            columns[i] = m.columns[i];
    }
    device storage_matrix& operator=(const thread matrix<T, Cols, Rows>& m) device
    {
        for (int i = 0; i < Cols; ++i)
            columns[i] = m.columns[i];
        return *this;
    }
    operator matrix<T, Cols, Rows>() const device
    {
        matrix<T, Cols, Rows> m;
        for (int i = 0; i < Cols; ++i)
            m.columns[i] = columns[i];
        return m;
    }
};

struct Corner { float4 position; };
struct Turn { storage_matrix<float, 2> m; };

static inline __attribute__((always_inline))
float extent(device Corner* (&corners)[2], constant uint* counts, thread const uint index)
{
    return distance(corners[0][index % counts[0]].position, corners[1][index % counts[1]].position);
}

kernel void main0(device MTLQuadTessellationFactorsHalf* factors [[buffer(0)]], device Corner* corners_0 [[buffer(1)]], device Corner* corners_1 [[buffer(2)]], constant uint* counts [[buffer(3)]], device Turn& turn [[buffer(4)]], uint gl_InvocationID [[thread_index_in_threadgroup]], uint gl_PrimitiveID [[threadgroup_position_in_grid]])
{
    #pragma clang fp contract(off)
    threadgroup float far[4];
    device Corner* corners[] = { corners_0, corners_1 };
    far[gl_InvocationID] = extent(corners, counts, gl_PrimitiveID * 4 + gl_InvocationID);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (gl_InvocationID == 0)
    {
        float2 inside = float2x2(turn.m) * float2(far[0] + far[2], far[1] + far[3]);
        for (int i = 0; i < 4; i++)
            factors[gl_PrimitiveID].edgeTessellationFactor[i] = half(far[i]);
        factors[gl_PrimitiveID].insideTessellationFactor[0] = half(inside.x);
        factors[gl_PrimitiveID].insideTessellationFactor[1] = half(inside.y);
    }
}
