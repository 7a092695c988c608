// Every built-in file compiles, and declares the names the catalogue says it does.

#include <anymetal/anymetal.hpp>

#include "msl/parsed_source.hpp"
#include "registry/builtin_catalogue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace anymetal::registry {
namespace {

// The name exists in the registry only: its pipeline cannot be made.
constexpr std::string_view kWithoutFunction = "placeholder";

class BuiltinSource : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(BuiltinSource, DeclaresItsCatalogueNames) {
  const auto& file = builtin_files()[GetParam()];
  msl::SourceRequest request;
  request.name = file.path;
  request.text = file.text;
  for (const auto& header : builtin_headers()) request.options.include_files.emplace_back(header.name, header.text);
  const auto source = msl::ParsedSource::parse(std::move(request));
  ASSERT_TRUE(source) << source.error().message();

  std::set<std::string> declared;
  for (const auto& kernel : builtin_kernels()) {
    if (kernel.file == GetParam() && kernel.name != kWithoutFunction) declared.emplace(kernel.name);
  }
  EXPECT_EQ(std::set<std::string>((*source)->entry_names().begin(), (*source)->entry_names().end()), declared);
  EXPECT_EQ((*source)->entry_names().size(), declared.size());
}

TEST(BuiltinNames, ThePlaceholderIsKnownButHasNoFunction) {
  KernelRegistry registry;
  EXPECT_TRUE(std::ranges::binary_search(registry.names(), kWithoutFunction));
  const auto pipeline = registry.get_pipeline(kWithoutFunction, *Device::open("cpu"));
  ASSERT_FALSE(pipeline);
  EXPECT_EQ(pipeline.error().code(), ErrorCode::ShaderCompilationError);
  EXPECT_NE(pipeline.error().message().find("declares no kernel at all"), std::string::npos) << pipeline.error().message();
}

INSTANTIATE_TEST_SUITE_P(Files, BuiltinSource, ::testing::Range(0u, static_cast<std::uint32_t>(builtin_files().size())),
                         [](const auto& row) {
                           std::string name(builtin_files()[row.param].path);
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BuiltinSource);

}  // namespace
}  // namespace anymetal::registry
