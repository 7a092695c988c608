#include "msl/attribute_table.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "msl/suggestions.hpp"

namespace anymetal::msl {
namespace {

using enum AttributeArguments;
using namespace attribute_places;

constexpr unsigned kBindings = kParameters | kMembers | kVariables;
constexpr unsigned kInputs = kParameters | kVariables;

// In the order of names.
constexpr std::array kCompute = std::to_array<AttributeRule>({
#define __MSL_VECTOR_INPUT(name, value) {#name, kInputs, None},
#define __MSL_SCALAR_INPUT(name, value) {#name, kInputs, None},
#include "msl/prelude/thread_input_list.h"
#undef __MSL_VECTOR_INPUT
#undef __MSL_SCALAR_INPUT
    {"any_threadgroup_size", kKernels, None},  // this library's own: the kernel is right with every size
    {"buffer", kBindings, Integer},
    {"fragment", kFunctions, None},
    {"function_constant", kBindings, Constant},
    {"grid_origin", kInputs, None},
    {"grid_size", kInputs, None},
    {"host_name", kFunctions, String},
    {"id", kMembers, Integer},
    {"kernel", kFunctions, None},
    {"max_total_threads_per_threadgroup", kKernels, Integer},
    {"mesh", kFunctions, None},
    {"object", kFunctions, None},
    {"required_threads_per_threadgroup", kKernels, UpToThree},
    {"sampler", kBindings, Integer},
    {"stage_in", kParameters, None},
    {"stitchable", kFunctions, None},
    {"texture", kBindings, Integer},
    {"threadgroup", kBindings, Integer},
    {"user_annotation", kAnywhere, String},
    {"vertex", kFunctions, None},
    {"visible", kFunctions, None},
});

constexpr std::array kWords =
    std::to_array<std::string_view>({"depth", "function_groups", "imageblock_data", "intersection", "patch", "user"});

// Of graphics, ray tracing, tiles and meshes.
constexpr std::array kOther = std::to_array<std::string_view>({
    "accept_intersection",
    "alias_implicit_imageblock",
    "alias_implicit_imageblock_color",
    "amplification_count",
    "amplification_id",
    "attribute",
    "barycentric_coord",
    "base_instance",
    "base_vertex",
    "center_no_perspective",
    "center_perspective",
    "centroid_no_perspective",
    "centroid_perspective",
    "clip_distance",
    "color",
    "continue_search",
    "cull_distance",
    "curve_parameter",
    "direction",
    "distance",
    "early_fragment_tests",
    "flat",
    "front_facing",
    "geometry_id",
    "geometry_intersection_function_table_offset",
    "index",
    "instance_id",
    "instance_intersection_function_table_offset",
    "intersection_params",
    "invariant",
    "key_frame_count",
    "max_distance",
    "max_total_threadgroups_per_mesh_grid",
    "mesh_id",
    "min_distance",
    "motion_end_time",
    "motion_start_time",
    "no_perspective",
    "object_to_world_transform",
    "opaque_primitive",
    "origin",
    "patch_id",
    "payload",
    "pixel_position_in_tile",
    "pixels_per_tile",
    "point_coord",
    "point_size",
    "position",
    "position_in_patch",
    "post_depth_coverage",
    "primitive_culled",
    "primitive_data",
    "primitive_id",
    "raster_order_group",
    "ray_data",
    "render_target_array_index",
    "sample_id",
    "sample_mask",
    "sample_no_perspective",
    "sample_perspective",
    "shared",
    "stencil",
    "threads_per_object_threadgroup",
    "tile_index",
    "time",
    "user_instance_id",
    "vertex_id",
    "viewport_array_index",
    "world_space_direction",
    "world_space_origin",
    "world_to_object_transform",
});

std::vector<AttributeRule> all_rules() {
  std::vector<AttributeRule> rules(kCompute.begin(), kCompute.end());
  for (const std::string_view name : kWords) rules.push_back({name, kAnywhere, Words});
  for (const std::string_view name : kOther) rules.push_back({name, kAnywhere, NotRead});
  std::ranges::sort(rules, {}, &AttributeRule::name);
  return rules;
}

const std::vector<AttributeRule>& rules() {
  static const std::vector<AttributeRule> sorted = all_rules();
  return sorted;
}

}  // namespace

const AttributeRule* find_attribute(std::string_view name) {
  const auto found = std::ranges::lower_bound(rules(), name, {}, &AttributeRule::name);
  return found == rules().end() || found->name != name ? nullptr : &*found;
}

bool is_standard_attribute(std::string_view name) {
  static constexpr std::array<std::string_view, 11> kStandard = {
      "noreturn", "carries_dependency", "deprecated", "fallthrough", "nodiscard", "maybe_unused",
      "likely",   "unlikely",           "no_unique_address", "assume", "noinline"};
  return std::ranges::find(kStandard, name) != kStandard.end();
}

std::string closest_attribute(std::string_view name) {
  std::vector<std::string> known;
  for (const AttributeRule& rule : rules()) known.emplace_back(rule.name);
  std::vector<std::string> closest = closest_names(name, known);
  return closest.empty() ? std::string() : std::move(closest.front());
}

bool is_misspelt(std::string_view name, std::string_view meant) {
  return !meant.empty() && edit_distance(name, meant) <= std::max<std::size_t>(name.size() / 3, 1);
}

}  // namespace anymetal::msl
