// Sizes derived from function constants, as translators from SPIR-V write them, and names as hashes of text.
#include <metal_stdlib>
#include <simd/simd.h>
using namespace metal;
#define kernel compute
#undef kernel
#undef constant

constant uint given [[function_constant(0)]];
constant uint width = is_function_constant_defined(given) ? given : 16u;
constant uint3 gl_WorkGroupSize [[maybe_unused]] = uint3(width, 1u, 2u);
constant float3 weights = float3(gl_WorkGroupSize.zyx) * 0.5f;

struct Values { float _m0[1]; };
kernel void main0(device Values& out [[buffer(0)]], uint3 gl_GlobalInvocationID [[thread_position_in_grid]]) {
  out._m0[gl_GlobalInvocationID.x] = float(gl_GlobalInvocationID.x % gl_WorkGroupSize.x) + weights.z * 100.0f + weights.x;
}

constexpr uint hash_of(constant char* text) {
  uint hash = 2166136261u;
  for (; *text != '\0'; ++text) hash = (hash ^ uint(*text)) * 16777619u;
  return hash;
}
constexpr constant char* words[] = {"relu", "gelu", "silu"};
struct Name { constant char* text; int code; };
constant Name names[] = {{"one", 1}, {"three", 3}};
constant char letters[2][4] = {"abc", "xyz"};
static_assert(hash_of("relu") == hash_of(words[0]) && hash_of("relu") != hash_of(words[1]), "");
template <uint hash> struct Activation { static float of(float x) { return x; } };
template <> struct Activation<hash_of("relu")> { static float of(float x) { return max(x, 0.0f); } };

kernel void hashes(device uint* out [[buffer(0)]]) {
  out[0] = hash_of(words[2]);
  out[1] = uint(Activation<hash_of("relu")>::of(-3.0f)) + uint(Activation<hash_of("none")>::of(4.0f));
  out[2] = uint(names[1].text[4]) + names[1].code;
  out[3] = uint(letters[1][2]);
}
