// A renderer's file: shared structs, vertex and fragment functions with textures, compute passes beside them.
#include <metal_stdlib>
#include <simd/simd.h>
using namespace metal;

#ifdef __METAL_VERSION__
#define NS_ENUM(_type, _name) enum _name : _type _name; enum _name : _type
typedef metal::int32_t EnumBackingType;
#else
#import <Foundation/Foundation.h>
typedef NSInteger EnumBackingType;
#endif

typedef NS_ENUM(EnumBackingType, BufferIndex) { BufferIndexVertices = 0, BufferIndexUniforms = 1, BufferIndexParticles = 2 };
typedef NS_ENUM(EnumBackingType, TextureIndex) { TextureIndexColor = 0, TextureIndexShadow };

typedef struct {
  matrix_float4x4 projection;
  matrix_float4x4 view;
  vector_float3 gravity;
  float elapsed;
  uint particleCount;
} Uniforms;

typedef struct {
  float3 position [[attribute(0)]];
  half2 uv [[attribute(1)]];
} VertexIn;

struct Particle { packed_float3 position; float life; packed_float3 velocity; half size; uchar4 color; };

struct RasterizerData {
  float4 position [[position, invariant]];
  float2 uv [[center_perspective]];
  float pointSize [[point_size]];
  half4 tint [[flat]];
  float3 world [[user(world_position)]];
  float clip [[clip_distance]] [2];
};
struct FragmentOut { half4 color [[color(0), raster_order_group(0)]]; uint id [[color(1)]]; float depth [[depth(less)]]; };

constant bool kHasTexture [[function_constant(2)]];
constant bool kFog = is_function_constant_defined(kHasTexture) && kHasTexture;
constexpr sampler kLinear(mip_filter::linear, mag_filter::linear, min_filter::linear, s_address::repeat, t_address::mirrored_repeat, lod_clamp(0, 4), max_anisotropy(8));
constant constexpr sampler kShadow(coord::normalized, filter::linear, address::clamp_to_edge, compare_func::less);

static half3 sample_albedo(texture2d<half> map, sampler s, float2 uv, half3 base) { return is_null_texture(map) ? base : map.sample(s, uv, bias(0.5)).rgb * base; }
template <typename T> static T shadow_factor(depth2d<T> map, float3 p) {
  T sum = 0;
  for (int y = -1; y <= 1; y++)
    for (int x = -1; x <= 1; x++) sum += map.sample_compare(kShadow, p.xy, p.z, int2(x, y));
  return sum / 9;
}

vertex RasterizerData particleVertex(uint vid [[vertex_id]], uint iid [[instance_id]], ushort amp [[amplification_id]], constant Uniforms& u [[buffer(BufferIndexUniforms)]], const device Particle* particles [[buffer(BufferIndexParticles)]]) {
  RasterizerData out;
  out.position = u.projection * u.view * float4(float3(particles[iid].position), 1.0);
  out.pointSize = particles[iid].size;
  out.tint = half4(particles[iid].color) / 255.0h;
  return out;
}
vertex RasterizerData meshVertex(VertexIn in [[stage_in]], constant Uniforms& u [[buffer(BufferIndexUniforms)]]) {
  RasterizerData out = {};
  out.position = u.projection * u.view * float4(in.position, 1);
  out.uv = float2(in.uv);
  return out;
}
[[early_fragment_tests]]
fragment FragmentOut meshFragment(RasterizerData in [[stage_in]], bool front [[front_facing]], float2 coord [[point_coord]], uint sample_index [[sample_id]],
                                  texture2d<half> albedo [[texture(TextureIndexColor), function_constant(kHasTexture)]], depth2d<float> shadow [[texture(TextureIndexShadow)]],
                                  array<texture2d<float, access::sample>, 4> layers [[texture(2)]], texture2d_array<float> slices [[texture(6)]], texturecube<float> sky [[texture(7)]],
                                  texture2d<uint, access::read_write> counters [[texture(8)]], sampler user [[sampler(0)]]) {
  FragmentOut out;
  out.color.rgb = sample_albedo(albedo, user, in.uv, in.tint.rgb) * half(shadow_factor(shadow, in.world));
  for (uint i = 0; i < 4; ++i) out.color += half4(layers[i].sample(kLinear, in.uv, gradient2d(dfdx(in.uv), dfdy(in.uv))));
  out.color += half4(slices.sample(kLinear, in.uv, 1, level(0)) + sky.sample(kLinear, in.world, min_lod_clamp(2)));
  counters.write(counters.read(ushort2(in.position.xy)) + 1, uint2(in.position.xy));
  if (out.color.a < 0.5h || fwidth(in.uv.x) > 1) discard_fragment();
  out.depth = in.position.z * float(albedo.get_width(0)) / max(1u, albedo.get_num_mip_levels());
  return out;
}
[[patch(triangle, 3)]] vertex float4 tessellated(float3 bary [[position_in_patch]], patch_control_point<VertexIn> points [[stage_in]]) { return float4(bary, 1) + float4(points[0].position, 0); }

kernel void advance(device Particle* particles [[buffer(BufferIndexParticles)]], constant Uniforms& u [[buffer(BufferIndexUniforms)]], uint i [[thread_position_in_grid]]) {
  if (i >= u.particleCount) return;
  device Particle& p = particles[i];
  p.velocity += u.gravity * u.elapsed;
  p.position += p.velocity * u.elapsed;
  p.life = max(p.life - u.elapsed, 0.0f);
  p.color.a = uchar(p.life * 255);
  if (kFog) p.color.rgb = p.color.bgr;
}

kernel void cull(const device Particle* particles [[buffer(0)]], constant Uniforms& u [[buffer(1)]], device atomic_uint& drawn [[buffer(2)]], device uint* list [[buffer(3)]], uint i [[thread_position_in_grid]]) {
  if (i >= u.particleCount) return;
  const float4 clip = u.projection * (u.view * float4(float3(particles[i].position), 1));
  if (all(abs(clip.xyz) <= clip.w) && particles[i].life > 0) list[atomic_fetch_add_explicit(&drawn, 1, memory_order_relaxed)] = i;
}
