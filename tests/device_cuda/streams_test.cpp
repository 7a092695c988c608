// Work on several streams: what conflicts is ordered, what does not is not.

#include "standin_support.hpp"

#include <array>
#include <map>
#include <random>
#include <set>
#include <thread>

namespace anymetal::test {
namespace {

using device::cuda::DeviceMemory;
using device::cuda::Executor;

/// What one piece of work touches.
struct Use {
  std::set<std::size_t> reads;
  std::set<std::size_t> writes;

  [[nodiscard]] bool conflicts(const Use& other) const {
    const auto meets = [](const std::set<std::size_t>& a, const std::set<std::size_t>& b) {
      return std::any_of(a.begin(), a.end(), [&](std::size_t m) { return b.contains(m); });
    };
    return meets(writes, other.writes) || meets(writes, other.reads) || meets(reads, other.writes);
  }
};

bool is_work(const StandinEvent& event) {
  return event.kind != StandinEvent::Kind::Record && event.kind != StandinEvent::Kind::Wait;
}

/// For each piece of work in the log, which earlier ones surely ended before it: streams run in order, and a wait passes on
/// what its event's stream had been given when it was recorded.
std::vector<std::set<std::size_t>> happens_before(const std::vector<StandinEvent>& log) {
  std::map<const void*, std::set<std::size_t>> streams;
  std::map<const void*, std::set<std::size_t>> events;
  std::vector<std::set<std::size_t>> before;
  for (const auto& entry : log) {
    auto& own = streams[entry.stream];
    if (entry.kind == StandinEvent::Kind::Record) {
      events[entry.event] = own;
    } else if (entry.kind == StandinEvent::Kind::Wait) {
      own.insert(events[entry.event].begin(), events[entry.event].end());
    } else {
      before.push_back(own);
      own.insert(before.size() - 1);
    }
  }
  return before;
}

class CudaStreams : public testing::Test {
 protected:
  void SetUp() override {
    context_ = *open_context();
    executor_ = std::make_unique<Executor>(context_);
    for (std::size_t i = 0; i < 6; ++i) memories_.push_back(*DeviceMemory::allocate_uncleared(context_, 256 * 1024));
    two_in_one_out_ = *load_kernel(context_, {buffer_argument(Access::Read), value_argument(), buffer_argument(Access::Read),
                                              buffer_argument(Access::ReadWrite)});
    standin_.take_log();
    standin_.hold(true);
  }
  void TearDown() override {
    standin_.hold(false);
    executor_.reset();
  }
  /// By which the log's entry for the next use is known: a kernel's argument, the length of a copy or fill.
  [[nodiscard]] std::uint64_t mark() const { return 1 + uses_.size(); }
  void add(ListBuilder& builder, std::size_t a, std::size_t b, std::size_t out) {
    builder.dispatch(two_in_one_out_, {builder.memory(memories_[a]), builder.bytes(mark()), builder.memory(memories_[b]),
                                       builder.memory(memories_[out])});
    uses_.push_back({{a, b}, {out}});
  }
  void add_copy(ListBuilder& builder, std::size_t from, std::size_t to) {
    builder.copy(memories_[to], memories_[from], mark());
    uses_.push_back({{from}, {to}});
  }
  void add_fill(ListBuilder& builder, std::size_t to) {
    builder.fill(memories_[to], mark(), std::byte{1});
    uses_.push_back({{}, {to}});
  }
  void submit(ListBuilder& builder) {
    auto work = executor_->submit(std::move(builder.list));
    ASSERT_TRUE(work) << work.error().message();
    builder = {};
  }
  std::size_t streams_used(const std::vector<StandinEvent>& log) {
    std::set<const void*> streams;
    for (const auto& entry : log) {
      if (is_work(entry)) streams.insert(entry.stream);
    }
    return streams.size();
  }

  Standin& standin_ = Standin::get();
  std::shared_ptr<device::cuda::Context> context_;
  std::unique_ptr<Executor> executor_;
  std::vector<std::shared_ptr<DeviceMemory>> memories_;
  std::shared_ptr<const device::cuda::Kernel> two_in_one_out_;
  std::vector<Use> uses_;  ///< of the work in the order it was given
};

TEST_F(CudaStreams, AChainStaysOnOneStreamWithoutWaits) {
  ListBuilder builder;
  for (std::size_t i = 0; i < 5; ++i) add(builder, i, i, i + 1);
  submit(builder);
  const auto log = standin_.take_log();
  EXPECT_EQ(streams_used(log), 1U);
  for (const auto& entry : log) EXPECT_NE(entry.kind, StandinEvent::Kind::Wait);
}

TEST_F(CudaStreams, ALongChainIsGraphsOfAFewLengthsInItsOrder) {
  const auto began = standin_.state();
  ListBuilder builder;
  for (std::size_t i = 0; i < 61; ++i) add(builder, i % 2, i % 2, 1 - i % 2);
  builder.fill(memories_[1], 1000, std::byte{1});
  for (std::size_t i = 0; i < 3; ++i) add(builder, 1, 1, 1);
  submit(builder);
  auto after = standin_.state();
  EXPECT_EQ(after.graph_launches, began.graph_launches + 3) << "8, 16, 32, then 5 and 3 by themselves";
  EXPECT_EQ(after.launches, began.launches + 64);
  EXPECT_EQ(after.graphs, began.graphs + 3);
  std::vector<std::uint64_t> marks;
  for (const auto& entry : standin_.take_log()) {
    if (is_work(entry)) marks.push_back(entry.mark);
  }
  ASSERT_EQ(marks.size(), 65U);
  for (std::size_t i = 0; i < 61; ++i) EXPECT_EQ(marks[i], i + 1);
  EXPECT_EQ(marks[61], 1000U);
  for (std::size_t i = 62; i < 65; ++i) EXPECT_EQ(marks[i], i);
}

TEST_F(CudaStreams, ADriverThatTakesNoGraphsGetsLaunches) {
  for (const char* call : {"cuGraphCreate", "cuGraphAddKernelNode", "cuGraphInstantiateWithFlags", "cuGraphExecKernelNodeSetParams"}) {
    const auto began = standin_.state();
    for (int round = 0; round < 2; ++round) {  // of other lengths: neither comes again
      ListBuilder builder;
      for (std::size_t i = 0; i < 10U + static_cast<std::size_t>(round); ++i) add(builder, 0, 0, 1);
      if (round == 1) standin_.fail_call(call, 1);
      submit(builder);
    }
    standin_.fail_call(call, 0);
    EXPECT_EQ(standin_.state().launches, began.launches + 21) << call;
    executor_ = std::make_unique<Executor>(context_);
  }
}

TEST_F(CudaStreams, IndependentDispatchesGetStreamsOfTheirOwn) {
  ListBuilder builder;
  add(builder, 0, 0, 1);
  add(builder, 0, 0, 2);
  add(builder, 0, 0, 3);
  submit(builder);
  const auto log = standin_.take_log();
  EXPECT_EQ(streams_used(log), 3U);
  for (const auto& before : happens_before(log)) EXPECT_TRUE(before.empty());
}

TEST_F(CudaStreams, WhatComesBeforeAWaitDoesNotWait) {
  ListBuilder builder;
  add(builder, 0, 0, 1);
  add(builder, 2, 2, 3);
  add(builder, 1, 3, 4);
  submit(builder);
  std::map<std::uint64_t, std::size_t> before;
  const auto log = standin_.take_log();
  const auto all = happens_before(log);
  std::size_t works = 0;
  for (const auto& entry : log) {
    if (is_work(entry)) before[entry.mark] = all.at(works++).size();
  }
  EXPECT_EQ(before, (std::map<std::uint64_t, std::size_t>{{1, 0}, {2, 0}, {3, 2}}));
}

TEST_F(CudaStreams, ListsAndCopiesOfOtherMemoryDoNotWait) {
  ListBuilder builder;
  add(builder, 0, 0, 1);
  submit(builder);
  add(builder, 2, 2, 3);
  submit(builder);
  const std::vector<std::byte> bytes(200 * 1024);
  ASSERT_TRUE(memories_[4]->write(bytes, 0));
  std::vector<std::byte> out(200 * 1024);
  ASSERT_TRUE(memories_[5]->read_later(out, 0));
  const auto log = standin_.take_log();
  const auto before = happens_before(log);
  ASSERT_EQ(before.size(), 4U);
  EXPECT_TRUE(before[1].empty());
  EXPECT_FALSE(before[2].contains(0) || before[2].contains(1));
  EXPECT_FALSE(before[3].contains(0) || before[3].contains(1));
}

TEST_F(CudaStreams, WhateverConflictsIsOrdered) {
  std::mt19937 random(7);
  const auto pick = [&] { return static_cast<std::size_t>(random() % memories_.size()); };
  std::vector<std::vector<std::byte>> destinations;
  constexpr std::size_t kLong = 100 * 1024;
  const auto graphs_before = standin_.state().graph_launches;
  for (int round = 0; round < 60; ++round) {
    ListBuilder builder;
    const auto kind = random() % 4;
    if (kind == 0) {
      const auto m = pick();
      const std::vector<std::byte> bytes(mark() + (random() % 2 == 0 ? 0 : kLong));
      ASSERT_TRUE(memories_[m]->write(bytes, 0));
      uses_.push_back({{}, {m}});
    } else if (kind == 1) {
      const auto m = pick();
      destinations.emplace_back(mark() + (random() % 2 == 0 ? 0 : kLong));
      ASSERT_TRUE(memories_[m]->read_later(destinations.back(), 0));
      uses_.push_back({{m}, {}});
    } else {
      const auto count = 1 + random() % (kind == 2 ? 12 : 60);
      const auto only = pick();  // what a chain writes
      for (std::size_t i = 0; i < count; ++i) {
        const auto out = kind == 2 ? pick() : only;
        const auto a = pick();
        const auto command = random() % 16;
        if (command == 0 && a != out) {
          add_copy(builder, a, out);
        } else if (command == 1) {
          add_fill(builder, out);
        } else {
          add(builder, a, pick(), out);
        }
      }
      submit(builder);
    }
  }
  const auto log = standin_.take_log();
  const auto before = happens_before(log);
  ASSERT_EQ(before.size(), uses_.size());
  std::vector<std::size_t> place(uses_.size(), before.size());  // in the log, of the work in the order it was given
  std::size_t works = 0;
  for (const auto& entry : log) {
    if (is_work(entry)) place.at((entry.mark - 1) % kLong) = works++;
  }
  std::size_t free_pairs = 0;
  for (std::size_t j = 0; j < uses_.size(); ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      const bool ordered = before.at(place[j]).contains(place[i]);
      if (uses_[i].conflicts(uses_[j])) {
        EXPECT_TRUE(ordered) << "work " << j << " may run before " << i << " has ended";
      }
      if (!ordered) ++free_pairs;
    }
  }
  EXPECT_GT(free_pairs, 0U);
  EXPECT_GT(standin_.state().graph_launches, graphs_before);
}

TEST_F(CudaStreams, MemoryThatIsFreedAndTakenAgainIsOrderedAfterItsLastUse) {
  const auto address = memories_[1]->address();
  ASSERT_TRUE(memories_[1]->write(std::vector<std::byte>(200 * 1024), 0));
  memories_[1].reset();
  auto again = *DeviceMemory::allocate(context_, 256 * 1024);
  EXPECT_EQ(again->address(), address);
  const auto before = happens_before(standin_.take_log());
  ASSERT_EQ(before.size(), 2U);
  EXPECT_TRUE(before[1].contains(0));
}

TEST_F(CudaStreams, ThreadsShareADevice) {
  standin_.hold(false);
  const auto use = [&](std::size_t own) {
    for (int round = 0; round < 50; ++round) {
      ListBuilder builder;
      for (const std::size_t out : {own, own + 2}) {
        builder.dispatch(two_in_one_out_, {builder.memory(memories_[4]), builder.bytes(std::uint64_t{1}), builder.memory(memories_[own]),
                                           builder.memory(memories_[out])});
      }
      auto work = executor_->submit(std::move(builder.list));
      ASSERT_TRUE(work);
      std::array<std::byte, 64> bytes{std::byte{static_cast<unsigned char>(round)}};
      ASSERT_TRUE(memories_[own]->write(bytes, 0));
      std::array<std::byte, 64> back{};
      ASSERT_TRUE(memories_[own]->read(back, 0));
      EXPECT_EQ(back, bytes);
      ASSERT_TRUE(DeviceMemory::allocate(context_, 1000 * (own + 1)));
      ASSERT_TRUE((*work)->wait());
    }
  };
  std::vector<std::jthread> threads;
  for (const std::size_t own : {0U, 1U}) threads.emplace_back(use, own);
}

TEST_F(CudaStreams, DevicesAreApart) {
  auto second = *device::cuda::Context::open(context_->driver(), 1);
  auto memory = *DeviceMemory::allocate_uncleared(second, 256 * 1024);
  standin_.take_log();
  ListBuilder builder;
  add(builder, 0, 0, 1);
  submit(builder);
  ASSERT_TRUE(memory->write(std::vector<std::byte>(64), 0));
  const auto log = standin_.take_log();
  EXPECT_EQ(streams_used(log), 2U);
  for (const auto& before : happens_before(log)) EXPECT_TRUE(before.empty());
}

TEST_F(CudaStreams, AFaultNamesTheCommands) {
  ListBuilder builder;
  add_fill(builder, 0);
  standin_.fail_call("cuEventSynchronize", 700);
  auto fault = executor_->run(builder.list);
  standin_.fail_call("cuEventSynchronize", 0);
  ASSERT_FALSE(fault);
  EXPECT_NE(fault.error().message().find("running command 'fill'"), std::string::npos) << fault.error().message();
}

TEST_F(CudaStreams, AFaultNamesAllThatRan) {
  ListBuilder builder;
  add(builder, 0, 0, 1);
  submit(builder);
  const auto other = *load_kernel(context_, {buffer_argument(Access::ReadWrite), buffer_argument(Access::ReadWrite)});
  builder.dispatch(other, {builder.memory(memories_[2]), builder.memory(memories_[3])});
  builder.list.dispatches.back().label = "other";
  standin_.fail_call("cuEventSynchronize", 700);
  const auto fault = executor_->run(builder.list);
  standin_.fail_call("cuEventSynchronize", 0);
  ASSERT_FALSE(fault);
  EXPECT_NE(fault.error().message().find("running kernel 'other'"), std::string::npos) << fault.error().message();
  EXPECT_NE(fault.error().message().find("running meanwhile: kernel 'k'"), std::string::npos) << fault.error().message();
}

}  // namespace
}  // namespace anymetal::test
