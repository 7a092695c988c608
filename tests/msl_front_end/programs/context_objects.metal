// As translators from a language with generics write: a context object of pointers, counted names, conversions spelled out.
#include <metal_stdlib>
#include <metal_math>
#include <metal_texture>
using namespace metal;

struct Material_packed_0
{
    packed_float3 albedo_0;
    float roughness_0;
    uint kind_0;
};

struct Columns_float3x3_0
{
    array<packed_float3, int(3)> data_0;
};

struct Params_packed_0
{
    Columns_float3x3_0 frame_0;
    uint count_0;
    array<float, int(4)> weights_0;
};

struct Tuple_0
{
    float value0_0;
    uint value1_0;
};

struct KernelContext_0
{
    Params_packed_0 constant* params_0;
    Material_packed_0 device* materials_0;
    float device* result_0;
    threadgroup array<float, int(32)>* scratch_0;
    threadgroup array<array<uint, int(2)>, int(8)> * keys_0;
};

static const constant array<float, int(4)> table_0 = { 1.0f, 0.5f, 0.25f, 0.125f };

matrix<float,int(3),int(3)>  columns_of_0(Columns_float3x3_0 _S1)
{
    return matrix<float,int(3),int(3)> (float3(_S1.data_0[int(0)]), float3(_S1.data_0[int(1)]), float3(_S1.data_0[int(2)]));
}

struct Lambert_0
{
    float3 albedo_1;
};

Lambert_0 Lambert_init_0(float3 a_0)
{
    thread Lambert_0 _S2;
    (&_S2)->albedo_1 = a_0;
    return _S2;
}

float3 Lambert_eval_0(const Lambert_0 thread* this_0, float3 wi_0)
{
    return this_0->albedo_1 * float3(max(wi_0.z, 0.0f)) ;
}

Tuple_0 reduce_0(threadgroup array<float, int(32)>* values_0, uint lane_0)
{
    uint stride_0 = 16U;
    for(;;)
    {
        if(stride_0 > 0U)
        {
        }
        else
        {
            break;
        }
        if(lane_0 < stride_0)
        {
            (*values_0)[lane_0] = (*values_0)[lane_0] + (*values_0)[lane_0 + stride_0];
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        stride_0 = stride_0 / 2U;
    }
    thread Tuple_0 t_0;
    (&t_0)->value0_0 = (*values_0)[int(0)];
    (&t_0)->value1_0 = stride_0;
    return t_0;
}

float fold_0(array<float, int(4)> xs_0, KernelContext_0 thread* kernelContext_0)
{
    array<float, int(4)> ys_0 = xs_0;
    thread array<float, int(4)> * _S3 = &ys_0;
    (*_S3)[int(1)] = (*_S3)[int(1)] * kernelContext_0->params_0->weights_0[int(1)];
    int i_0 = int(0);
    float sum_0 = 0.0f;
    for(;;)
    {
        if(!(i_0 < int(4)))
        {
            break;
        }
        sum_0 = sum_0 + ys_0[i_0] * table_0[i_0];
        i_0 = i_0 + int(1);
    }
    return sum_0;
}

[[kernel]] void computeMain(uint3 tid_0 [[thread_position_in_grid]], uint3 gtid_0 [[thread_position_in_threadgroup]], Params_packed_0 constant* params_1 [[buffer(0)]], Material_packed_0 device* materials_1 [[buffer(1)]], float device* result_1 [[buffer(2)]])
{
    threadgroup array<float, int(32)> scratch_1;
    threadgroup array<array<uint, int(2)>, int(8)> keys_1;
    thread KernelContext_0 kernelContext_1;
    (&kernelContext_1)->params_0 = params_1;
    (&kernelContext_1)->materials_0 = materials_1;
    (&kernelContext_1)->result_0 = result_1;
    (&kernelContext_1)->scratch_0 = &scratch_1;
    (&kernelContext_1)->keys_0 = &keys_1;
    uint _S4 = gtid_0.x;
    Material_packed_0 device* _S5 = (&kernelContext_1)->materials_0+tid_0.x % (&kernelContext_1)->params_0->count_0;
    Lambert_0 bsdf_0 = Lambert_init_0(float3(_S5->albedo_0));
    float3 n_0 = ((columns_of_0((&kernelContext_1)->params_0->frame_0)) * (float3(float(tid_0.x), 1.0f, 2.0f)));
    float3 e_0 = Lambert_eval_0(&bsdf_0, n_0);
    array<float, int(4)> _S6 = { e_0.x, e_0.y, e_0.z, _S5->roughness_0 };
    (*(&kernelContext_1)->scratch_0)[_S4] = fold_0(_S6, &kernelContext_1);
    (*((&kernelContext_1)->keys_0))[_S4 / 4U][_S4 & 1U] = _S5->kind_0;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    Tuple_0 r_0 = reduce_0((&kernelContext_1)->scratch_0, _S4);
    bool _S7;
    if(_S4 == 0U)
    {
        _S7 = r_0.value1_0 == 0U;
    }
    else
    {
        _S7 = false;
    }
    float device* _S8 = (&kernelContext_1)->result_0+tid_0.x;
    *_S8 = _S7 ? r_0.value0_0 : as_type<float>(as_type<uint>(float((*(&kernelContext_1)->keys_0)[_S4 / 4U][0U])));
    return;
}
