#pragma once
/// \file
/// What runs an evaluated kernel: threads of a threadgroup that take each statement together, those of them that are
/// there. Lanes that parted meet again where the statement that parted them ends.

#include <bitset>
#include <functional>
#include <memory>
#include <vector>

#include "number.hpp"

namespace anymetal::test {

constexpr unsigned kMostThreads = 256;  ///< of a threadgroup
using Mask = std::bitset<kMostThreads>;

/// The contents of a kernel's buffers.
struct Memory {
  std::vector<std::uint8_t> in, reals, out, own, rows;
  std::vector<std::uint32_t> counts;
};

struct Group;
struct Thread {
  Group* group = nullptr;
  std::uint32_t place = 0;  ///< in the dispatch, counted threadgroup by threadgroup
  std::uint32_t index = 0;  ///< in the threadgroup
  std::array<std::uint32_t, 3> position{};
  std::vector<Value> slots;  ///< what is the thread's own
};

struct Group {
  Memory* memory = nullptr;
  std::vector<Thread> threads;
  std::vector<Value> shared;
  Mask returned, broken, continued;

  [[nodiscard]] Mask running() const { return ~(returned | broken | continued); }
};

/// An expression's value in one thread.
using Evaluate = std::function<Value(const Thread&)>;
/// What a statement does in those threads.
using Execute = std::function<void(Group&, const Mask&)>;

/// Statements one after the other, each by those threads that still run.
class Block {
 public:
  void add(Execute statement) { statements_.push_back(std::move(statement)); }
  void run(Group& group, const Mask& mask) const {
    for (const auto& statement : statements_) {
      const Mask there = mask & group.running();
      if (there.any()) statement(group, there);
    }
  }

 private:
  std::vector<Execute> statements_;
};
using BlockPtr = std::shared_ptr<Block>;

template <class Do>
void each(Group& group, const Mask& mask, Do what) {
  for (std::size_t n = 0; n < group.threads.size(); ++n)
    if (mask[n]) what(group.threads[n]);
}

/// Threads for which the first component of the value is not zero.
inline Mask where(Group& group, const Mask& mask, const Evaluate& condition) {
  Mask result;
  each(group, mask, [&](Thread& thread) { result[thread.index] = condition(thread)[0] != 0; });
  return result;
}

/// A loop: `round` is told which threads are in it and takes those away that are done before the body runs; `next` runs
/// in those that have not left.
inline void loop(Group& group, const Mask& mask, const std::function<Mask(Group&, const Mask&)>& round,
                 const Block& body, const Execute& next, bool body_first = false) {
  const Mask broken = group.broken, continued = group.continued;
  group.broken.reset();
  Mask inside = mask;
  for (bool first = true;; first = false) {
    group.continued.reset();
    if (!(first && body_first)) inside = round(group, inside);
    if (inside.none()) break;
    body.run(group, inside);
    inside &= ~(group.broken | group.returned);
    group.continued.reset();
    next(group, inside);
  }
  group.broken = broken;
  group.continued = continued;
}

}  // namespace anymetal::test
