// Branches and loops.
#include <fmt/format.h>

#include "evaluated_kernel.hpp"

namespace anymetal::test {

void EvaluatedKernel::statements(unsigned depth, unsigned count) {
  for (unsigned n = 0; n < count; ++n) statement(depth);
}

void EvaluatedKernel::statement(unsigned depth) {
  const bool meets = meetings_ == Meetings::Any || (meetings_ == Meetings::Uniform && together_ && !returned_);
  switch (pick(depth > 0 ? 28 : 21)) {
    case 0:
    case 1:
      return assign_part();
    case 2:
      return compound();
    case 3:
      return array_store();
    case 4:
      return structs();
    case 5:
      return own_store();
    case 6:
    case 7:
      return row();
    case 8:
      return walk();
    case 9:
      return fill();
    case 10:
      return chance(4) ? (chance(2) ? count() : own_atomic()) : assign();
    case 11:
      return meets ? reduce() : assign();
    case 12:
      return meets ? shuffle() : assign();
    case 13:
      return meets ? vote() : assign();
    case 14:
      return meets && together_ && !returned_ ? (chance(4) ? tally() : exchange()) : assign();
    case 15:
    case 16:
      return assign();
    case 17:
      return chance(2) ? bit_fields() : packed_struct();
    case 18:
      return matrix();
    case 19:
      return lambda();
    case 20:
      return volatile_copy();
    case 21:
    case 22:
      return branch(depth - 1);
    case 23:
      return choice(depth - 1);
    case 24:
      return open_loop(depth - 1);
    case 25:
      return leave();
    default:
      return counted_loop(depth - 1);
  }
}

BlockPtr EvaluatedKernel::nested(unsigned depth, unsigned count) {
  const auto outer = std::exchange(block_, std::make_shared<Block>());
  const auto variables = variables_.size();
  ++indent_;
  statements(depth, count);
  --indent_;
  variables_.resize(variables);
  return std::exchange(block_, outer);
}

void EvaluatedKernel::branch(unsigned depth) {
  const bool was_together = together_, same = chance(3), otherwise = chance(2);
  together_ = together_ && same;
  const auto way = same ? shared_condition() : condition(2);
  line(fmt::format("if ({}) {{", way.text));
  const auto then = nested(depth, 1 + pick(3));
  auto other = std::make_shared<Block>();
  if (otherwise) {
    line("} else {");
    other = nested(depth, 1 + pick(3));
  }
  line("}");
  together_ = was_together;
  does([way = way.value, then, other](Group& group, const Mask& mask) {
    const Mask taken = where(group, mask, way);
    then->run(group, taken);
    other->run(group, mask & ~taken);
  });
}

void EvaluatedKernel::choice(unsigned depth) {
  const bool was_together = std::exchange(together_, false);
  const auto index = scalar_index(5);
  line(fmt::format("switch ({}) {{", index.text));
  std::array<BlockPtr, 3> ways;
  std::array<bool, 3> ends{};
  ++switches_;
  for (unsigned way = 0; way < 3; ++way) {
    line(way == 2 ? std::string("default: {") : fmt::format("case {}: {{", way * 3));
    ways[way] = nested(depth, 1 + pick(2));
    ends[way] = !chance(4);
    line(ends[way] ? "} break;" : "}");
  }
  --switches_;
  line("}");
  together_ = was_together;
  does([index = index.value, ways, ends](Group& group, const Mask& mask) {
    std::array<Mask, 3> begins;
    each(group, mask, [&](Thread& thread) {
      const auto at = index(thread)[0];
      begins[at == 0 ? 0 : at == 3 ? 1 : 2].set(thread.index);
    });
    Mask inside;
    for (unsigned way = 0; way < 3; ++way) {
      inside |= begins[way];
      ways[way]->run(group, inside);
      if (ends[way]) inside.reset();
    }
  });
}

BlockPtr EvaluatedKernel::rounds(unsigned depth, bool skips, bool leaves, bool together) {
  ++loops_;
  const auto switches = std::exchange(switches_, 0);
  const auto outer = std::exchange(block_, std::make_shared<Block>());
  const auto part = [&](unsigned count) {
    const auto inner = nested(depth, count);
    does([inner](Group& group, const Mask& mask) { inner->run(group, mask); });
  };
  const auto goes = [&](const char* keyword, Mask Group::*where_to) {
    const auto way = together ? shared_condition() : condition(2);
    line(fmt::format("  if ({}) {};", way.text, keyword));
    does([way = way.value, where_to](Group& group, const Mask& mask) { group.*where_to |= where(group, mask, way); });
  };
  part(1 + pick(2));
  if (skips) goes("continue", &Group::continued);
  if (skips) part(1);
  if (leaves) goes("break", &Group::broken);
  part(1);
  switches_ = switches;
  --loops_;
  return std::exchange(block_, outer);
}

void EvaluatedKernel::counted_loop(unsigned depth) {
  const bool was_together = together_, same = chance(2), leaves = chance(2), skips = chance(3),
             leaves_together = chance(2);
  together_ = together_ && same && ((!leaves && !skips) || leaves_together);
  const auto count = same ? literal({Scalar::Uchar}) : converted(scalar_index(7), {Scalar::Uint});
  const auto most = same ? 1 + pick(5) : 0;
  const auto bound =
      same ? Expression{{}, fmt::format("{}u", most), [most](const Thread&) { return Value{most}; }} : count;
  const auto limit = fmt::format("rounds{}", names_++);
  const auto limit_slot = slot();
  const auto name = fmt::format("k{}", names_++);
  const auto counter_slot = slot();
  line(fmt::format("for (uint {0} = 0, {1} = {2}; {0} < {1}; ++{0}) {{", name, limit, bound.text));
  variables_.push_back({{Scalar::Uint}, name, counter_slot, false});
  const auto body = rounds(depth, skips, leaves, leaves_together);
  variables_.pop_back();
  line("}");
  together_ = was_together;
  does([bound = bound.value, body, limit_slot, counter_slot](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) {
      thread.slots[counter_slot] = {};
      thread.slots[limit_slot] = bound(thread);
    });
    const auto round = [&](Group& all, const Mask& inside) {
      Mask result;
      each(all, inside, [&](Thread& t) { result[t.index] = t.slots[counter_slot][0] < t.slots[limit_slot][0]; });
      return result;
    };
    loop(group, mask, round, *body,
         [&](Group& all, const Mask& inside) { each(all, inside, [&](Thread& t) { ++t.slots[counter_slot][0]; }); });
  });
}

void EvaluatedKernel::open_loop(unsigned depth) {  // to a condition, with the test before or after the body
  const bool was_together = std::exchange(together_, false), after = chance(2);
  const unsigned most = 2 + pick(6);
  const auto name = fmt::format("k{}", names_++);
  const auto counter_slot = slot();
  line(fmt::format("uint {} = 0;", name));
  const auto way = condition(2);  // does not see the counter
  const auto test = fmt::format("while (++{} <= {}u && {})", name, most, way.text);
  line(after ? "do {" : test + " {");
  const auto body = rounds(depth, chance(3), chance(3), false);
  line(after ? "} " + test + ";" : "}");
  together_ = was_together;
  does([way = way.value, body, counter_slot, most, after](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) { thread.slots[counter_slot] = {}; });
    const auto round = [&](Group& all, const Mask& inside) {
      Mask result;
      each(all, inside, [&](Thread& t) { result[t.index] = ++t.slots[counter_slot][0] <= most && way(t)[0] != 0; });
      return result;
    };
    loop(
        group, mask, round, *body, [](Group&, const Mask&) {}, after);
  });
}

void EvaluatedKernel::leave() {
  if (loops_ > 0 || (meetings_ == Meetings::Uniform && !chance(4))) return branch(0);
  returned_ = true;
  const auto way = condition(2), what = value({Scalar::Ulong}, 1);
  line(fmt::format("if ({}) {{", way.text));
  line(fmt::format("  result[0] = {};", what.text));
  line("  return;");
  line("}");
  does([way = way.value, what = what.value](Group& group, const Mask& mask) {
    const Mask gone = where(group, mask, way);
    each(group, gone, [&](Thread& thread) {
      store(Scalar::Ulong, what(thread)[0], group.memory->out, std::size_t{thread.place} * kResults * 8);
    });
    group.returned |= gone;
  });
}

}  // namespace anymetal::test
