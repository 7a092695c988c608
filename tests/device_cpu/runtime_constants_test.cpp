// Kernels that differ in runtime constants only share their code.

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "device/cpu/shared_code.hpp"
#include "ir_kernel.hpp"
#include "msl/parsed_source.hpp"
#include "registry/builtin_catalogue.hpp"

namespace anymetal::test {
namespace {

using device::cpu::SharedCode;

/// out[i] = constants[0] * i + constants[1] + add
std::string linear(unsigned factor, unsigned term, unsigned add = 0) {
  return fmt::format(R"(
declare i32 @__msl_runtime_constant(i32) memory(none)
define void @kernel(ptr %out) {{
  %factor = call i32 @__msl_runtime_constant(i32 {})
  %term = call i32 @__msl_runtime_constant(i32 {})
  %i = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %product = mul i32 %i, %factor
  %sum = add i32 %product, %term
  %value = add i32 %sum, {}
  %place = getelementptr i32, ptr %out, i32 %i
  store i32 %value, ptr %place
  ret void
}})",
                     factor, term, add);
}

/// What five threadgroups of one thread store.
std::vector<std::uint32_t> run(const device::Artifact& artifact) {
  const auto backend = cpu_device();
  const auto loaded = backend->load(artifact, "kernel");
  if (!loaded) {
    ADD_FAILURE() << loaded.error().message();
    return {};
  }
  const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(5));
  device::CommandList list;
  list.arguments = {out.bind()};
  list.dispatches.push_back({loaded->get(), "kernel", 0, 1, {1}, {5}});
  EXPECT_TRUE(backend->execute(list));
  return out.values();
}

TEST(RuntimeConstants, TakeTheirValuesWithoutACompile) {
  SharedCode code, other;
  const auto first = code.compile(parse_kernel(linear(3, 10)), "k", {});
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(code.shared(), 0u);
  EXPECT_EQ(run(*first), (std::vector<std::uint32_t>{10, 13, 16, 19, 22}));

  const auto second = code.compile(parse_kernel(linear(7, 0)), "k", {});
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(code.shared(), 1u);
  EXPECT_EQ(run(*second), (std::vector<std::uint32_t>{0, 7, 14, 21, 28}));
  EXPECT_EQ(run(*first), (std::vector<std::uint32_t>{10, 13, 16, 19, 22})) << "the first kernel keeps its values";

  // Whether the code was there makes no difference to what comes out.
  const auto alone = other.compile(parse_kernel(linear(7, 0)), "k", {});
  ASSERT_TRUE(alone) << alone.error().message();
  EXPECT_EQ(other.shared(), 0u);
  EXPECT_EQ(alone->code, second->code);
  EXPECT_EQ(alone->execution_path, second->execution_path);
}

TEST(RuntimeConstants, MayAllBeZero) {
  SharedCode code;
  EXPECT_EQ(run(*code.compile(parse_kernel(linear(0, 0)), "k", {})), std::vector<std::uint32_t>(5));
  EXPECT_EQ(run(*code.compile(parse_kernel(linear(1, 2)), "k", {})), (std::vector<std::uint32_t>{2, 3, 4, 5, 6}));
  EXPECT_EQ(code.shared(), 1u);
}

TEST(RuntimeConstants, OtherCodeIsCompiled) {
  SharedCode code;
  EXPECT_EQ(run(*code.compile(parse_kernel(linear(3, 10)), "k", {})), (std::vector<std::uint32_t>{10, 13, 16, 19, 22}));
  EXPECT_EQ(run(*code.compile(parse_kernel(linear(3, 10, 1)), "k", {})),
            (std::vector<std::uint32_t>{11, 14, 17, 20, 23}));
  auto symbol = parse_kernel(linear(3, 10));
  symbol.reflection.any_threadgroup_size = true;
  EXPECT_EQ(run(*code.compile(std::move(symbol), "k", {})), (std::vector<std::uint32_t>{10, 13, 16, 19, 22}));
  EXPECT_EQ(code.shared(), 0u);
}

TEST(RuntimeConstants, ReflectionIsTheKernelsOwn) {
  SharedCode code;
  const auto first = code.compile(parse_kernel(linear(3, 10)), "k", {});
  auto named = parse_kernel(linear(4, 10));
  named.reflection.name = "another";
  const auto second = code.compile(std::move(named), "k", {});
  EXPECT_EQ(code.shared(), 1u);
  EXPECT_EQ(second->reflection.name, "another");
}

/// Each lane adds what the others of its simdgroup have; other forms are made from its bitcode, with its values.
std::string lanes(unsigned term) {
  return fmt::format(R"(
declare i32 @__msl_runtime_constant(i32) memory(none)
define void @kernel(ptr %out) {{
  %term = call i32 @__msl_runtime_constant(i32 {})
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %sum = call i32 @__msl_simd_sum_u32(i32 %term)
  %place = getelementptr i32, ptr %out, i32 %i
  store i32 %sum, ptr %place
  ret void
}})",
                     term);
}

TEST(RuntimeConstants, CodeIsNotSharedWhereOtherFormsKnowTheValues) {
  SharedCode code;
  for (const unsigned term : {2u, 5u}) {
    const auto artifact = code.compile(parse_kernel(lanes(term)), "k", {});
    ASSERT_TRUE(artifact) << artifact.error().message();
    EXPECT_EQ(artifact->execution_path, "lanes");
    ASSERT_FALSE(artifact->metadata.empty());
    const auto backend = cpu_device();
    const auto loaded = backend->load(*artifact, "kernel");
    ASSERT_TRUE(loaded);
    for (const std::uint32_t threads : {32u, 7u}) {  // 7: in another form
      const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(threads, 0));
      device::CommandList list;
      list.arguments = {out.bind()};
      list.dispatches.push_back({loaded->get(), "kernel", 0, 1, {threads}, {threads}});
      ASSERT_TRUE(backend->execute(list));
      EXPECT_EQ(out.values(), std::vector<std::uint32_t>(threads, term * threads));
    }
  }
  EXPECT_EQ(code.shared(), 0u);
}

TEST(RuntimeConstants, TheOldestCodeGoes) {
  const auto size = SharedCode().compile(parse_kernel(linear(3, 10)), "k", {})->code.size();
  SharedCode code(2 * size + size / 2);
  const auto is_shared = [&](unsigned add) {
    const auto before = code.shared();
    EXPECT_EQ(run(*code.compile(parse_kernel(linear(3, 10, add)), "k", {})).front(), 10 + add);
    return code.shared() != before;
  };
  for (const unsigned add : {1u, 2u, 3u}) EXPECT_FALSE(is_shared(add)) << add;
  EXPECT_TRUE(is_shared(3));
  EXPECT_TRUE(is_shared(2));
  EXPECT_FALSE(is_shared(1)) << "it went when the third one came";
}

/// The form for processors of a built-in kernel, with these constants.
Result<device::Artifact> built_in(SharedCode& code, std::string_view name,
                                  const std::vector<FunctionConstant>& constants) {
  SourceOptions options;
  for (const auto& header : registry::builtin_headers()) options.include_files.emplace_back(header.name, header.text);
  for (const auto& variant : registry::builtin_variants()) {
    if (variant.device != "cpu" || variant.name != name) continue;
    const std::string text(registry::builtin_files()[variant.file].text);
    const auto source = msl::ParsedSource::parse({std::string(name), text, options, msl::Target::Host});
    if (!source) return std::unexpected(source.error());
    const auto entry = (*source)->entry(name);
    if (!entry) return std::unexpected(entry.error());
    auto kernel = msl::specialise(**entry, constants);
    if (!kernel) return std::unexpected(kernel.error());
    return code.compile(std::move(*kernel), name, {});
  }
  return fail(ErrorCode::KernelNotFound, std::string(name));
}

TEST(RuntimeConstants, BuiltInKernelsShareTheirCode) {
  struct Case {
    std::string_view name;
    std::vector<FunctionConstant> first, second;
  };
  const std::vector<Case> cases{
      {"kernel_mul_mv_ext_q8_0_f32_r1_2", {{600u, 2}, {601u, 8}}, {{600u, 4}, {601u, 16}}},
      {"kernel_mul_mv_id_q8_0_f32", {}, {{330u, 128}}},
      {"embedding_gather_2bit", {{331u, 1000}}, {{331u, 262144}}},
      {"flash_attn_vec_dk256", {}, {{310u, true}}},
  };
  for (const auto& c : cases) {
    SharedCode code;
    for (const auto& constants : {c.first, c.second}) {
      const auto artifact = built_in(code, c.name, constants);
      EXPECT_TRUE(artifact) << c.name << ": " << (artifact ? "" : artifact.error().message());
    }
    EXPECT_EQ(code.shared(), 1u) << c.name;
  }
}

}  // namespace
}  // namespace anymetal::test
