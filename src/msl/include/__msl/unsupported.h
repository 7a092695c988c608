#pragma once
// Types outside the compute subset, opaque, so that a file that mentions them parses; kernels that take one are refused
// by the front end.
#pragma clang system_header
#include "scalars.h"

namespace metal {

enum class access { sample, read, write, read_write };

#define __MSL_TEXTURE(name)                     \
  template <class T, access a = access::sample> \
  struct name;
__MSL_TEXTURE(texture1d)
__MSL_TEXTURE(texture1d_array)
__MSL_TEXTURE(texture2d)
__MSL_TEXTURE(texture2d_array)
__MSL_TEXTURE(texture2d_ms)
__MSL_TEXTURE(texture3d)
__MSL_TEXTURE(texturecube)
__MSL_TEXTURE(texturecube_array)
__MSL_TEXTURE(texture_buffer)
__MSL_TEXTURE(depth2d)
__MSL_TEXTURE(depth2d_array)
__MSL_TEXTURE(depth2d_ms)
__MSL_TEXTURE(depthcube)
__MSL_TEXTURE(depthcube_array)
#undef __MSL_TEXTURE

// Tables, structures of ray tracing, mesh and tile shading.
template <class T, class... A>
struct imageblock;
template <class... A>
struct acceleration_structure;
template <class... A>
struct visible_function_table;
template <class... A>
struct intersection_function_table;
template <class... A>
struct mesh;
struct command_buffer;

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
using primitive_acceleration_structure = acceleration_structure<>;
using instance_acceleration_structure = acceleration_structure<instancing>;
using metal::acceleration_structure;
using metal::intersection_function_table;
}  // namespace raytracing

}  // namespace metal
