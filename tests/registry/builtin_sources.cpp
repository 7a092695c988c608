// Every built-in file compiles, declares the names the catalogue says it does, and means the same from precompiled headers as from their text.

#include <anymetal/anymetal.hpp>

#include "msl/parsed_source.hpp"
#include "registry/builtin_catalogue.hpp"
#include "registry/precompiled_kernels.hpp"
#include "support/registry_only.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace anymetal::registry {
namespace {

class BuiltinSource : public ::testing::TestWithParam<std::uint32_t> {};

msl::SourceRequest request_of(const BuiltinFile& file) {
  msl::SourceRequest request;
  request.name = file.path;
  request.text = file.text;
  for (const auto& header : builtin_headers()) request.options.include_files.emplace_back(header.name, header.text);
  return request;
}

auto parse(const BuiltinFile& file) { return msl::ParsedSource::parse(request_of(file)); }

TEST_P(BuiltinSource, DeclaresItsCatalogueNames) {
  const auto source = parse(builtin_files()[GetParam()]);
  ASSERT_TRUE(source) << source.error().message();

  std::set<std::string> declared;
  for (const auto& kernel : builtin_kernels()) {
    if (kernel.file == GetParam() && kernel.name != test::kRegistryOnly) declared.emplace(kernel.name);
  }
  for (const auto& variant : builtin_variants()) {
    if (variant.file == GetParam()) declared.emplace(variant.name);
  }
  EXPECT_EQ(std::set<std::string>((*source)->entry_names().begin(), (*source)->entry_names().end()), declared);
  EXPECT_EQ((*source)->entry_names().size(), declared.size());
}

/// "0 weight" and so on, with kind and type: what a caller binds.
std::vector<std::string> interface_of(const msl::ParsedSource& source, std::string_view kernel) {
  std::vector<std::string> rows;
  const auto entry = source.entry(kernel);
  if (!entry) return {std::string(entry.error().message())};
  for (const auto& a : (*entry)->reflection.arguments) {
    rows.push_back(std::to_string(static_cast<int>(a.kind)) + ' ' + std::to_string(a.index) + ' ' + a.name + ' ' + a.type);
  }
  return rows;
}

TEST_P(BuiltinSource, HasTheInterfaceOfTheKernelsItReplaces) {
  const auto& file = builtin_files()[GetParam()];
  if (file.device.empty()) return;
  const auto source = parse(file);
  ASSERT_TRUE(source) << source.error().message();
  std::map<std::uint32_t, Result<std::shared_ptr<const msl::ParsedSource>>> general;
  for (const auto& variant : builtin_variants()) {
    if (variant.file != GetParam()) continue;
    const auto& kernel = *std::ranges::lower_bound(builtin_kernels(), variant.name, {}, &BuiltinKernel::name);
    const auto& other = general.try_emplace(kernel.file, parse(builtin_files()[kernel.file])).first->second;
    ASSERT_TRUE(other) << other.error().message();
    EXPECT_EQ(interface_of(**source, variant.name), interface_of(**other, variant.name)) << variant.name;
  }
}

/// What a parse found and made, so that two can be compared: the IR of every fifth kernel too, most being instances of one template.
std::vector<std::string> outcome(const msl::SourceRequest& request) {
  const auto source = msl::ParsedSource::parse(request);
  if (!source) return {std::string(source.error().message())};
  std::vector<std::string> rows;
  for (const auto& name : (*source)->dependencies()) rows.push_back("reads " + name);
  for (const auto& warning : (*source)->warnings()) rows.push_back(render({warning}));
  for (const auto& constant : (*source)->constants()) rows.push_back("constant " + constant.name + ' ' + std::to_string(constant.index));
  for (const unsigned line : (*source)->entry_lines()) rows.push_back("line " + std::to_string(line));
  const auto names = (*source)->entry_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    rows.push_back(names[i]);
    if (i % 5 != 0) continue;
    const auto entry = (*source)->entry(names[i]);
    rows.push_back(entry ? std::to_string(std::hash<std::string>{}((*entry)->bitcode)) : std::string(entry.error().message()));
  }
  return rows;
}

TEST_P(BuiltinSource, MeansTheSameFromPrecompiledHeaders) {
  const auto& file = builtin_files()[GetParam()];
  for (const msl::Target target : {msl::Target::Host, msl::Target::Nvptx}) {
    if (file.device == (target == msl::Target::Host ? "cuda" : "cpu")) continue;
    msl::SourceRequest request = request_of(file);
    request.target = target;
    const auto from_text = outcome(request);
    request.precompiled = *precompiled_kernels(target);
    ASSERT_TRUE(request.precompiled->serves(request));
    EXPECT_EQ(outcome(request), from_text);
  }
}

TEST(BuiltinNames, ThePlaceholderIsKnownButHasNoFunction) {
  KernelRegistry registry;
  EXPECT_TRUE(std::ranges::binary_search(registry.names(), test::kRegistryOnly));
  const auto pipeline = registry.get_pipeline(test::kRegistryOnly, *Device::open("cpu"));
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
