// What the book calls out of scope.
#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

const Refusal kRefusals[] = {
    {"textures as parameters", "kernel void k(texture2d<float> img [[texture(0)]], device int* o) {}",
     "outside anymetal's compute subset"},
    {"depth textures", "kernel void k(depth2d<float> img [[texture(0)]], device int* o) {}",
     "outside anymetal's compute subset"},
    {"texture buffers", "kernel void k(texture_buffer<float> img [[texture(0)]], device int* o) {}",
     "outside anymetal's compute subset"},
    {"samplers as parameters", "kernel void k(sampler s [[sampler(0)]], device int* o) {}", "not supported"},
    {"texture functions in kernels",
     "struct A { texture2d<float> t [[id(0)]]; }; kernel void k(constant A& a, device float4* o) { o[0] = a.t.read(uint2(0)); }",
     "'read' is not supported: textures are outside anymetal's compute subset"},
    {"arrays of textures as parameters", "kernel void k(array<texture2d<half>, 4> t [[texture(0)]], device int* o) {}",
     "outside anymetal's compute subset"},
    {"vectors at any address of a packed structure",
     "struct __attribute__((packed)) S { char a; float4 v; }; kernel void k(device S* s) { s->a = 1; }", "cannot lie at any address"},
    {"stage-in", "struct V { float x [[attribute(0)]]; }; kernel void k(V v [[stage_in]], device int* o) {}",
     "stage_in"},
    {"vertex inputs of kernels", "kernel void k(device int* o, uint v [[vertex_id]]) {}", "vertex_id"},
    {"grid_origin and grid_size", "kernel void k(device int* o, uint2 v [[grid_origin]]) {}", "not supported"},
    {"vertex functions as entries", "vertex float4 k(device float4* p) { return p[0]; }", "only kernels are supported"},
    {"fragment functions as entries", "fragment float4 k() { return 0; }", "only kernels are supported"},
    {"visible functions as entries", "[[visible]] float k(float x) { return x; }", "only kernels are supported"},
    {"tensors bound by the host",
     "#include <metal_tensor>\nkernel void k(tensor<device half, dextents<int, 2>, tensor_handle> a [[buffer(0)]], "
     "device int* o) {}",
     "not supported"},
    {"imageblocks", "kernel void k(imageblock<float> b, device int* o) {}", "not supported"},
    {"acceleration structures", "kernel void k(acceleration_structure<> a [[buffer(1)]], device int* o) {}",
     "not supported"},
    {"visible function tables", "kernel void k(visible_function_table<int> a [[buffer(1)]], device int* o) {}",
     "not supported"},
    {"intersection function tables", "kernel void k(intersection_function_table<> a [[buffer(1)]], device int* o) {}",
     "not supported"},
    {"indirect command buffers", "kernel void k(command_buffer a [[buffer(1)]], device int* o) {}", "not supported"},
    {"built-in variables at program scope", "uint2 g [[thread_position_in_grid]]; kernel void k(device uint* o) { o[0] = g.x; }",
     "built-in variables at program scope are not supported"},
    {"calls of a function that is chosen at run time",
     "int a(int x) { return x; } int b(int x) { return -x; } int call(int (*p)(int)) { return p(1); } kernel void k(device int* o) { o[0] = "
     "call(o[1] > 0 ? a : b); }",
     "a pointer to a function that is not known before it runs"},
    {"variables that are pointers to functions", "kernel void k(device int* o) { int (*p)(int) = nullptr; o[0] = p(1); }", "not supported"},
    {"pointers to functions that point to none", "int call(int (*p)(int)) { return p(1); } kernel void k(device int* o) { o[0] = call(nullptr); }",
     "pointers to functions are not supported"},
    {"recursion that is no tail call",
     "int h(int n) { return n < 2 ? n : h(n - 1) + h(n - 2); } kernel void k(device int* o) { o[0] = h(o[0]); }",
     "recursion"},
    {"the address of a vector component",
     "kernel void k(device float4* o) { float4 v = o[0]; thread float* p = &v.x; o[0] = *p; }",
     "the address of a vector component cannot be taken"},
    {"convolution2d",
     "#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>\nusing namespace mpp::tensor_ops; kernel void k(device int* o) { constexpr auto d = "
     "convolution2d_descriptor(int4(8), int4(8), int2(3)); convolution2d<d, execution_simdgroup> c; }",
     "'convolution2d' is not supported: it is outside anymetal's compute subset"},
    {"arguments in structures", "struct A { device int* o [[buffer(0)]]; }; kernel void k(A a) { a.o[0] = 1; }", "arguments in a structure, here 'A', are not supported"},
};

}  // namespace

std::span<const Refusal> refusals() { return kRefusals; }

}  // namespace msl_conformance
