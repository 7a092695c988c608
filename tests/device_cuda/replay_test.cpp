// Recorded command lists as graphs: what a change costs and what a run gets.

#include "standin_support.hpp"

#include "device/cuda/kernel_bitcode.hpp"

#include <gmock/gmock.h>

#include <array>
#include <bit>
#include <cstring>

namespace anymetal::test {
namespace {

using device::cuda::DeviceMemory;
using device::cuda::Executor;
using device::cuda::GraphReplay;

struct Pair {
  std::uint32_t first;
  std::uint32_t second;
};

class CudaReplay : public testing::Test {
 protected:
  void SetUp() override {
    context_ = *open_context();
    executor_ = std::make_unique<Executor>(context_);
    in_ = *DeviceMemory::allocate(context_, 256);
    out_ = *DeviceMemory::allocate(context_, 256);
    kernel_ = *load_kernel(context_, {buffer_argument(Access::ReadWrite), value_argument(), buffer_argument(Access::Read)});
    replay_ = std::make_unique<GraphReplay>(*executor_);
    before_ = standin_.state();
  }
  /// Two dispatches, the second after the first.
  device::CommandList commands(Pair first, Pair second, Size threads = {64, 1, 1}, std::size_t offset = 0) {
    ListBuilder builder;
    builder.dispatch(kernel_, {builder.memory(out_), builder.bytes(first, 1), builder.memory(in_)});
    builder.dispatch(kernel_, {builder.memory(in_, offset), builder.bytes(second, 1), builder.memory(out_)}, threads);
    return std::move(builder.list);
  }
  void run() {
    auto work = replay_->submit();
    ASSERT_TRUE(work) << work.error().message();
    ASSERT_TRUE((*work)->wait());
  }
  static std::uint64_t bits(Pair pair) { return std::bit_cast<std::uint64_t>(pair); }

  Standin& standin_ = Standin::get();
  std::shared_ptr<device::cuda::Context> context_;
  std::unique_ptr<Executor> executor_;
  std::shared_ptr<DeviceMemory> in_, out_;
  std::shared_ptr<const device::cuda::Kernel> kernel_;
  std::unique_ptr<GraphReplay> replay_;
  StandinState before_{};
};

TEST_F(CudaReplay, RunsAsOneGraphAndLaunchesNothingByItself) {
  ASSERT_TRUE(replay_->replace(commands({1, 2}, {3, 4})));
  for (int i = 0; i < 3; ++i) run();
  const auto after = standin_.state();
  EXPECT_EQ(after.graph_launches, before_.graph_launches + 3);
  EXPECT_EQ(after.launches, before_.launches + 6);
  EXPECT_EQ(after.graphs, before_.graphs + 1);
  EXPECT_EQ(after.node_updates, before_.node_updates);
  EXPECT_EQ(after.last_launch.second_parameter, bits({3, 4})) << "the value lies in parameter space";
}

TEST_F(CudaReplay, SmallKernelsStartBeforeThoseTheyFollowAreComplete) {
  ASSERT_TRUE(replay_->replace(commands({1, 2}, {3, 4}, {32, 528, 1})));
  run();
  EXPECT_EQ(standin_.state().early_edges, before_.early_edges + 1);
}

TEST_F(CudaReplay, LargeKernelsStartAfterThoseTheyFollow) {
  ASSERT_TRUE(replay_->replace(commands({1, 2}, {3, 4}, {32, 529, 1})));
  run();
  EXPECT_EQ(standin_.state().early_edges, before_.early_edges);
}

TEST_F(CudaReplay, ChangedBytesChangeOneNode) {
  ASSERT_TRUE(replay_->replace(commands({1, 2}, {3, 4})));
  run();
  const Pair changed{7, 8};
  ASSERT_TRUE(replay_->set_bytes(1, 1, std::as_bytes(std::span(&changed, 1))));
  run();
  auto after = standin_.state();
  EXPECT_EQ(after.node_updates, before_.node_updates + 1);
  EXPECT_EQ(after.last_launch.second_parameter, bits(changed));
  run();
  EXPECT_EQ(standin_.state().node_updates, after.node_updates) << "what did not change is not sent again";
}

TEST_F(CudaReplay, AnotherListOfTheSameShapeChangesWhatDiffers) {
  ASSERT_TRUE(replay_->replace(commands({1, 2}, {3, 4})));
  run();
  ASSERT_TRUE(replay_->replace(commands({1, 2}, {3, 5}, {96, 1, 1}, 16)));
  run();
  const auto after = standin_.state();
  EXPECT_EQ(after.node_updates, before_.node_updates + 1);
  EXPECT_EQ(after.graphs, before_.graphs + 1);
  EXPECT_EQ(after.last_launch.grid[0], 3U);
  EXPECT_EQ(after.last_launch.first_parameter, in_->address() + 16);
}

TEST_F(CudaReplay, AnotherShapeIsAnotherGraph) {
  ASSERT_TRUE(replay_->replace(commands({1, 2}, {3, 4})));
  run();
  ListBuilder builder;
  builder.dispatch(kernel_, {builder.memory(out_), builder.bytes(Pair{5, 6}, 1), builder.memory(in_)});
  ASSERT_TRUE(replay_->replace(std::move(builder.list)));
  run();
  const auto after = standin_.state();
  EXPECT_EQ(after.launches, before_.launches + 3);
  EXPECT_EQ(after.last_launch.second_parameter, bits({5, 6}));
}

/// A list of `count` dispatches in a chain, submitted and waited for.
class CudaRepeatedLists : public CudaReplay {
 protected:
  void submit(std::size_t count, std::uint32_t value, const std::shared_ptr<DeviceMemory>& memory) {
    ListBuilder builder;
    for (std::size_t i = 0; i < count; ++i) {
      const auto number = static_cast<std::uint32_t>(i);
      builder.dispatch(kernel_, {builder.memory(memory), builder.bytes(Pair{value, number}, 1), builder.memory(in_)});
    }
    auto work = executor_->submit(std::move(builder.list));
    ASSERT_TRUE(work) << work.error().message();
    ASSERT_TRUE((*work)->wait());
  }
};

TEST_F(CudaRepeatedLists, AreGraphsFromTheSecondTimeOn) {
  submit(40, 1, out_);
  const auto first = standin_.state();  // as chains of a few lengths
  submit(40, 1, out_);
  submit(40, 1, out_);
  auto after = standin_.state();
  EXPECT_EQ(after.graph_launches, first.graph_launches + 2);
  EXPECT_EQ(after.graphs, first.graphs + 1);
  EXPECT_EQ(after.node_updates, first.node_updates);
  submit(40, 2, out_);
  after = standin_.state();
  EXPECT_EQ(after.node_updates, first.node_updates + 40);
  EXPECT_EQ(after.last_launch.second_parameter, bits({2, 39}));
  EXPECT_EQ(after.launches, before_.launches + 160);
}

TEST_F(CudaRepeatedLists, KeepNoMemoryAlive) {
  std::weak_ptr<DeviceMemory> memory;
  for (int i = 0; i < 2; ++i) {
    auto own = *DeviceMemory::allocate(context_, 256);
    memory = own;
    submit(40, 1, own);
  }
  executor_->backlog().reap();
  EXPECT_TRUE(memory.expired());
}

TEST_F(CudaRepeatedLists, ShortOnesAndOthersAreChains) {
  for (const std::size_t count : {7U, 7U}) submit(count, 1, out_);
  EXPECT_EQ(standin_.state().graph_launches, before_.graph_launches);
  for (const std::size_t count : {56U, 57U, 58U}) submit(count, 1, out_);
  EXPECT_EQ(standin_.state().graph_launches, before_.graph_launches + 9) << "8, 16 and 32 of each";
  EXPECT_EQ(standin_.state().graphs, before_.graphs + 3);
  EXPECT_EQ(standin_.state().launches, before_.launches + 14 + 56 + 57 + 58);
}

TEST_F(CudaReplay, CopiesAndFillsAreNodes) {
  const auto first_byte = [](const std::shared_ptr<DeviceMemory>& memory) {
    std::array<std::byte, 1> byte{};
    EXPECT_TRUE(memory->read(byte, 0));
    return byte[0];
  };
  const auto commands_with = [&](std::byte value, std::size_t bytes) {
    ListBuilder builder;
    builder.fill(in_, bytes, value);
    builder.copy(out_, in_, bytes);
    builder.dispatch(kernel_, {builder.memory(out_), builder.bytes(Pair{1, 2}, 1), builder.memory(in_)});
    return std::move(builder.list);
  };
  ASSERT_TRUE(replay_->replace(commands_with(std::byte{5}, 64)));
  run();
  EXPECT_EQ(first_byte(out_), std::byte{5});
  EXPECT_EQ(standin_.state().launches, before_.launches + 1);
  ASSERT_TRUE(replay_->replace(commands_with(std::byte{6}, 32)));
  run();
  EXPECT_EQ(first_byte(out_), std::byte{6});
  auto after = standin_.state();
  EXPECT_EQ(after.graphs, before_.graphs + 1);
  EXPECT_EQ(after.node_updates, before_.node_updates + 2);
  ListBuilder builder;  // a copy in the place of the fill: another graph
  builder.copy(in_, out_, 64);
  builder.copy(out_, in_, 64);
  builder.dispatch(kernel_, {builder.memory(out_), builder.bytes(Pair{1, 2}, 1), builder.memory(in_)});
  ASSERT_TRUE(replay_->replace(std::move(builder.list)));
  run();
  EXPECT_EQ(standin_.state().node_updates, after.node_updates);
}

TEST_F(CudaRepeatedLists, WithCopiesAreGraphs) {
  for (int i = 0; i < 2; ++i) {
    ListBuilder builder;
    builder.fill(in_, 64, std::byte{9});
    for (std::size_t k = 0; k < 40; ++k) builder.copy(k % 2 == 0 ? out_ : in_, k % 2 == 0 ? in_ : out_, 64);
    auto work = executor_->submit(std::move(builder.list));
    ASSERT_TRUE(work) << work.error().message();
    ASSERT_TRUE((*work)->wait());
  }
  EXPECT_EQ(standin_.state().graph_launches, before_.graph_launches + 1) << "copies have no chains";
}

TEST_F(CudaReplay, ADriverThatRefusesTheChangeGetsAnotherGraph) {
  ASSERT_TRUE(replay_->replace(commands({1, 2}, {3, 4})));
  run();
  const Pair changed{7, 8};
  ASSERT_TRUE(replay_->set_bytes(1, 1, std::as_bytes(std::span(&changed, 1))));
  standin_.fail_call("cuGraphExecKernelNodeSetParams", 1);
  run();
  standin_.fail_call("cuGraphExecKernelNodeSetParams", 0);
  EXPECT_EQ(standin_.state().last_launch.second_parameter, bits(changed));
}

TEST_F(CudaReplay, EdgesOfClippedGridsAreNodesOfTheirOwn) {
  ListBuilder builder;
  builder.dispatch(kernel_, {builder.memory(out_), builder.bytes(Pair{1, 2}, 1), builder.memory(in_)}, {10, 10, 1}, {4, 4, 1});
  ASSERT_TRUE(replay_->replace(std::move(builder.list)));
  run();
  EXPECT_EQ(standin_.state().launches, before_.launches + 4);
}

TEST_F(CudaReplay, ThreadgroupsThatDoNothingAreNoPartOfANode) {
  device::Artifact artifact;
  artifact.code = "cubin";
  artifact.symbol = "k";
  artifact.reflection.arguments = {buffer_argument(Access::ReadWrite)};
  artifact.metadata = device::cuda::write_metadata({{.step = {4, 1, 1}}, {}});
  const auto kernel = device::cuda::Kernel::load(context_, artifact, "k");
  ASSERT_TRUE(kernel) << kernel.error().message();
  for (const auto& [threads, groups] : {std::pair{64U, 1U}, {512U, 2U}, {513U, 3U}}) {  // in threadgroups of 64
    ListBuilder builder;
    builder.dispatch(*kernel, {builder.memory(out_)}, {threads, 1, 1}, {64, 1, 1});
    ASSERT_TRUE(replay_->replace(std::move(builder.list)));
    run();
    EXPECT_EQ(standin_.state().last_launch.grid[0], groups) << threads;
  }
  EXPECT_EQ(standin_.state().graph_launches, before_.graph_launches + 3);
}

TEST_F(CudaReplay, BytesBehindAPointerAreUploadedAndChange) {
  auto pointer = buffer_argument(Access::Read);  // `constant T*`: not of known size
  pointer.is_constant = true;
  const auto kernel = *load_kernel(context_, {pointer, buffer_argument(Access::ReadWrite)});
  ListBuilder builder;
  builder.dispatch(kernel, {builder.bytes(Pair{1, 2}, 0), builder.memory(out_)});
  ASSERT_TRUE(replay_->replace(std::move(builder.list)));
  run();
  const auto at = [&] {
    Pair there{};
    std::memcpy(&there, reinterpret_cast<const void*>(standin_.state().last_launch.first_parameter), sizeof there);
    return bits(there);
  };
  EXPECT_EQ(at(), bits({1, 2}));
  const Pair changed{3, 4};
  ASSERT_TRUE(replay_->set_bytes(0, 0, std::as_bytes(std::span(&changed, 1))));
  run();
  EXPECT_EQ(at(), bits(changed));
}

TEST_F(CudaReplay, ALaterRunWaitsForConflictingWorkOnly) {
  ASSERT_TRUE(replay_->replace(commands({1, 2}, {3, 4})));
  run();
  standin_.take_log();
  standin_.hold(true);
  auto work = replay_->submit();
  ASSERT_TRUE(work);
  EXPECT_FALSE((*work)->finished());
  std::array<std::byte, 8> bytes{};
  ASSERT_TRUE(out_->read_later(bytes, 0));
  const auto log = standin_.take_log();
  const auto is_copy = [](const StandinEvent& e) { return e.kind == StandinEvent::Kind::CopyToHost; };
  const auto copy = std::find_if(log.begin(), log.end(), is_copy);
  ASSERT_NE(copy, log.end());
  EXPECT_EQ(copy->stream, log.front().stream) << "a small read goes on where the graph runs";
  standin_.hold(false);
}

TEST_F(CudaReplay, AFailedRecordingLeavesTheEarlierOne) {
  ASSERT_TRUE(replay_->replace(commands({1, 2}, {3, 4})));
  run();
  auto pointer = buffer_argument(Access::Read);
  const auto kernel = *load_kernel(context_, {pointer, buffer_argument(Access::ReadWrite)});
  ListBuilder builder;
  std::array<std::byte, 4096> large{};
  for (int i = 0; i < 400; ++i) builder.dispatch(kernel, {builder.bytes(large), builder.memory(out_)});
  standin_.fail_call("cuMemAlloc", 2);
  const auto refused = replay_->replace(std::move(builder.list));
  standin_.fail_call("cuMemAlloc", 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::OutOfMemory);
  EXPECT_EQ(replay_->list().dispatches.size(), 2U);
  run();
  EXPECT_EQ(standin_.state().last_launch.second_parameter, bits({3, 4}));
}

}  // namespace
}  // namespace anymetal::test
