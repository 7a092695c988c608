// Attributes: which there are, where they may stand and what they take.
#include "msl/attribute_table.hpp"
#include "msl_front_end/malformed_support.hpp"

namespace {

using anymetal::Severity;
using anymetal::msl::ParsedSource;
using front_end::kHead;
using front_end::Malformed;
using front_end::request;

const Malformed kMisspelt[] = {
    {"kernel void f(device int* o [[«bufer»(1)]]) {}", "unknown attribute 'bufer', did you mean 'buffer'?"},
    {"kernel void f(device int* o, uint i [[«thread_position_in_gird»]]) {}", "did you mean 'thread_position_in_grid'?"},
    {"[[«kernle»]] void f(device int* o) {}", "did you mean 'kernel'?"},
    {"kernel void f(device int* o, threadgroup float* s [[«threadgrup»(0)]]) {}", "did you mean 'threadgroup'?"},
    {"kernel void f(device int* o [[«Buffer»(0)]]) {}", "did you mean 'buffer'?"},
    {"#define TID thread_position_in_gird\nkernel void f(device int* o, uint i [[«TID»]]) {}", "unknown attribute 'thread_position_in_gird'"},
    {"#define SLOT(i) bufer(i)\nkernel void f(device int* o [[«SLOT»(1)]]) {}", "unknown attribute 'bufer'"},
    {"#define SLOT(i) [[bufer(i)]]\nkernel void f(device int* o «SLOT»(1)) {}", "unknown attribute 'bufer'"},
    {"int g(uint x [[«thred_position_in_grid»]]) { return x; }", "did you mean 'thread_position_in_grid'?"},
    {"struct S { int x [[«bufffer»(0)]]; };", "did you mean 'buffer'?"},
    {"fragment float4 g(uint q [[«primitve_id»]]) { return 0; }", "did you mean 'primitive_id'?"},
    {"[[«visibel»]] float g(float x) { return x; }", "did you mean 'visible'?"},
    {"template <class T> kernel void f(device T* o) {}\ntemplate [[«host_nam»(\"x\")]] kernel void f<int>(device int*);", "did you mean 'host_name'?"},
    {"template <class T> kernel void f(device T* o, uint i [[«thread_index_in_simdgruop»]]) {}", "did you mean 'thread_index_in_simdgroup'?"},
    {"kernel void f(device int* o, uint i [[«no_such_thing»]]) {}", "'no_such_thing' is not an attribute of kernel parameters"},
    {"kernel void f(device int* o [[«buffer»(0]]) {}", "this attribute cannot be read"},
    {"kernel void f(device int* o [[«buffer»(0)\n#define A\n]]) {}", "this attribute cannot be read"},
};

const Malformed kPlaces[] = {
    {"kernel void f(device int* o [[«thread_position_in_grid»]]) {}", "a pointer is not valid for attribute 'thread_position_in_grid'"},
    {"kernel void f(device int& o [[«texture»(0)]]) {}", "a reference is not valid for attribute 'texture'"},
    {"kernel void f(device int* o, uint i [[«threadgroup»(0)]]) {}", "type 'uint' is not valid for attribute 'threadgroup'"},
    {"kernel void f(device int* o, int i [[«texture»(0)]]) {}", "type 'int' is not valid for attribute 'texture'"},
    {"kernel void f(device int* o [[buffer(0), «buffer»(1)]]) {}", "'o' has the attribute 'buffer' already"},
    {"kernel void f(device int* o, uint i [[thread_position_in_grid]] [[«thread_index_in_simdgroup»]]) {}", "'i' has the attribute 'thread_position_in_grid' already"},
    {"struct S { uint i [[«thread_position_in_grid»]]; };", "does not apply to members"},
    {"kernel void f(device int* o) { uint i [[«thread_position_in_grid»]]; }", "does not apply to local variables"},
    {"[[«buffer»(0)]] kernel void f(device int* o) {}", "does not apply to functions"},
    {"struct [[«kernel»]] S { int x; };", "does not apply to types"},
    {"[[«max_total_threads_per_threadgroup»(32)]] void h() {}", "only kernels have 'max_total_threads_per_threadgroup'"},
    {"kernel void f(device int* o [[«id»(0)]]) {}", "an attribute of members of argument structures"},
    {"[[«function_constant»(0)]] kernel void f(device int* o) {}", "an attribute of variables in constant memory"},
    {"«kernel» int x;", "does not apply to variables"},
};

const Malformed kArguments[] = {
    {"kernel void f(device int* o, uint i [[threads_per_threadgroup(«3»)]]) {}", "'threads_per_threadgroup' takes no argument"},
    {"kernel void f(device int* o [[buffer(«\"x\"»)]]) {}", "'buffer' takes one integer constant"},
    {"kernel void f(device int* o [[buffer(«0.5»)]]) {}", "'buffer' takes one integer constant"},
    {"kernel void f(device int* o [[buffer(«0», 1)]]) {}", "'buffer' attribute takes one argument"},
    {"[[max_total_threads_per_threadgroup(«32», 3)]] kernel void f(device int* o) {}", "takes one argument"},
    {"[[max_total_threads_per_threadgroup(«\"a\"»)]] kernel void f(device int* o) {}", "takes one integer constant"},
    {"[[required_threads_per_threadgroup(8, «0»)]] kernel void f(device int* o) {}", "one to three positive"},
    {"[[required_threads_per_threadgroup(32, 32, «2»)]] kernel void f(device int* o) {}", "more threads than the limit of 1024"},
    {"[[max_total_threads_per_threadgroup(64), required_threads_per_threadgroup(«65»)]] kernel void f(device int* o) {}", "more threads than the limit of 64"},
    {"[[required_threads_per_threadgroup(«1», 1, 1, 1)]] kernel void f(device int* o) {}", "one to three"},
    {"[[host_name(«\"a\"», \"b\")]] kernel void f(device int* o) {}", "takes one string"},
    {"[[«host_name»]] kernel void f(device int* o) {}", "takes one string"},
    {"[[kernel(«2»)]] void f(device int* o) {}", "'kernel' takes no argument"},
    {"constant int n [[«function_constant»]];", "takes one argument"},
    {"kernel void f(device int* o [[buffer(0), function_constant(«3»)]]) {}", "takes the name of a function constant"},
};

class Attributes : public testing::TestWithParam<Malformed> {};
TEST_P(Attributes, ThatAreWrongAreErrorsAtTheirName) { front_end::expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Misspelt, Attributes, testing::ValuesIn(kMisspelt));
INSTANTIATE_TEST_SUITE_P(Places, Attributes, testing::ValuesIn(kPlaces));
INSTANTIATE_TEST_SUITE_P(Arguments, Attributes, testing::ValuesIn(kArguments));

TEST(Attributes, UnlikeAnyAreIgnoredWithAWarning) {
  const auto source = front_end::parse("kernel void f(device int* o [[foo(bar, 3)]]) {}\n[[always_inline]] int h(int x [[other]]) { return x; }\n"
                                       "struct S { int x [[fresh]]; };\nvoid g() { [[unroll]] for (int i = 0; i < 3; ++i) {} }\n");
  ASSERT_TRUE(source) << source.error().message();
  std::vector<std::string> warnings;
  for (const auto& d : (*source)->warnings()) warnings.push_back(std::to_string(d.line) + ":" + std::to_string(d.column) + " " + d.message);
  std::ranges::sort(warnings);
  EXPECT_EQ(warnings, (std::vector<std::string>{"3:31 unknown attribute 'foo' ignored", "4:3 unknown attribute 'always_inline' ignored", "4:33 unknown attribute 'other' ignored",
                                                "5:20 unknown attribute 'fresh' ignored", "6:14 unknown attribute 'unroll' ignored"}));
}

TEST(Attributes, AMisspeltOneIsNamedBesideTheErrorsItMakes) {
  const auto diagnostics = front_end::errors_of("constant int n [[functon_constant(0)]];\nkernel void f(device int* o) { o[0] = n; }");
  EXPECT_THAT(render(diagnostics), testing::HasSubstr("1:18: error: unknown attribute 'functon_constant', did you mean 'function_constant'?"));
}

TEST(Attributes, InSmallLettersMayBeMacros) {
  const auto source = front_end::parse("#define tid thread_position_in_grid\n#define slot(i) buffer(i)\nkernel void f(device int* o [[slot(3)]], uint i [[tid]]) { o[i] = 1; }");
  ASSERT_TRUE(source) << source.error().message();
  const auto entry = (*source)->entry("f");
  ASSERT_TRUE(entry) << entry.error().message();
  EXPECT_EQ((*entry)->reflection.arguments.at(0).index, 3U);
  EXPECT_TRUE((*source)->warnings().empty());
}

// Every attribute of the book, where it belongs.
TEST(Attributes, OfTheBookAreAccepted) {
  const auto source = front_end::parse(R"(constant bool flag [[function_constant(0)]];
struct bound { device int* p [[id(0), function_constant(flag)]]; texture2d<float> t [[id(1)]] [[function_constant(flag)]]; };
struct inputs { float4 a [[attribute(0), function_constant(flag)]]; };
struct outputs { half4 c [[color(0), raster_order_group(0)]]; float d [[depth(any)]]; uint s [[stencil]]; uint m [[sample_mask]]; };
struct varyings { float4 p [[position, invariant]]; float size [[point_size]]; float2 uv [[user(locn0), center_no_perspective]]; uint l [[render_target_array_index]]; uint v [[viewport_array_index]];
  float clip [[clip_distance]] [2]; };
[[kernel, max_total_threads_per_threadgroup(64), required_threads_per_threadgroup(64, 1, 1), host_name("k"), user_annotation("note")]]
void f(device int* o [[buffer(0)]], constant int& n [[function_constant(flag), buffer(1)]], threadgroup int* t [[threadgroup(0)]], uint i [[thread_position_in_grid]]) { o[i] = 1; }
vertex varyings v(inputs in [[stage_in]], uint id [[vertex_id]], uint instance [[instance_id]], uint base [[base_vertex]], uint first [[base_instance]], ushort a [[amplification_id]]) { varyings r; return r; }
[[early_fragment_tests]] fragment outputs g(varyings in [[stage_in]], bool front [[front_facing]], uint sample [[sample_id]], uint lane [[thread_index_in_quadgroup]]) { outputs r; return r; }
[[patch(quad, 16)]] vertex float4 p(uint id [[patch_id]], float2 at [[position_in_patch]]) { return 0; }
[[visible]] float s(float x) { return x; }
[[stitchable]] float q(float x) { return x; }
[[intersection(triangle, triangle_data, instancing)]] bool r(uint id [[primitive_id]], uint geometry [[geometry_id]], float2 b [[barycentric_coord]], float d [[distance]], ray_data float& payload [[payload]]) { return true; }
[[object, max_total_threadgroups_per_mesh_grid(4)]] void ob(object_data float* p [[payload]], mesh_grid_properties grid, uint at [[threadgroup_position_in_grid]]) {}
[[mesh, max_total_threads_per_threadgroup(32)]] void me(mesh<float4, void, 3, 1, topology::triangle> m, const object_data float* p [[payload]], uint lane [[thread_index_in_threadgroup]]) {}
)");
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_TRUE((*source)->warnings().empty()) << render(std::vector((*source)->warnings().begin(), (*source)->warnings().end()));
  EXPECT_EQ((*source)->entry_names().size(), 1U);
  EXPECT_TRUE((*source)->entry("k"));
}

TEST(AttributeNames, AreMisspeltWhereAThirdOfThemDiffers) {
  using anymetal::msl::closest_attribute;
  using anymetal::msl::is_misspelt;
  EXPECT_TRUE(is_misspelt("bufer", closest_attribute("bufer")));
  EXPECT_TRUE(is_misspelt("thread_pos_in_grid", closest_attribute("thread_pos_in_grid")));
  for (const char* other : {"unused", "cold", "pure", "always_inline", "foo", "unroll"}) EXPECT_FALSE(is_misspelt(other, closest_attribute(other))) << other;
}

}  // namespace
