#pragma once
// Types outside the compute subset, opaque, so that a file that mentions them parses; kernels that take one are refused
// by the front end.
#pragma clang system_header
#include "vec.h"

// What textures are sampled with. In `metal` in files that speak of textures alone (clang_invocation.cpp): others have variables of
// these names.
namespace __msl_sampling {

enum class component { x, y, z, w };
struct level {
  explicit level(float);
};
struct bias {
  explicit bias(float);
};
struct min_lod_clamp {
  explicit min_lod_clamp(float);
};
struct gradient2d {
  gradient2d(float2, float2);
};
struct gradient3d {
  gradient3d(float3, float3);
};
struct gradientcube {
  gradientcube(float3, float3);
};

}  // namespace __msl_sampling

namespace metal {

enum class access { sample, read, write, read_write };

template <class T>
struct sparse_color {
  bool resident() const;
  T value() const;
};

}  // namespace metal

namespace __msl {

// The members are declared, so that what a graphics function calls parses, and not defined: a kernel that reaches one
// is refused. `Texel` is what the texture holds, `Sample` what one access gives.
template <class Texel, class Sample>
struct texture {
  ulong __handle;
  template <class... A>
  Sample sample(A...) const;
  template <class... A>
  Sample read(A...) const;
  template <class... A>
  Texel sample_compare(A...) const;
  template <class... A>
  metal::vec<Texel, 4> gather(A...) const;
  template <class... A>
  metal::vec<Texel, 4> gather_compare(A...) const;
  template <class... A>
  metal::sparse_color<Sample> sparse_sample(A...) const;
  template <class... A>
  metal::sparse_color<Sample> sparse_read(A...) const;
  template <class... A>
  void write(A...) const;
  void fence() const;
  uint get_width(uint level = 0) const;
  uint get_height(uint level = 0) const;
  uint get_depth(uint level = 0) const;
  uint get_array_size() const;
  uint get_num_mip_levels() const;
  uint get_num_samples() const;
  template <class... A>
  float calculate_clamped_lod(A...) const;
  template <class... A>
  float calculate_unclamped_lod(A...) const;
  template <class... A>
  Sample atomic_load(A...) const;
  template <class... A>
  void atomic_store(A...) const;
  template <class... A>
  Sample atomic_exchange(A...) const;
  template <class... A>
  bool atomic_compare_exchange_weak(A...) const;
  template <class... A>
  Sample atomic_fetch_add(A...) const;
  template <class... A>
  Sample atomic_fetch_sub(A...) const;
  template <class... A>
  Sample atomic_fetch_min(A...) const;
  template <class... A>
  Sample atomic_fetch_max(A...) const;
  template <class... A>
  Sample atomic_fetch_and(A...) const;
  template <class... A>
  Sample atomic_fetch_or(A...) const;
  template <class... A>
  Sample atomic_fetch_xor(A...) const;
};

}  // namespace __msl

namespace metal {

#define __MSL_TEXTURE(name, Sample)             \
  template <class T, access a = access::sample> \
  struct name : __msl::texture<T, Sample> {};
#define __MSL_FOUR vec<T, 4>
__MSL_TEXTURE(texture1d, __MSL_FOUR)
__MSL_TEXTURE(texture1d_array, __MSL_FOUR)
__MSL_TEXTURE(texture2d, __MSL_FOUR)
__MSL_TEXTURE(texture2d_array, __MSL_FOUR)
__MSL_TEXTURE(texture2d_ms, __MSL_FOUR)
__MSL_TEXTURE(texture2d_ms_array, __MSL_FOUR)
__MSL_TEXTURE(texture3d, __MSL_FOUR)
__MSL_TEXTURE(texturecube, __MSL_FOUR)
__MSL_TEXTURE(texturecube_array, __MSL_FOUR)
__MSL_TEXTURE(texture_buffer, __MSL_FOUR)
__MSL_TEXTURE(depth2d, T)
__MSL_TEXTURE(depth2d_array, T)
__MSL_TEXTURE(depth2d_ms, T)
__MSL_TEXTURE(depth2d_ms_array, T)
__MSL_TEXTURE(depthcube, T)
__MSL_TEXTURE(depthcube_array, T)
#undef __MSL_TEXTURE
#undef __MSL_FOUR

template <class T>
bool is_null_texture(const T&);

// Tables, structures of ray tracing, mesh and tile shading: handles.
#define __MSL_HANDLE(name) \
  template <class... A>    \
  struct name {            \
    ulong __handle;        \
  };
__MSL_HANDLE(imageblock)
__MSL_HANDLE(acceleration_structure)
__MSL_HANDLE(visible_function_table)
__MSL_HANDLE(intersection_function_table)
#undef __MSL_HANDLE
template <class V, class P, auto... limits>
struct mesh {
  ulong __handle;
};
template <class T>
struct patch_control_point {
  ulong __handle;
};
struct command_buffer {
  ulong __handle;
};
struct mesh_grid_properties {
  void set_threadgroups_per_grid(uint3) const;
};
enum class topology { point, line, triangle };

enum class coord { normalized, pixel };
enum class address { clamp_to_zero, clamp_to_edge, repeat, mirrored_repeat, clamp_to_border };
enum class filter { nearest, linear };
enum class mag_filter { nearest, linear };
enum class min_filter { nearest, linear };
enum class mip_filter { none, nearest, linear };
enum class compare_func { never, less, less_equal, greater, greater_equal, equal, not_equal, always };
enum class s_address { clamp_to_zero, clamp_to_edge, repeat, mirrored_repeat, clamp_to_border };
enum class t_address { clamp_to_zero, clamp_to_edge, repeat, mirrored_repeat, clamp_to_border };
enum class r_address { clamp_to_zero, clamp_to_edge, repeat, mirrored_repeat, clamp_to_border };
enum class border_color { transparent_black, opaque_black, opaque_white };
enum class reduction { weighted_average, minimum, maximum };
struct max_anisotropy {
  constexpr explicit max_anisotropy(int) {}
};
struct lod_clamp {
  constexpr lod_clamp(float, float) {}
};

// `constexpr sampler s(coord::normalized, ...)` at program scope is legal and unused.
struct sampler {
  template <class... A>
  constexpr sampler(A...) {}
};

// Of fragment functions, which parse and are no entries.
template <class T>
T dfdx(T);
template <class T>
T dfdy(T);
template <class T>
T fwidth(T);
void discard_fragment();

namespace raytracing {
struct triangle_data;
struct curve_data;
struct instancing;
struct world_space_data;
struct primitive_motion;
struct instance_motion;
template <class... A>
struct intersector;
template <class... A>
struct intersection_query;
struct ray {
  float3 origin, direction;
  float min_distance, max_distance;
  __MSL_MEMBER constexpr ray(float3 o = 0.0f, float3 d = 0.0f, float min = 0.0f, float max = __builtin_huge_valf())
      : origin(o), direction(d), min_distance(min), max_distance(max) {}
};
using primitive_acceleration_structure = acceleration_structure<>;
using instance_acceleration_structure = acceleration_structure<instancing>;
using metal::acceleration_structure;
using metal::intersection_function_table;
}  // namespace raytracing

}  // namespace metal
