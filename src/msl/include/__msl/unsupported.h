#pragma once
// Types outside the compute subset, opaque, so that a file that mentions them parses; kernels that take one are refused
// by the front end.
#pragma clang system_header
#include "vec.h"

// What textures are sampled with. In `metal` where a file speaks of textures alone (sampling_names.hpp): others have variables of
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
#define __MSL_HANDLE(name, members) \
  template <class... A>             \
  struct name {                     \
    ulong __handle;                 \
    members                         \
  };
__MSL_HANDLE(acceleration_structure, )
__MSL_HANDLE(intersection_function_table, template <class... B> void set_buffer(B...) const;)
#undef __MSL_HANDLE
struct imageblock_layout_implicit {};
struct imageblock_layout_explicit {};
template <class T, class Layout = imageblock_layout_implicit>
struct imageblock {
  ulong __handle;
  ushort get_width() const;
  ushort get_height() const;
  template <class... A>
  ushort get_num_colors(A...) const;
  template <class... A>
  ushort get_color_coverage_mask(A...) const;
  template <class... A>
  T read(A...) const;
  template <class... A>
  void write(T, A...) const;
  template <class... A>
  T* data(A...) const;
};
template <class F>
struct visible_function_table {
  struct __function {
    template <class... A>
    auto operator()(A...) const -> decltype(static_cast<F*>(nullptr)(A()...));
  };
  ulong __handle;
  __function operator[](uint) const;
  uint size() const;
  bool empty() const;
};
#define __MSL_IS_NULL(name) \
  template <class... A>     \
  bool is_null_##name(const name<A...>&);
__MSL_IS_NULL(acceleration_structure)
__MSL_IS_NULL(intersection_function_table)
__MSL_IS_NULL(visible_function_table)
#undef __MSL_IS_NULL
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
  uint size() const;
};
struct compute_pipeline_state {
  ulong __handle;
};
struct render_pipeline_state {
  ulong __handle;
};
#define __MSL_METHOD(name) \
  template <class... A>    \
  void name(A...) const;
struct render_command {
  render_command(command_buffer, uint);
  __MSL_METHOD(reset) __MSL_METHOD(set_render_pipeline_state) __MSL_METHOD(set_vertex_buffer) __MSL_METHOD(set_fragment_buffer)
  __MSL_METHOD(draw_primitives) __MSL_METHOD(draw_indexed_primitives) __MSL_METHOD(draw_patches) __MSL_METHOD(draw_indexed_patches)
  __MSL_METHOD(draw_mesh_threadgroups) __MSL_METHOD(draw_mesh_threads) __MSL_METHOD(set_object_buffer) __MSL_METHOD(set_mesh_buffer)
  __MSL_METHOD(set_object_threadgroup_memory_length) __MSL_METHOD(set_barrier) __MSL_METHOD(clear_barrier) __MSL_METHOD(copy_command)
};
struct compute_command {
  compute_command(command_buffer, uint);
  __MSL_METHOD(reset) __MSL_METHOD(set_compute_pipeline_state) __MSL_METHOD(set_kernel_buffer) __MSL_METHOD(set_barrier)
  __MSL_METHOD(clear_barrier) __MSL_METHOD(concurrent_dispatch_threads) __MSL_METHOD(concurrent_dispatch_threadgroups)
  __MSL_METHOD(set_threadgroup_memory_length) __MSL_METHOD(set_stage_in_region) __MSL_METHOD(set_imageblock_size) __MSL_METHOD(copy_command)
};
#undef __MSL_METHOD
enum class primitive_type { point, line, line_strip, triangle, triangle_strip };

// How members of imageblocks lie in memory.
#define __MSL_PIXEL(name) \
  template <class T>      \
  using name = T;
__MSL_PIXEL(r8unorm) __MSL_PIXEL(r8snorm) __MSL_PIXEL(r16unorm) __MSL_PIXEL(r16snorm) __MSL_PIXEL(rg8unorm) __MSL_PIXEL(rg8snorm)
__MSL_PIXEL(rg16unorm) __MSL_PIXEL(rg16snorm) __MSL_PIXEL(rgba8unorm) __MSL_PIXEL(rgba8snorm) __MSL_PIXEL(srgba8unorm)
__MSL_PIXEL(rgba16unorm) __MSL_PIXEL(rgba16snorm) __MSL_PIXEL(rgb10a2) __MSL_PIXEL(rg11b10f) __MSL_PIXEL(rgb9e5)
#undef __MSL_PIXEL
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

struct lod_bias {
  constexpr explicit lod_bias(float) {}
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

}  // namespace metal

#include "raytracing.h"
