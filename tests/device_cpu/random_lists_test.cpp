// Random command lists have the results of running their dispatches one after the other, whatever ran at once.

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <random>

#include "native_kernel.hpp"

namespace anymetal::test {
namespace {

constexpr std::size_t kBuffers = 16;  // a list uses few of them, and nearly every dispatch waits for others, or all
constexpr std::uint32_t kNumbers = 96;

struct Range {
  std::size_t buffer = 0;
  std::uint32_t first = 0, count = 0;
  [[nodiscard]] bool overlaps(const Range& other) const {
    return buffer == other.buffer && first < other.first + other.count && other.first < first + count;
  }
};

/// out[i] = 3 out[i] + sum of one number of each input + salt; or a copy of the first input, or a fill with salt's last byte.
struct Step {
  enum class Kind { Kernel, Copy, Fill } kind = Kind::Kernel;
  std::vector<Range> in;
  Range out;
  std::uint32_t salt = 0;
  std::uint32_t delay = 0;  ///< rounds each threadgroup wastes
};

std::uint32_t picked(const Range& in, std::uint32_t i) { return (i * 7 + 3) % in.count; }

Range random_range(std::mt19937& random, std::size_t buffers) {
  Range range{random() % buffers, static_cast<std::uint32_t>(random() % kNumbers), 0};
  range.count = 1 + static_cast<std::uint32_t>(random() % (kNumbers - range.first));
  return range;
}

std::vector<Step> random_steps(std::mt19937& random) {
  std::vector<Step> steps(1 + random() % 200);
  const auto buffers = 3 + random() % (kBuffers - 2);
  for (auto& step : steps) {
    step.out = random_range(random, buffers);
    step.salt = static_cast<std::uint32_t>(random());
    step.delay = random() % 8 == 0 ? 2000 : 0;
    for (auto wanted = random() % 4; wanted > 0; --wanted) {
      const auto in = random_range(random, buffers);
      if (!in.overlaps(step.out)) step.in.push_back(in);  // within a dispatch there is no order
    }
    if (random() % 4 != 0) continue;
    step.kind = step.in.empty() ? Step::Kind::Fill : Step::Kind::Copy;
    if (step.in.empty()) continue;
    step.in.resize(1);
    step.in[0].count = step.out.count = std::min(step.in[0].count, step.out.count);
  }
  return steps;
}

class RandomLists : public testing::TestWithParam<unsigned> {
 protected:
  /// Adds a dispatch of one threadgroup for each number of the output.
  void add(NativeList& list, const Step& step) {
    const auto written = buffers_[step.out.buffer].bind(step.out.first, step.out.count);
    if (step.kind == Step::Kind::Copy)
      return list.copy(written, buffers_[step.in[0].buffer].bind(step.in[0].first, step.in[0].count));
    if (step.kind == Step::Kind::Fill) return list.fill(written, static_cast<std::byte>(step.salt));
    const auto inputs = step.in.size();
    auto& kernel = kernels_.emplace_back(
        [&step, inputs](device::cpu::GroupContext& context, std::uint64_t group) {
          const auto i = static_cast<std::uint32_t>(group);
          for (std::uint32_t round = 0; round < step.delay; ++round)
            std::atomic_signal_fence(std::memory_order_seq_cst);
          auto& out = static_cast<std::uint32_t*>(context.arguments[inputs + 1])[i];
          std::uint32_t sum = out * 3 + step.salt;
          for (std::size_t k = 0; k < inputs; ++k)
            sum += static_cast<const std::uint32_t*>(context.arguments[k + 1])[picked(step.in[k], i)];
          out = sum;
        },
        inputs + 1);
    std::vector<device::BoundArgument> bound;
    for (const auto& in : step.in) bound.push_back(buffers_[in.buffer].bind(in.first, in.count));
    bound.push_back(written);
    list.add(kernel, step.out.count, bound);
  }

  std::deque<NativeKernel> kernels_;
  std::vector<Numbers> buffers_ = [] {
    std::vector<Numbers> made;
    for (std::size_t i = 0; i < kBuffers; ++i) made.emplace_back(kNumbers);
    return made;
  }();
};

TEST_P(RandomLists, GiveTheResultsOfTheirOrder) {
  Dispatcher dispatcher(GetParam());
  std::mt19937 random(20 + GetParam());
  std::array<std::array<std::uint32_t, kNumbers>, kBuffers> expected{};
  for (int round = 0; round < 60; ++round) {
    const auto steps = random_steps(random);
    kernels_.clear();
    NativeList list;
    for (const auto& step : steps) {
      add(list, step);
      for (std::uint32_t i = 0; i < step.out.count; ++i) {
        auto& out = expected[step.out.buffer][step.out.first + i];
        out = step.kind == Step::Kind::Copy   ? expected[step.in[0].buffer][step.in[0].first + i]
              : step.kind == Step::Kind::Fill ? (step.salt & 0xff) * 0x01010101u
                                              : out * 3 + step.salt;
        if (step.kind != Step::Kind::Kernel) continue;
        for (const auto& in : step.in) out += expected[in.buffer][in.first + picked(in, i)];
      }
    }
    ASSERT_TRUE(dispatcher.execute(list.list()));
    for (std::size_t b = 0; b < kBuffers; ++b)
      for (std::uint32_t i = 0; i < kNumbers; ++i)
        ASSERT_EQ(buffers_[b][i], expected[b][i]) << "list " << round << ", buffer " << b;
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, RandomLists, testing::Values(1u, 2u, 4u, 7u));

}  // namespace
}  // namespace anymetal::test
