// What the registry keeps on disk: one test per ingredient of the key, and nothing is trusted that does not fit.

#include "cache/disk_store.hpp"
#include "cache/temporary_directory.hpp"
#include "registry/default_store.hpp"
#include "registry/fixture.hpp"
#include "registry/stored_form.hpp"
#include "registry/toolchain_identity.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <thread>

namespace anymetal::testing {
namespace {

class Disk : public ::testing::Test {
 protected:
  std::shared_ptr<cache::DiskStore> open_store() {
    cache::StoreSettings settings;
    settings.directory = (root.path() / "cache").string();
    settings.warn = [](std::string_view) {};
    return std::make_shared<cache::DiskStore>(std::move(settings));
  }

  // A process of its own: nothing in memory.
  struct Process {
    std::shared_ptr<FakeCompiler> compiler = std::make_shared<FakeCompiler>();
    std::shared_ptr<FakeBackend> backend = std::make_shared<FakeBackend>();
    std::string text = "kernel k\nkernel other\nconstant N 3";
    SourceOptions options;
    std::string kernel = "k";
    std::vector<FunctionConstant> constants;

    Result<PipelinePtr> run(std::shared_ptr<cache::DiskStore> store) {
      registry = std::make_unique<KernelRegistry>(compiler, std::move(store));
      registry->register_source(kernel, text, options);
      return registry->get_pipeline_with_constants(kernel, Device(backend), constants);
    }
    std::unique_ptr<KernelRegistry> registry;
  };

  TemporaryDirectory root;
};

TEST_F(Disk, ASecondProcessNeitherParsesNorCompiles) {
  Process first;
  first.compiler->arguments.resize(2);
  first.compiler->arguments[1].name = "out";
  first.compiler->arguments[1].type = "float4";
  first.compiler->arguments[1].access = Access::ReadWrite;
  first.compiler->arguments[1].element_size = 16;
  const auto made = first.run(open_store()).value();
  EXPECT_EQ(first.registry->statistics().disk_hits, 0u);
  EXPECT_EQ(first.registry->statistics().disk_writes, 2u) << "the entry and the pipeline";

  Process second;
  const auto loaded = second.run(open_store()).value();
  EXPECT_EQ(second.compiler->parses, 0);
  EXPECT_EQ(second.compiler->generates, 0);
  EXPECT_EQ(second.backend->loads, 1);
  EXPECT_EQ(second.registry->statistics().disk_hits, 1u);
  EXPECT_EQ(second.registry->statistics().disk_misses, 0u);
  EXPECT_EQ(loaded->label(), made->label());
  EXPECT_EQ(loaded->execution_path(), made->execution_path());
  ASSERT_EQ(loaded->arguments().size(), 2u);
  EXPECT_EQ(loaded->arguments()[1].name, "out");
  EXPECT_EQ(loaded->arguments()[1].type, "float4");
  EXPECT_EQ(loaded->arguments()[1].access, Access::ReadWrite);
  EXPECT_EQ(loaded->arguments()[1].element_size, 16u);
  EXPECT_TRUE(loaded->arguments()[1].active);
}

TEST_F(Disk, OtherFormsAreKeptBesideTheirPipeline) {
  Process first;
  ASSERT_TRUE(first.run(open_store()));
  ASSERT_NE(first.backend->forms, nullptr);
  EXPECT_EQ(first.backend->forms->find("wide"), std::nullopt);
  first.backend->forms->keep("wide", "code");
  const auto found_by = [&](const std::function<void(Process&)>& change, const char* form) {
    Process process;
    change(process);
    EXPECT_TRUE(process.run(open_store()));
    return process.backend->forms->find(form).value_or("nothing");
  };
  EXPECT_EQ(found_by([](Process&) {}, "wide"), "code");
  EXPECT_EQ(found_by([](Process&) {}, "narrow"), "nothing");
  EXPECT_EQ(found_by([](Process& p) { p.constants = {FunctionConstant{"N", 5}}; }, "wide"), "nothing");
  EXPECT_EQ(found_by([](Process& p) { p.backend->identity = "fake-2"; }, "wide"), "nothing");
  EXPECT_EQ(found_by([](Process& p) { p.text += "\n"; }, "wide"), "nothing");
  Process second;
  ASSERT_TRUE(second.run(open_store()));
  second.backend->forms->reject("wide");
  EXPECT_EQ(second.registry->statistics().disk_corrupt, 1u);
  EXPECT_EQ(found_by([](Process&) {}, "wide"), "nothing");
}

TEST_F(Disk, WithoutADiskThereAreNoForms) {
  Process process;
  ASSERT_TRUE(process.run(nullptr));
  EXPECT_EQ(process.backend->forms, nullptr);
}

TEST_F(Disk, ANewSpecialisationSkipsTheFrontEnd) {
  Process first;
  ASSERT_TRUE(first.run(open_store()));
  Process second;
  second.constants = {FunctionConstant{"N", 5}};
  ASSERT_TRUE(second.run(open_store()));
  EXPECT_EQ(second.compiler->parses, 0);
  EXPECT_EQ(second.compiler->generates, 1);
}

TEST_F(Disk, EveryIngredientOfTheKey) {
  const struct {
    const char* name;
    std::function<void(Process&)> change;
    bool hit;
  } kCases[] = {
      {"nothing", [](Process&) {}, true},
      {"device name", [](Process& p) { p.backend->info_.name = "the same silicon, another day"; }, true},
      {"text", [](Process& p) { p.text += "\n"; }, false},
      {"kernel", [](Process& p) { p.kernel = "other"; }, false},
      {"constant value", [](Process& p) { p.constants = {FunctionConstant{3u, 1}}; }, false},
      {"constant type", [](Process& p) { p.constants = {FunctionConstant{3u, 1u}}; }, false},
      {"constant index", [](Process& p) { p.constants = {FunctionConstant{4u, 1}}; }, false},
      {"define", [](Process& p) { p.options.defines = {{"A", "1"}}; }, false},
      {"define moved", [](Process& p) { p.options.defines = {{"A1", ""}}; }, false},
      {"include file", [](Process& p) { p.options.include_files = {{"a.h", "x"}}; }, false},
      {"include text", [](Process& p) { p.options.include_files = {{"a.h", "y"}}; }, false},
      {"language", [](Process& p) { p.options.language_standard = "metal3.0"; }, false},
      {"math mode", [](Process& p) { p.options.math_mode = MathMode::Safe; }, false},
      {"file name", [](Process& p) { p.options.file_name = "f.metal"; }, false},
      {"device identity", [](Process& p) { p.backend->identity = "fake-2"; }, false},
      {"target", [](Process& p) { p.backend->target = msl::Target::Nvptx; }, false},
  };
  Process first;
  ASSERT_TRUE(first.run(open_store()));
  for (const auto& c : kCases) {
    for (const bool expected : {c.hit, true}) {  // the second run finds what the first left
      Process process;
      c.change(process);
      ASSERT_TRUE(process.run(open_store())) << c.name;
      EXPECT_EQ(process.compiler->generates, expected ? 0 : 1) << c.name;
      EXPECT_EQ(process.registry->statistics().disk_hits, expected ? 1u : 0u) << c.name;
    }
  }
}

class Files : public Disk {
 protected:
  void write(const char* name, std::string_view text) { std::ofstream(root.path() / name) << text; }
  /// Builds a pipeline of a source that looks for two files; how often it was parsed.
  int parses(const std::string& kernel = "k") {
    Process process;
    process.kernel = kernel;
    process.options.include_directories = {root.path().string()};
    process.text += "\nreads " + (root.path() / "a.h").string() + "\nreads " + (root.path() / "b.h").string();
    EXPECT_TRUE(process.run(open_store()));
    EXPECT_EQ(process.compiler->generates, process.compiler->parses);
    EXPECT_EQ(process.registry->statistics().disk_corrupt, 0u);
    return process.compiler->parses;
  }
};

TEST_F(Files, UnchangedFilesOfIncludeDirectoriesAreAHit) {
  write("a.h", "one");
  EXPECT_EQ(parses(), 1);
  EXPECT_EQ(parses(), 0);
  write("a.h", "one");
  EXPECT_EQ(parses(), 0) << "what it holds counts, not when it was written";
  write("elsewhere.h", "never looked at");
  EXPECT_EQ(parses(), 0);
}

TEST_F(Files, AChangedFileIsCompiledAnew) {
  write("a.h", "one");
  EXPECT_EQ(parses(), 1);
  write("a.h", "two");
  EXPECT_EQ(parses(), 1);
  EXPECT_EQ(parses(), 0);
  write("b.h", "was looked for and not there");
  EXPECT_EQ(parses(), 1);
  EXPECT_EQ(parses(), 0);
  std::filesystem::remove(root.path() / "a.h");
  EXPECT_EQ(parses(), 1);
  EXPECT_EQ(parses(), 0);
}

TEST_F(Files, AnOtherKernelOfTheSameSourceKnowsTheFiles) {
  write("a.h", "one");
  EXPECT_EQ(parses(), 1);
  EXPECT_EQ(parses("other"), 1) << "not kept yet";
  write("a.h", "two");
  EXPECT_EQ(parses("other"), 1);
  EXPECT_EQ(parses(), 1);
}

TEST_F(Disk, FailuresAreNotKept) {
  for (int round = 1; round <= 2; ++round) {
    Process process;
    process.text = "error bad";
    ASSERT_FALSE(process.run(open_store()));
    EXPECT_EQ(process.compiler->parses, 1);
    Process generation;
    generation.compiler->on_generate = [](std::string_view, auto) -> Result<void> {
      return fail(ErrorCode::FunctionConstantError, "no");
    };
    ASSERT_FALSE(generation.run(open_store()));
    EXPECT_EQ(generation.compiler->generates, 1);
  }
}

TEST_F(Disk, ADamagedEntryIsMadeAgain) {
  Process first;
  ASSERT_TRUE(first.run(open_store()));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root.path() / "cache")) {
    if (entry.is_regular_file()) std::filesystem::resize_file(entry.path(), entry.file_size() - 1);
  }
  Process second;
  ASSERT_TRUE(second.run(open_store()));
  EXPECT_EQ(second.compiler->parses, 1);
  EXPECT_EQ(second.registry->statistics().disk_corrupt, 2u);
  Process third;
  ASSERT_TRUE(third.run(open_store()));
  EXPECT_EQ(third.compiler->parses, 0);
}

TEST_F(Disk, CodeTheDeviceRefusesIsMadeAgain) {
  Process first;
  ASSERT_TRUE(first.run(open_store()));
  Process second;
  std::atomic<int> attempts{0};
  second.backend->on_load = [&](const device::Artifact&) -> Result<void> {
    if (attempts++ == 0) return fail(ErrorCode::InternalError, "cannot link");
    return {};
  };
  ASSERT_TRUE(second.run(open_store()));
  EXPECT_EQ(second.compiler->generates, 1);
  EXPECT_EQ(second.registry->statistics().disk_corrupt, 1u);
}

TEST_F(Disk, ThreadsShareOneStore) {
  const auto compiler = std::make_shared<FakeCompiler>();
  const Device device(std::make_shared<FakeBackend>());
  const auto round = [&] {
    KernelRegistry registry(compiler, open_store());
    registry.register_source("k", "kernel k");
    std::vector<std::jthread> threads;
    for (int t = 0; t < 16; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 64; ++i) {
          EXPECT_TRUE(registry.get_pipeline_with_constants("k", device, {}, {{1, (i + t) % 64}}));
        }
      });
    }
    threads.clear();
    return registry.statistics();
  };
  EXPECT_EQ(round().compiles, 64u);
  const auto warm = round();
  EXPECT_EQ(warm.compiles, 0u);
  EXPECT_EQ(warm.disk_hits, 64u);
  EXPECT_EQ(compiler->generates, 64);
}

TEST(StoreSettings, OptionsComeBeforeTheEnvironment) {
  const TemporaryDirectory root;
  const DiskCacheOptions options{.directory = root.path().string(), .size_limit = 77, .key_file = "/the/key"};
  const auto settings = registry::store_settings(options);
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->directory, options.directory);
  EXPECT_EQ(settings->size_limit, 77u);
  EXPECT_EQ(settings->key_file, "/the/key");
  EXPECT_FALSE(registry::store_settings({.enabled = false, .directory = "/d"}));
}

TEST(ToolchainIdentity, NamesTheLibrariesByTheirBuild) {
  const auto identity = std::string(registry::toolchain_identity());
  EXPECT_THAT(identity, ::testing::AnyOf(::testing::ContainsRegex("libLLVM[^ ]* [0-9a-f:.]{8,}\n"),
                                         ::testing::ContainsRegex("^within ")));
  EXPECT_EQ(registry::toolchain_identity(), identity);
}

TEST_F(Disk, EightProcessesWithSixtyFourKeysOnAColdDirectory) {
  constexpr int kProcesses = 8;
  constexpr int kKeys = 64;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto compiler = std::make_shared<FakeCompiler>();
      const Device device(std::make_shared<FakeBackend>());
      KernelRegistry registry(compiler, open_store());
      registry.register_source("k", "kernel k");
      bool right = true;
      for (int i = 0; i < 2 * kKeys; ++i) {
        const int key = (i * 7 + p * 11) % kKeys;
        const auto pipeline = registry.get_pipeline_with_constants("k", device, {}, {{1, key}});
        right = right && pipeline && (*pipeline)->label() == "k|1:i" + std::to_string(key);
      }
      const auto statistics = registry.statistics();
      right = right && statistics.compiles + statistics.disk_hits == kKeys && statistics.disk_corrupt == 0;
      right = right && compiler->generates <= kKeys && compiler->parses <= 1;
      ::_exit(right ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  Process last;
  last.text = "kernel k";
  last.constants = {{1u, 63}};
  ASSERT_TRUE(last.run(open_store()));
  EXPECT_EQ(last.compiler->generates, 0);
}

TEST(StoredForm, DamagedBytesAreRefusedOrHarmless) {
  registry::StoredPipeline whole;
  whole.artifact.code = "code";
  whole.artifact.reflection.arguments.resize(3);
  whole.warnings.resize(2);
  const auto bytes = registry::to_bytes(whole);
  ASSERT_TRUE(registry::pipeline_from_bytes(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(registry::pipeline_from_bytes(bytes.substr(0, size)));
  EXPECT_FALSE(registry::pipeline_from_bytes(bytes + "x"));
  std::mt19937 random(3);
  for (int round = 0; round < 20000; ++round) {
    auto bad = bytes;
    for (int i = 0; i < 3; ++i) bad[random() % bad.size()] = static_cast<char>(random());
    if (const auto read = registry::pipeline_from_bytes(bad)) {
      for (const auto& a : read->artifact.reflection.arguments) EXPECT_LE(a.kind, ArgumentKind::Threadgroup);
    }
    (void)registry::entry_from_bytes(bad);
  }
}

}  // namespace
}  // namespace anymetal::testing
