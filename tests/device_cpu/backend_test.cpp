// Compilation, loading and memory of the CPU device.

#include <algorithm>
#include <map>

#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

constexpr const char* kStore = "define void @kernel(ptr %out) {\n store i32 1, ptr %out\n ret void\n}\n";

TEST(CpuBackend, CompilesTheSameKernelToTheSameBytes) {
  const auto first = cpu_device()->compile(parse_kernel(kStore), "label");
  const auto second = cpu_device()->compile(parse_kernel(kStore), "label");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->code, second->code);
  EXPECT_NE(first->code.find("label"), std::string::npos) << "profilers find kernels by label";
}

TEST(CpuBackend, RefusesUnknownFunctionsWithTheirName) {
  const auto artifact = cpu_device()->compile(
      parse_kernel("declare void @system_call()\ndefine void @kernel() {\n call void @system_call()\n ret void\n}\n"),
      "label");
  ASSERT_FALSE(artifact);
  EXPECT_EQ(artifact.error().code(), ErrorCode::InternalError);
  EXPECT_NE(artifact.error().message().find("system_call"), std::string::npos);
  EXPECT_EQ(artifact.error().key(), "label");
}

TEST(CpuBackend, RefusesObjectsItCannotLink) {
  auto artifact = *cpu_device()->compile(parse_kernel(kStore), "label");
  const auto whole = artifact.code;
  for (const auto& bytes : {std::string(), std::string("no object"), whole.substr(0, whole.size() / 2)}) {
    artifact.code = bytes;
    const auto loaded = cpu_device()->load(artifact, "label");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code(), ErrorCode::InternalError);
  }
}

TEST(CpuBackend, ManyKernelsComeAndGo) {
  const auto artifact = *cpu_device()->compile(parse_kernel(kStore), "label");
  std::vector<std::shared_ptr<const device::Executable>> kept;
  for (int i = 0; i < 50; ++i) {
    auto loaded = cpu_device()->load(artifact, "label");
    ASSERT_TRUE(loaded);
    if (i % 5 == 0) kept.push_back(*loaded);
  }
  EXPECT_EQ(kept.size(), 10u);
  EXPECT_EQ(kept.back()->max_total_threads_per_threadgroup(), 1024u);
}

TEST(CpuBackend, DescribesItself) {
  const auto& info = cpu_device()->info();
  EXPECT_EQ(info.id, "cpu");
  EXPECT_FALSE(info.name.empty());
  EXPECT_GT(info.memory_bytes, 0u);
  EXPECT_TRUE(info.usable);
  EXPECT_NE(cpu_device()->artifact_identity().find("llvm 19"), std::string::npos);
  EXPECT_EQ(cpu_device()->threadgroup_memory_limit(), 32768u);
}

/// Forms in memory, and what was asked of it.
struct Forms final : device::FormStore {
  std::optional<std::string> find(std::string_view form) override {
    const auto found = kept.find(form);
    return found == kept.end() ? std::nullopt : std::optional(found->second);
  }
  void keep(std::string_view form, std::string_view bytes) override {
    ++written;
    kept.insert_or_assign(std::string(form), bytes);
  }
  void reject(std::string_view form) override {
    ++rejected;
    kept.erase(kept.find(form));
  }
  std::map<std::string, std::string, std::less<>> kept;
  unsigned written = 0, rejected = 0;
};

TEST(CpuBackend, TheGeneralFormOfAKernelIsCompiledOnceAndKept) {
  const auto artifact =
      *cpu_device()->compile(parse_kernel("define void @kernel(ptr %out) {\n %s = call i32 @__msl_simd_sum_u32(i32 1)\n"
                                          " store i32 %s, ptr %out\n ret void\n}\n"),
                             "label");
  ASSERT_EQ(artifact.execution_path, "lanes");
  const auto forms = std::make_shared<Forms>();
  /// The sum over the lanes of a threadgroup of this many.
  const auto sum = [&](std::size_t threads) -> std::uint32_t {
    const auto loaded = cpu_device()->load_with_forms(artifact, "label", forms);
    if (!loaded) return 0;
    const DeviceArray<std::uint32_t> out({0});
    device::CommandList list;
    list.arguments = {out.bind()};
    list.dispatches.push_back({loaded->get(), "label", 0, 1, {threads}, {threads}});
    EXPECT_TRUE(cpu_device()->execute(list));
    return out.values()[0];
  };
  EXPECT_EQ(sum(32), 32u);
  EXPECT_EQ(forms->written, 0u) << "nobody has needed it";
  EXPECT_EQ(sum(9), 9u);
  EXPECT_EQ(forms->written, 1u);
  EXPECT_EQ(sum(7), 7u);
  EXPECT_EQ(forms->written, 1u) << "the next process takes what is there";
  forms->kept.begin()->second.resize(100);
  EXPECT_EQ(sum(5), 5u);
  EXPECT_EQ(forms->rejected, 1u);
  EXPECT_EQ(forms->written, 2u);
}

class MemorySizes : public testing::TestWithParam<std::size_t> {};

TEST_P(MemorySizes, StartsZeroAndChecksItsBounds) {
  const auto size = GetParam();
  const auto memory = *cpu_device()->allocate(size);
  EXPECT_EQ(memory->size(), size);
  std::vector<std::byte> bytes(size, std::byte{1});
  ASSERT_TRUE(memory->read(bytes, 0));
  EXPECT_TRUE(std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; }));
  std::vector<std::byte> two(2, std::byte{9});
  EXPECT_EQ(memory->write(two, 0).has_value(), size >= 2);
  EXPECT_FALSE(memory->write(two, size - std::min<std::size_t>(size, 1)));
  EXPECT_FALSE(memory->read(two, SIZE_MAX));
  EXPECT_TRUE(memory->write({}, size));
}

INSTANTIATE_TEST_SUITE_P(Sizes, MemorySizes, testing::Values(0, 1, 255, 256, 65536, (1 << 20) - 1, 1 << 20, 5000000));

TEST(CpuBackend, MemoryThatIsNotThereIsAnError) {
  const auto memory = cpu_device()->allocate(std::size_t{1} << 60);
  ASSERT_FALSE(memory);
  EXPECT_EQ(memory.error().code(), ErrorCode::OutOfMemory);
}

TEST(CpuBackend, WrapsHostMemoryWithoutACopy) {
  auto owner = std::make_shared<std::vector<std::byte>>(100, std::byte{3});
  const std::weak_ptr<std::vector<std::byte>> watch = owner;
  auto memory = *cpu_device()->wrap(*owner, owner);
  EXPECT_EQ(memory->contents(), owner->data());
  EXPECT_FALSE(memory->write(std::vector<std::byte>(1), 0));
  owner.reset();
  EXPECT_FALSE(watch.expired());
  memory.reset();
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace anymetal::test
