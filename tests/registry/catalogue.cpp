// The built-in kernels as data.

#include "registry/builtin_catalogue.hpp"
#include "registry/fixture.hpp"
#include "registry/source_catalogue.hpp"

#include <algorithm>
#include <set>

namespace anymetal::testing {
namespace {

TEST(Catalogue, NamesAreSortedAndDistinct) {
  const auto kernels = registry::builtin_kernels();
  const auto not_less = [](const auto& a, const auto& b) { return !(a.name < b.name); };
  EXPECT_EQ(std::ranges::adjacent_find(kernels, not_less), kernels.end());
  for (const auto& kernel : kernels) {
    ASSERT_LT(kernel.file, registry::builtin_files().size());
    EXPECT_FALSE(kernel.name.empty());
  }
}

TEST(Catalogue, EveryFileDeclaresAKernelAndBelongsToAFamily) {
  std::set<std::uint32_t> used;
  for (const auto& kernel : registry::builtin_kernels()) used.insert(kernel.file);
  for (const auto& variant : registry::builtin_variants()) used.insert(variant.file);
  for (std::uint32_t i = 0; i < registry::builtin_files().size(); ++i) {
    const auto& file = registry::builtin_files()[i];
    EXPECT_TRUE(used.contains(i)) << file.path << " declares no kernel";
    const auto folder = (file.device.empty() ? "" : std::string(file.device) + '/') + std::string(file.family) + '/';
    EXPECT_TRUE(file.path.starts_with(folder)) << file.path;
    EXPECT_FALSE(file.text.empty()) << file.path;
  }
}

TEST(Catalogue, TheRegistryKnowsIt) {
  const KernelRegistry registry(std::make_shared<FakeCompiler>());
  const auto kernels = registry.kernels();
  ASSERT_EQ(kernels.size(), registry::builtin_kernels().size());
  EXPECT_EQ(registry.source_count(), kernels.size());
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const auto& built_in = registry::builtin_kernels()[i];
    EXPECT_EQ(kernels[i].name, built_in.name);
    EXPECT_EQ(kernels[i].family, registry::builtin_files()[built_in.file].family);
  }
}

TEST(Catalogue, VariantsAreSortedAndOfKnownKernels) {
  const auto variants = registry::builtin_variants();
  const auto key = [](const auto& variant) { return std::pair(variant.device, variant.name); };
  EXPECT_TRUE(std::ranges::is_sorted(variants, {}, key));
  for (const auto& variant : variants) {
    EXPECT_TRUE(std::ranges::binary_search(registry::builtin_kernels(), variant.name, {}, &registry::BuiltinKernel::name));
    ASSERT_LT(variant.file, registry::builtin_files().size());
    EXPECT_EQ(registry::builtin_files()[variant.file].device, variant.device);
  }
}

/// Which text the registry compiles: the file name is part of the source that reaches the compiler.
TEST(Catalogue, ADeviceGetsItsFormsOfBuiltInKernels) {
  if (registry::builtin_variants().empty()) GTEST_SKIP() << "no kernel has a form for one device";
  const auto& variant = registry::builtin_variants()[0];
  const auto* general = std::ranges::find(registry::builtin_kernels(), variant.name, &registry::BuiltinKernel::name).base();
  registry::SourceCatalogue sources;
  const auto path_of = [&](std::string_view device) { return std::string(sources.find(variant.name, device)->file_name()); };
  EXPECT_EQ(path_of(variant.device), "kernels/" + std::string(registry::builtin_files()[variant.file].path));
  EXPECT_EQ(path_of(""), "kernels/" + std::string(registry::builtin_files()[general->file].path));
  EXPECT_EQ(path_of("no such device"), path_of(""));
  sources.put(std::string(variant.name), "mine", {});
  EXPECT_EQ(sources.find(variant.name, variant.device)->text(), "mine");
}

TEST(Catalogue, ARegisteredSourceReplacesABuiltInOne) {
  if (registry::builtin_kernels().empty()) GTEST_SKIP() << "no built-in kernels";
  const std::string name(registry::builtin_kernels()[0].name);
  KernelRegistry registry(std::make_shared<FakeCompiler>());
  const Device device(std::make_shared<FakeBackend>());
  const auto count = registry.source_count();
  registry.register_source(name, "kernel " + name + "\nversion mine");
  EXPECT_EQ(registry.source_count(), count);
  EXPECT_EQ(registry.names().size(), count);
  EXPECT_EQ((*registry.get_pipeline(name, device))->execution_path(), "mine");
  registry.register_source("another", "");
  EXPECT_EQ(registry.source_count(), count + 1);
}

}  // namespace
}  // namespace anymetal::testing
