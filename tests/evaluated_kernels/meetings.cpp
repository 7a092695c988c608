// What threads do together: simdgroup operations and memory of the threadgroup.
#include <fmt/format.h>

#include <bit>
#include <limits>

#include "evaluated_kernel.hpp"

namespace anymetal::test {
namespace {

constexpr unsigned kLanes = 32;
constexpr const char* kBarrier = "threadgroup_barrier(mem_flags::mem_threadgroup);";

/// For each run of `width` threads those of them that are there.
void each_cluster(Group& group, const Mask& mask, unsigned width,
                  const std::function<void(const std::vector<Thread*>&)>& what) {
  for (std::size_t first = 0; first < group.threads.size(); first += width) {
    std::vector<Thread*> there;
    for (std::size_t n = first; n < std::min(first + width, group.threads.size()); ++n)
      if (mask[n]) there.push_back(&group.threads[n]);
    if (!there.empty()) what(there);
  }
}

std::string operator_of(const std::string& name) {
  if (name.ends_with("sum")) return "+";
  if (name.ends_with("product")) return "*";
  if (name == "and") return "&";
  if (name == "or") return "|";
  return name == "xor" ? "^" : name;
}

}  // namespace

void EvaluatedKernel::reduce() {
  Type type{chance(3) ? std::array{Scalar::Half, Scalar::Float}[pick(2)] : static_cast<Scalar>(1 + pick(6)),
            chance(3) ? 2 + pick(3) : 1};
  static constexpr std::array kNames{"min",
                                     "max",
                                     "sum",
                                     "product",
                                     "prefix_inclusive_sum",
                                     "prefix_exclusive_sum",
                                     "prefix_inclusive_product",
                                     "prefix_exclusive_product",
                                     "and",
                                     "or",
                                     "xor"};
  const std::string name = kNames[pick(is_float(type.scalar) ? 3 : kNames.size())];
  const bool quad = chance(6);
  auto what = tame_value(type);
  if (is_float(type.scalar) && name == "sum") {  // whole numbers, whose sum is exact in any order
    const Type small{Scalar::Uchar, type.width};
    const auto from = value(small, 1);
    Expression bounded{small, fmt::format("({} & {}(31))", from.text, spelling(small)),
                       [x = from.value](const Thread& thread) {
                         auto found = x(thread);
                         for (auto& component : found) component &= 31U;
                         return found;
                       }};
    what = converted(bounded, type);
  }
  const auto to = fmt::format("met{}", names_++);
  const auto target = slot();
  const auto operation = operator_of(name);
  const bool inclusive = name.find("inclusive") != std::string::npos,
             exclusive = name.find("exclusive") != std::string::npos;
  line(fmt::format("const {} {} = {}_{}({});", spelling(type), to, quad ? "quad" : "simd", name, what.text));
  does([=, value = what.value](Group& group, const Mask& mask) {
    each_cluster(group, mask, quad ? 4 : kLanes, [&](const std::vector<Thread*>& there) {
      std::vector<Value> operands;
      for (const Thread* thread : there) operands.push_back(value(*thread));
      const auto join = [&](const Value& a, const Value& b) {
        Value result{};
        for (unsigned c = 0; c < type.width; ++c) result[c] = apply(operation, type.scalar, std::array{a[c], b[c]});
        return result;
      };
      Value before{};
      if (operation == "*")
        for (auto& component : before) component = 1;
      Value all = operands[0];
      for (std::size_t n = 0; n < there.size(); ++n) {
        if (n > 0) all = join(all, operands[n]);
        if (inclusive) there[n]->slots[target] = all;
        if (exclusive) there[n]->slots[target] = n == 0 ? before : join(before, operands[n - 1]);
        if (exclusive && n > 0) before = there[n]->slots[target];
      }
      if (!inclusive && !exclusive)
        for (Thread* thread : there) thread->slots[target] = all;
    });
  });
  variables_.push_back({type, to, target, false});
}

void EvaluatedKernel::shuffle() {
  const Type type{std::array{Scalar::Char, Scalar::Uchar, Scalar::Short, Scalar::Ushort, Scalar::Int, Scalar::Uint,
                             Scalar::Half, Scalar::Float, Scalar::Bfloat}[pick(9)],
                  chance(2) ? 2 + pick(3) : 1};
  const auto what = tame_value(type);
  const auto name = fmt::format("met{}", names_++);
  const auto target = slot();
  const bool prefix = together_ && !returned_;  // lanes that are there are the first ones
  const auto kind = pick(prefix ? 5 : 4);
  const unsigned distance = 1 + pick(31);
  const auto there = fmt::format("there{}", names_++);
  line(fmt::format("const uint {} = uint(ulong(simd_ballot(true)));", there));
  const auto index = scalar_index(1U << 20);
  switch (kind) {
    case 0:
      line(fmt::format("const {} {} = simd_shuffle({}, ushort({}));", spelling(type), name, what.text,
                       distance % 2 == 0 ? "ctz(" + there + ")" : "31u - clz(" + there + ")"));
      break;
    case 1:
      line(fmt::format("const {0} {1} = simd_broadcast_first({2});", spelling(type), name, what.text));
      break;
    case 2:
      line(fmt::format("{0} {1} = simd_shuffle_xor({2}, {3});", spelling(type), name, what.text, distance));
      line(fmt::format("if (({0} >> (lane ^ {1}u) & 1u) == 0) {2} = {3}(0);", there, distance, name, spelling(type)));
      break;
    case 3:
      line(fmt::format("{0} {1} = simd_shuffle_{4}({2}, {3});", spelling(type), name, what.text, distance,
                       distance % 2 == 0 ? "up" : "down"));
      line(fmt::format("if (lane {3} > 31u || ({0} >> (lane {3}) & 1u) == 0) {1} = {2}(0);", there, name,
                       spelling(type),
                       distance % 2 == 0 ? fmt::format("- {}u", distance) : fmt::format("+ {}u", distance)));
      break;
    default:
      line(fmt::format("const {} {} = simd_shuffle({}, ushort({} % popcount({})));", spelling(type), name, what.text,
                       index.text, there));
      break;
  }
  does([=, value = what.value, index = index.value](Group& group, const Mask& mask) {
    each_cluster(group, mask, kLanes, [&](const std::vector<Thread*>& lanes) {
      std::array<Value, kLanes> values{};
      std::array<bool, kLanes> is_there{};
      for (const Thread* thread : lanes) {
        values[thread->index % kLanes] = value(*thread);
        is_there[thread->index % kLanes] = true;
      }
      const auto at = [&](unsigned source) { return source < kLanes && is_there[source] ? values[source] : Value{}; };
      std::vector<Value> found;
      for (const Thread* thread : lanes) {
        const unsigned lane = thread->index % kLanes;
        switch (kind) {
          case 0:
            found.push_back(values[(distance % 2 == 0 ? lanes.front() : lanes.back())->index % kLanes]);
            break;
          case 1:
            found.push_back(values[lanes.front()->index % kLanes]);
            break;
          case 2:
            found.push_back(at(lane ^ distance));
            break;
          case 3:
            found.push_back(at(distance % 2 == 0 ? lane - distance : lane + distance));
            break;
          default:
            found.push_back(values[index(*thread)[0] % lanes.size()]);
            break;
        }
      }
      for (std::size_t n = 0; n < lanes.size(); ++n) lanes[n]->slots[target] = found[n];
    });
  });
  variables_.push_back({type, name, target, false});
}

void EvaluatedKernel::vote() {
  const auto name = fmt::format("met{}", names_++);
  const auto target = slot();
  const auto way = condition(2);
  const auto kind = pick(5);
  static constexpr std::array kForms{"uint(ulong(simd_ballot({})))", "simd_all({}) ? 1u : 0u", "simd_any({}) ? 1u : 0u",
                                     "simd_is_first() ? 1u : uint({})", "uint(quad_all({}))"};
  line(fmt::format("const uint {} = {};", name, fmt::format(fmt::runtime(kForms[kind]), way.text)));
  does([=, way = way.value](Group& group, const Mask& mask) {
    each_cluster(group, mask, kind == 4 ? 4 : kLanes, [&](const std::vector<Thread*>& there) {
      std::uint32_t ballot = 0, active = 0;
      for (const Thread* thread : there) {
        active |= 1U << thread->index % kLanes;
        if (way(*thread)[0] != 0) ballot |= 1U << thread->index % kLanes;
      }
      for (Thread* thread : there) {
        const std::uint32_t own = ballot >> thread->index % kLanes & 1U;
        const std::array<std::uint32_t, 5> results{ballot, ballot == active, ballot != 0,
                                                   thread == there.front() ? 1U : own, ballot == active};
        thread->slots[target] = {results[kind]};
      }
    });
  });
  variables_.push_back({{Scalar::Uint}, name, target, false});
}

void EvaluatedKernel::exchange() {
  const auto array = shared_[pick(static_cast<unsigned>(shared_.size()))];
  const auto variable = some_variable();
  const auto what = tame_value(array.type);
  const bool crossed = chance(2);
  const auto source = value({Scalar::Uint});
  line(kBarrier);
  line(fmt::format("{}[i] = {};", array.name, what.text));
  line(kBarrier);
  Expression read{array.type,
                  fmt::format("{}[{}]", array.name, crossed ? "threads - 1u - i" : "(" + source.text + ") % threads"),
                  {}};
  read.value = [slot = array.slot, crossed, source = source.value](const Thread& thread) {
    const auto count = thread.group->threads.size();
    return thread.group->shared[slot + (crossed ? count - 1 - thread.index : source(thread)[0] % count)];
  };
  if (read.type.width != variable.type.width && read.type.width != 1) {
    const auto at = scalar_index(read.type.width, 1);
    read = {{read.type.scalar},
            fmt::format("{}[{}]", read.text, at.text),
            [whole = read.value, at = at.value](const Thread& thread) { return Value{whole(thread)[at(thread)[0]]}; }};
  }
  const auto result = tame(converted(read, variable.type));
  line(fmt::format("{} = {};", variable.text, result.text));
  does([slot = array.slot, value = what.value](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) { group.shared[slot + thread.index] = value(thread); });
  });
  does(set(variable, result));
}

void EvaluatedKernel::tally() {
  const auto variable = some_variable();
  if (variable.type != Type{Scalar::Uint} && variable.type != Type{Scalar::Ulong}) return exchange();
  const auto way = condition(2), at = scalar_index(4), what = value({Scalar::Uint});
  const auto which = pick(4);
  line(kBarrier);
  line("for (uint k = i; k < 4u; k += threads) atomic_store_explicit(tallies + k, k, memory_order_relaxed);");
  line(kBarrier);
  line(fmt::format("if ({}) atomic_fetch_{}_explicit(tallies + {}, {}, memory_order_relaxed);", way.text,
                   std::array{"add", "max", "xor", "or"}[which], at.text, what.text));
  line(kBarrier);
  const auto read = scalar_index(4);
  line(fmt::format("{} += atomic_load_explicit(tallies + {}, memory_order_relaxed);", variable.text, read.text));
  does([=, way = way.value, at = at.value, what = what.value, read = read.value](Group& group, const Mask& mask) {
    std::array<Component, 4> words{0, 1, 2, 3};
    each(group, where(group, mask, way), [&](Thread& thread) {
      auto& word = words[at(thread)[0]];
      word = apply(std::array{"+", "max", "^", "|"}[which], Scalar::Uint, std::array{word, what(thread)[0]});
    });
    each(group, mask, [&](Thread& thread) {
      const auto found = words[read(thread)[0]];
      auto& to = thread.slots[variable.slot][0];
      to = of_integer(variable.type.scalar, static_cast<__int128>(to) + found);
    });
  });
}

}  // namespace anymetal::test
