// What belongs to graphics and ray tracing: files may hold it, the kernels that use it are refused at the place where they do.
#include "msl_front_end/malformed_support.hpp"

namespace {

using front_end::Malformed;
using front_end::request;

constexpr const char* kHelpers = R"(#include <metal_raytracing>
using namespace metal::raytracing;
struct scene { instance_acceleration_structure as; intersection_function_table<triangle_data, instancing> functions; };
static float trace(scene s, ray r) {
  intersector<triangle_data, instancing> i;
  i.assume_geometry_type(geometry_type::triangle);
  i.set_triangle_cull_mode(triangle_cull_mode::back);
  intersector<triangle_data, instancing>::result_type h = i.intersect(r, s.as, 0xff, s.functions);
  return h.type == intersection_type::none ? INFINITY : h.distance + h.triangle_barycentric_coord.x;
}
static bool occluded(scene s, ray r) {
  intersection_query<triangle_data, instancing> q;
  q.reset(r, s.as, intersection_params());
  while (q.next()) {
    if (q.get_candidate_intersection_type() == intersection_type::triangle) q.commit_triangle_intersection();
  }
  return q.get_committed_intersection_type() != intersection_type::none;
}
static float call(visible_function_table<float(float, int)> t, uint i) { return t[i](1.0f, 2) + t.size(); }
static void encode(command_buffer b) { render_command c(b, 0); c.draw_primitives(primitive_type::triangle, 0, 3, 1, 0); }
kernel void plain(device float* o) { ray r(float3(1), float3(0, 0, 1)); r.max_distance = 4; o[0] = r.direction.z * r.max_distance; }
)";

struct User {
  const char* kernel;
  const char* message;
};
class OtherStages : public testing::TestWithParam<User> {};
TEST_P(OtherStages, FailTheKernelsThatReachThem) {
  const auto source = front_end::parse(std::string(kHelpers) + "kernel void user(device float* o) { " + GetParam().kernel + " }\n");
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_TRUE((*source)->entry("plain"));
  const auto entry = (*source)->entry("user");
  ASSERT_FALSE(entry);
  EXPECT_THAT(entry.error().message(), testing::HasSubstr(GetParam().message));
}
INSTANTIATE_TEST_SUITE_P(Table, OtherStages,
                         testing::Values(User{"scene s; ray r; o[0] = trace(s, r);", "t.metal:8:5: error: 'assume_geometry_type' is not supported: ray tracing is outside"},
                                         User{"scene s; ray r; o[0] = occluded(s, r);", "t.metal:15:5: error: 'reset' is not supported: ray tracing is outside"},
                                         User{"visible_function_table<float(float, int)> t; o[0] = call(t, 1);", "t.metal:21:82: error: 'operator[]' is not supported"},
                                         User{"command_buffer b; encode(b);", "t.metal:22:55: error: 'render_command' is not supported"}));

class SpacesOfOtherStages : public testing::TestWithParam<Malformed> {};
TEST_P(SpacesOfOtherStages, AreRefusedInKernels) { front_end::expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Table, SpacesOfOtherStages,
                         testing::Values(Malformed{"kernel void f(object_data int* «p» [[buffer(0)]]) {}", "the address space 'object_data' is not supported"},
                                         Malformed{"kernel void f(ray_data int& «p») {}", "the address space 'ray_data' is not supported"}));

TEST(SamplingNames, ComeWithTheFirstFileThatMentionsATexture) {
  auto r = request("#include \"maps.h\"\nkernel void k(device float* o) { o[0] = 1; }\n");
  r.options.include_files = {{"maps.h", "#include <metal_stdlib>\nstatic float4 a(metal::texture2d<float> t, metal::sampler s) { return t.sample(s, 0, metal::level(1)) + t.sample(s, 0, metal::bias(1)); }\n"
                                        "using namespace metal;\nstatic float4 b(texture2d<float> t, sampler s) { return t.sample(s, 0, level(1)) + t.gather(s, 0, int2(0), component::x); }\n"}};
  const auto source = anymetal::msl::ParsedSource::parse(r);
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_TRUE((*source)->entry("k"));
}

TEST(SamplingNames, AreFreeElsewhere) {
  const auto source = front_end::parse("constant int level = 2; constant float bias = 1; kernel void k(device float* o) { o[0] = level + bias; }");
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_TRUE((*source)->entry("k"));
}

}  // namespace
