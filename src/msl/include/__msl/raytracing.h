#pragma once
// Ray tracing, which is outside the compute subset: its types hold nothing and its functions are declared, so that a
// file that has them in helpers parses, and not defined: a kernel that reaches one is refused.
#pragma clang system_header
#include "matrix.h"

namespace metal {
namespace raytracing {

struct triangle_data;
struct curve_data;
struct instancing;
struct world_space_data;
struct primitive_motion;
struct instance_motion;
struct extended_limits;
struct intersection_function_buffer;
struct user_data;
template <int levels>
struct max_levels;

enum class intersection_type { none, triangle, bounding_box, curve };
enum class geometry_type { none, triangle, bounding_box, curve, all };
enum class curve_type { round, flat, all };
enum class curve_basis { bspline, catmull_rom, linear, bezier, all };
enum class forced_opacity { none, opaque, non_opaque };
enum class opacity { opaque, non_opaque };
enum class opacity_cull_mode { none, opaque, non_opaque };
enum class triangle_cull_mode { none, front, back };
enum class winding { clockwise, counterclockwise };
enum class geometry_cull_mode { none, triangle, bounding_box, curve };

struct ray {
  float3 origin, direction;
  float min_distance, max_distance;
  __MSL_MEMBER constexpr ray(float3 o = 0.0f, float3 d = 0.0f, float min = 0.0f, float max = __builtin_huge_valf())
      : origin(o), direction(d), min_distance(min), max_distance(max) {}
};

template <class... A>
struct intersection_result {
  intersection_type type;
  float distance;
  uint primitive_id, geometry_id, instance_id, user_instance_id, instance_count;
  const device void* primitive_data;
  float2 triangle_barycentric_coord;
  bool triangle_front_facing;
  float curve_parameter;
  float4x3 world_to_object_transform, object_to_world_transform;
};

// How rays are followed: of intersectors, queries and their parameters.
#define __MSL_SETTERS                              \
  void set_triangle_front_facing_winding(winding); \
  void set_geometry_cull_mode(geometry_cull_mode); \
  void set_opacity_cull_mode(opacity_cull_mode);   \
  void set_triangle_cull_mode(triangle_cull_mode); \
  void assume_geometry_type(geometry_type);        \
  void assume_curve_type(curve_type);              \
  void assume_curve_basis(curve_basis);            \
  void assume_curve_control_point_count(uint);     \
  void assume_identity_transforms(bool);           \
  void force_opacity(forced_opacity);              \
  void accept_any_intersection(bool);

template <class... A>
struct intersector {
  using result_type = intersection_result<A...>;
  __MSL_SETTERS
  template <class... B>
  result_type intersect(ray, B&&...) const;
};

struct intersection_params {
  __MSL_SETTERS
};
#undef __MSL_SETTERS

template <class... A>
struct intersection_query {
  intersection_query() = default;
  template <class... B>
  intersection_query(ray, B&&...);
  template <class... B>
  void reset(ray, B&&...);
  bool next();
  void abort();
  void commit_triangle_intersection();
  void commit_curve_intersection();
  void commit_bounding_box_intersection(float);
  intersection_type get_candidate_intersection_type() const;
  intersection_type get_committed_intersection_type() const;
  bool is_candidate_non_opaque_bounding_box() const;
  bool is_candidate_triangle_front_facing() const;
  bool is_committed_triangle_front_facing() const;
  float3 get_world_space_ray_origin() const;
  float3 get_world_space_ray_direction() const;
  float get_ray_min_distance() const;
#define __MSL_OF_BOTH(type, name)    \
  type get_candidate_##name() const; \
  type get_committed_##name() const;
  __MSL_OF_BOTH(float, triangle_distance)
  __MSL_OF_BOTH(float, curve_distance)
  __MSL_OF_BOTH(float, distance)
  __MSL_OF_BOTH(float, curve_parameter)
  __MSL_OF_BOTH(float2, triangle_barycentric_coord)
  __MSL_OF_BOTH(uint, instance_id)
  __MSL_OF_BOTH(uint, user_instance_id)
  __MSL_OF_BOTH(uint, geometry_id)
  __MSL_OF_BOTH(uint, primitive_id)
  __MSL_OF_BOTH(const device void*, primitive_data)
  __MSL_OF_BOTH(float3, ray_origin)
  __MSL_OF_BOTH(float3, ray_direction)
  __MSL_OF_BOTH(float4x3, object_to_world_transform)
  __MSL_OF_BOTH(float4x3, world_to_object_transform)
#undef __MSL_OF_BOTH
};

using primitive_acceleration_structure = acceleration_structure<>;
using instance_acceleration_structure = acceleration_structure<instancing>;
using metal::acceleration_structure;
using metal::intersection_function_table;
using metal::is_null_acceleration_structure;
using metal::is_null_intersection_function_table;

}  // namespace raytracing
}  // namespace metal
