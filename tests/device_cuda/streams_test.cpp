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
    two_in_one_out_ = *load_kernel(context_, {buffer_argument(Access::Read), buffer_argument(Access::Read),
                                              buffer_argument(Access::ReadWrite)});
    standin_.take_log();
    standin_.hold(true);
  }
  void TearDown() override {
    standin_.hold(false);
    executor_.reset();
  }
  void add(ListBuilder& builder, std::size_t a, std::size_t b, std::size_t out) {
    builder.dispatch(two_in_one_out_,
                     {builder.memory(memories_[a]), builder.memory(memories_[b]), builder.memory(memories_[out])});
    uses_.push_back({{a, b}, {out}});
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
  for (int round = 0; round < 60; ++round) {
    ListBuilder builder;
    const auto kind = random() % 4;
    if (kind == 0) {
      const auto m = pick();
      const std::vector<std::byte> bytes(random() % 2 == 0 ? 64 : 100 * 1024);
      ASSERT_TRUE(memories_[m]->write(bytes, 0));
      uses_.push_back({{}, {m}});
    } else if (kind == 1) {
      const auto m = pick();
      destinations.emplace_back(random() % 2 == 0 ? 64 : 100 * 1024);
      ASSERT_TRUE(memories_[m]->read_later(destinations.back(), 0));
      uses_.push_back({{m}, {}});
    } else {
      const auto count = 1 + random() % 12;
      for (std::size_t i = 0; i < count; ++i) add(builder, pick(), pick(), pick());
      submit(builder);
    }
  }
  const auto before = happens_before(standin_.take_log());
  ASSERT_EQ(before.size(), uses_.size());
  std::size_t free_pairs = 0;
  for (std::size_t j = 0; j < uses_.size(); ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      if (uses_[i].conflicts(uses_[j])) {
        EXPECT_TRUE(before[j].contains(i)) << "work " << j << " may run before " << i << " has ended";
      }
      if (!before[j].contains(i)) ++free_pairs;
    }
  }
  EXPECT_GT(free_pairs, 0U);
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
        builder.dispatch(two_in_one_out_, {builder.memory(memories_[4]), builder.memory(memories_[own]), builder.memory(memories_[out])});
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
