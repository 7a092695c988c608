// Section 3: kernels, instantiations, parameters, built-in inputs.
#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

const Feature kFeatures[] = {
    {"`[[kernel]]`, attributes after `template<...>`, limits that depend on template parameters",
     "template <typename T, int N> [[kernel, max_total_threads_per_threadgroup(N * 32)]] void scale(device int* o "
     "[[buffer(0)]], device const T* n [[buffer(1)]], uint i [[thread_position_in_grid]]) { o[i] = n[i] * T(N); "
     "}\ntemplate [[host_name(\"k\")]] [[kernel]] void scale<int, 4>(device int* o [[buffer(0)]], device const int* n "
     "[[buffer(1)]], uint i [[thread_position_in_grid]]);",
     "",
     {0, 4, 8, 12},
     4},
    {"instantiation by decltype, by typedef of it; names built by macros",
     "template <typename T, int N> kernel void f(device T* o [[buffer(0)]], constant T* n [[buffer(1)]], uint i "
     "[[thread_position_in_grid]]) { o[i] = n[i] + N; }\ntypedef decltype(f<int, 2>) f_t;\n#define "
     "instantiate_kernel(name, func, ...) template [[host_name(name)]] [[kernel]] decltype(func<__VA_ARGS__>) "
     "func<__VA_ARGS__>;\n#define instantiate(tname, T) instantiate_kernel(\"f_\" #tname \"_3\", f, T, "
     "3)\ninstantiate(i32, int) instantiate(f32, float)\ntemplate [[host_name(\"k\")]] kernel f_t f<int, 2>;",
     "",
     {2, 3},
     2},
    {"implicit buffer indices: the first free ones, explicit ones reserved first",
     "kernel void k(constant int* n [[buffer(1)]], device int* o, uint i [[thread_position_in_grid]]) { o[i] = n[3]; }",
     "",
     {3}},
    {"parameters by constant reference, `constant const`, arrays, structs with vectors",
     "struct p { int a, b; int2 c; }; kernel void k(device int& o [[buffer(0)]], constant const p& q [[buffer(1)]]) { "
     "o = q.a + q.b * 10 + q.c.y * 100; }",
     "",
     {310}},
    {"array parameters in constant, attributes on helper parameters",
     "int pick(constant const int s[3], ushort lane [[thread_index_in_simdgroup]]) { return s[lane]; } kernel void "
     "k(device int* o [[buffer(0)]], constant const int s[8] [[buffer(1)]]) { o[0] = pick(s, 2) + s[5]; }",
     "",
     {7}},
    {"buffer indices from macros, enums and constant expressions",
     "enum slots { out_slot, in_slot };\n#define BASE 0\nconstexpr constant int kIn = 1; kernel void k(device int* o "
     "[[buffer(BASE + out_slot)]], device const int* n [[buffer(kIn)]]) { o[0] = n[4]; }",
     "",
     {4}},
    {"byte pointers, `void` pointers, cast to block structs",
     "struct block { half d; uchar q[6]; }; kernel void k(device void* o [[buffer(0)]], device const char* n "
     "[[buffer(1)]]) { device const block* b = (device const block*)(n + 4); ((device int*)o)[0] = b->q[0] + b->q[2] * "
     "10 + as_type<ushort>(b->d); }",
     "",
     {21}},
    {"standard attributes before and behind Metal's, and in their lists; keywords that macros stand for between brackets",
     "#define KERNEL kernel\n[[KERNEL]] [[maybe_unused]] void k(device int* o [[buffer(0)]] [[maybe_unused]], [[maybe_unused]] device const int* n [[buffer(1)]], "
     "uint t [[maybe_unused, thread_position_in_grid]], ushort l [[thread_index_in_simdgroup]] [[maybe_unused]] [[deprecated]]) { o[t] = n[t] + 5; }",
     "",
     {5, 6},
     2},
    {"thread inputs: ushort and uint, one to three components, several of one kind",
     "kernel void k(device int* o [[buffer(0)]], uint3 g [[thread_position_in_grid]], ushort3 l "
     "[[thread_position_in_threadgroup]], ushort3 nt [[threads_per_threadgroup]], uint3 again "
     "[[thread_position_in_grid]], ushort lane [[thread_index_in_simdgroup]], ushort sg "
     "[[simdgroup_index_in_threadgroup]]) { o[g.x] = l.x * 1000 + again.x * 100 + nt.x * 10 + lane + sg; }",
     "",
     {40, 1141, 2242, 3343},
     4},
    {"every input attribute",
     "kernel void k(device int* o, uint a [[thread_position_in_grid]], uint b [[threads_per_grid]], uint c "
     "[[thread_position_in_threadgroup]], uint d [[threads_per_threadgroup]], uint e "
     "[[dispatch_threads_per_threadgroup]], uint f [[threadgroup_position_in_grid]], uint g [[threadgroups_per_grid]], "
     "uint h [[thread_index_in_threadgroup]], ushort i [[thread_index_in_simdgroup]], ushort j "
     "[[simdgroup_index_in_threadgroup]], ushort l [[simdgroups_per_threadgroup]], ushort m "
     "[[dispatch_simdgroups_per_threadgroup]], ushort p [[threads_per_simdgroup]], ushort q "
     "[[thread_execution_width]], ushort r [[thread_index_in_quadgroup]], ushort s [[quadgroup_index_in_threadgroup]], "
     "ushort u [[quadgroups_per_threadgroup]], ushort v [[dispatch_quadgroups_per_threadgroup]]) { if (a == 33) { o[0] "
     "= a + b + c + d + e; o[1] = f * 10 + g; o[2] = h; o[3] = i * 10 + j; o[4] = l * 10 + m; o[5] = p + q; o[6] = r * "
     "10 + s; o[7] = u * 10 + v; } }",
     "",
     {168, 1, 33, 11, 22, 64, 18, 99},
     34},
    {"typedefs and aliases of input types",
     "using id_t = vec<uint, 2>; typedef uint16_t lane_t; kernel void k(device int* o, id_t i "
     "[[thread_position_in_grid]], lane_t l [[thread_index_in_simdgroup]]) { o[i.x] = i.x * 10 + l; }",
     "",
     {0, 11, 22},
     3},
    {"kernels in namespaces, lambdas in kernels, early return",
     "namespace a { [[host_name(\"k\")]] kernel void inner(device int* o [[buffer(0)]], uint t "
     "[[thread_position_in_grid]]) { o[t] = 5; if (t == 1) return; auto f = [&](int x) { return x + int(t); }; o[t] = "
     "f(10); } }",
     "",
     {10, 5, 12},
     3},
    {"functions of other stages beside kernels: their attributes, samplers, derivatives",
     "struct v_in { float3 p [[attribute(0)]]; half4 c [[attribute(1)]]; }; struct v2f { float4 position [[position, "
     "invariant]]; float2 uv [[user(locn0)]]; half4 c [[flat]]; float clip [[clip_distance]] [2]; }; struct f_out { "
     "half4 c [[color(0), index(1)]]; float d [[depth(any)]]; uint s [[stencil]]; }; constexpr sampler "
     "smp(filter::linear, address::repeat, max_anisotropy(4), lod_clamp(0.0f, 4.0f), border_color::opaque_black); "
     "vertex v2f vmain(v_in in [[stage_in]], uint id [[vertex_id]], constant float4x4& m [[buffer(1)]]) { v2f r; "
     "r.position = m * float4(in.p, 1); r.uv = 0; r.c = in.c; r.clip[1] = id; return r; } [[early_fragment_tests]] "
     "fragment f_out fmain(v2f in [[stage_in]], bool front [[front_facing]], float2 at [[point_coord]]) { f_out f; f.c "
     "= in.c; f.d = dfdx(in.uv.x) + fwidth(at.y); f.s = 1; if (front) discard_fragment(); return f; } "
     "[[patch(triangle, 3)]] vertex float4 pmain(float3 p [[position_in_patch]]) { return float4(p, 1); } namespace rt "
     "{ using namespace metal::raytracing; }",
     "o[0] = n[6];",
     {6}},
    {"required_threads_per_threadgroup and user_annotation",
     "[[required_threads_per_threadgroup(2)]] [[user_annotation(\"note\")]] kernel void k(device int* o, uint t "
     "[[thread_position_in_grid]]) { o[t] = t + 1; }",
     "",
     {1, 2},
     2},
    {"hundreds of lines of one block format: unaligned fields, nibbles, scales",
     "#define QK 32\ntypedef struct { half d; uint8_t qs[QK / 2]; } block_q4; static_assert(sizeof(block_q4) == "
     "sizeof(half) + QK / 2, \"wrong size\"); template <typename type4x4> void dequantize(device const block_q4* xb, "
     "short il, thread type4x4& reg) { device const uint16_t* qs = ((device const uint16_t*)xb + 1); const float d1 = "
     "il ? (xb->d / 16.h) : xb->d; const float d2 = d1 / 256.f; const float md = -8.h * xb->d; const ushort mask0 = il "
     "? 0x00F0 : 0x000F; const ushort mask1 = mask0 << 8; float4x4 reg_f; for (int i = 0; i < 8; i++) { reg_f[i / 2][2 "
     "* (i % 2) + 0] = d1 * (qs[i] & mask0) + md; reg_f[i / 2][2 * (i % 2) + 1] = d2 * (qs[i] & mask1) + md; } reg = "
     "(type4x4)reg_f; }",
     "device block_q4* b = (device block_q4*)(o + 4); b->d = 2.0h; for (int i = 0; i < 16; ++i) b->qs[i] = uint8_t(i | "
     "(15 - i) << 4); float4x4 a; half4x4 c; dequantize(b, 0, a); dequantize(b, 1, c); o[0] = a[0][0]; o[1] = a[3][3]; "
     "o[2] = c[0][1]; o[3] = c[2][2]; for (int i = 4; i < 9; ++i) o[i] = 0;",
     {-16, 14, 12, -6, 0, 0, 0, 0, 0}},
    {"attributes with spaces between their brackets, and on explicit specialisations of kernel templates",
     "template <typename T> kernel void f(device T* o [ [buffer(0)] ]) { o[0] = 1; } template <> [[host_name(\"k\")]] kernel void f<int>(device int* o [[ buffer( 0 ) ] ]) { o[0] = 8; } "
     "template [[host_name(\"other\")]] kernel void f<float>(device float*);",
     "",
     {8}},
    {"graphics functions, textures and kernels that take textures beside kernels on buffers",
     "struct varyings { float4 at [[position]]; float2 uv; }; static float4 shade(texture2d<float> map, sampler s, float2 uv) { return "
     "map.sample(s, uv, level(0)) * map.get_width(); } vertex varyings v(uint i [[vertex_id]]) { varyings r; r.uv = i; return r; } "
     "fragment half4 f(varyings in [[stage_in]], texture2d<float> map [[texture(0)]], depth2d<float> d [[texture(1)]], sampler s "
     "[[sampler(0)]]) { if (no_such_name) discard_fragment(); return half4(shade(map, s, in.uv) + d.sample_compare(s, in.uv, 0.5f)); } "
     "kernel void copy(texture2d<float, access::read> from [[texture(0)]], texture2d<float, access::write> to [[texture(1)]], uint2 p "
     "[[thread_position_in_grid]]) { to.write(from.read(p), p); } struct bound { texture2d<half> map [[id(0)]]; array<sampler, 2> s "
     "[[id(1)]]; int value [[id(3)]]; }; static_assert(sizeof(texture2d<half>) == 8);",
     "bound b; b.value = n[3]; o[0] = b.value;",
     {3}},
    {"ray tracing, tables of functions and command buffers in helpers beside kernels on buffers",
     "#include <metal_raytracing>\nusing namespace metal::raytracing; static float trace(instance_acceleration_structure as, ray r) { "
     "intersector<triangle_data, instancing> i; i.assume_geometry_type(geometry_type::triangle); auto h = i.intersect(r, as, 0xff); return "
     "h.type == intersection_type::none ? -1.0f : h.distance; } static float call(visible_function_table<float(float)> t) { return t[0](1); } "
     "kernel void rays(instance_acceleration_structure as [[buffer(0)]], device float* o [[buffer(1)]]) { o[0] = trace(as, ray()); } "
     "[[intersection(triangle, triangle_data)]] bool hit(uint p [[primitive_id]], ray_data float& f [[payload]]) { return p > 3; }",
     "ray r(float3(n[3]), float3(0, 0, 1)); r.max_distance = n[4]; o[0] = r.origin.x + r.max_distance;",
     {7}},
    {"convolutions, tensors of the host, stage-in, imageblocks, pipelines in command buffers and inputs at program scope beside kernels without them",
     "#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>\nusing namespace mpp::tensor_ops; uint2 place [[thread_position_in_grid]]; kernel void placed(device "
     "uint* o) { o[0] = place.x; } kernel void convolve(device half* a, device half* w, device float* o) { constexpr auto d = convolution2d_descriptor(int4(32, 8, 8, 1), int4(16, "
     "8, 8, 1), int2(3), convolution2d_activation_layout::nhwc, convolution2d_weights_layout::hwio, int2(1), int2(1), 1, true, convolution2d_descriptor::mode::multiply); "
     "convolution2d<d, execution_simdgroups<4>> op; op.set_offsets(int2(0)); tensor<device half, dextents<int, 4>, tensor_inline> ta(a, dextents<int, 4>(16, 8, 8, 1)), tw(w, "
     "dextents<int, 4>(32, 16, 3, 3)); auto c = op.get_destination_cooperative_tensor<decltype(ta), decltype(tw), float>(); op.run(ta, tw, c); o[0] = c[0]; } static int rows("
     "tensor<device half, dextents<int, 2>> t) { return t.slice(1, 1).get_extent(1); } kernel void bound(tensor<device half, dextents<int, 2>> t [[buffer(0)]], device int* o) { o[0] = "
     "rows(t); } struct in { float x [[attribute(0)]]; }; kernel void staged(in v [[stage_in]], uint2 from [[grid_origin]], uint2 to [[grid_size]], device float* o) { o[0] = v.x; } "
     "struct pixel { half4 c [[color(0)]]; }; kernel void tiled(imageblock<pixel, imageblock_layout_implicit> b, ushort2 t [[thread_position_in_threadgroup]]) { b.write(b.read(t), t); "
     "} struct commands { command_buffer b [[id(0)]]; compute_pipeline_state p [[id(1)]]; }; constexpr sampler near(filter::nearest, lod_bias(1.0f), max_anisotropy(4));",
     "o[0] = n[4] + 5;",
     {9}},
};

}  // namespace

std::span<const Feature> kernels() { return kFeatures; }

}  // namespace msl_conformance
