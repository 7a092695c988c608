// Atomic operations: on words that all threads share, where their order does not matter, and on words of the thread's
// own, where what they give back is known.
#include <fmt/format.h>

#include "evaluated_kernel.hpp"

namespace anymetal::test {
namespace {

/// Of a kind, one after the other in `counts`; behind all of them ulongs for the largest and the smallest.
constexpr unsigned kOfAKind = 4;
constexpr std::array kNames{"add", "max", "min", "or", "and", "xor"};
constexpr std::array kOperators{"+", "max", "min", "|", "&", "^"};
constexpr unsigned kWide = kOfAKind * kNames.size();
static_assert(kWide + 2 * kOfAKind == EvaluatedKernel::kCounts);

}  // namespace

void EvaluatedKernel::count() {
  if (chance(4)) return count_wide();
  const auto which = pick(kNames.size());
  const auto at = scalar_index(kOfAKind);
  const auto what = value({Scalar::Uint});
  if (chance(3)) {
    static constexpr std::array kForms{"seen + operand", "max(seen, operand)", "min(seen, operand)",
                                       "seen | operand", "seen & operand",     "seen ^ operand"};
    line("{");
    line(fmt::format("  device atomic_uint* word = counts + {} + {};", which * kOfAKind, at.text));
    line(fmt::format("  const uint operand = {};", what.text));
    line("  uint seen = atomic_load_explicit(word, memory_order_relaxed);");
    line(
        fmt::format("  while (!atomic_compare_exchange_weak_explicit(word, &seen, {}, memory_order_relaxed, "
                    "memory_order_relaxed)) {{}}",
                    kForms[which]));
    line("}");
  } else {
    line(fmt::format("atomic_fetch_{}_explicit(counts + {} + {}, {}, memory_order_relaxed);", kNames[which],
                     which * kOfAKind, at.text, what.text));
  }
  does([at = at.value, value = what.value, which](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) {
      auto& word = group.memory->counts[which * kOfAKind + at(thread)[0]];
      const std::array<Component, 2> x{word, value(thread)[0]};
      word = static_cast<std::uint32_t>(apply(kOperators[which], Scalar::Uint, x));
    });
  });
}

void EvaluatedKernel::count_wide() {
  const bool largest = chance(2);
  const auto at = scalar_index(kOfAKind / 2);
  const auto what = value({Scalar::Ulong});
  const unsigned begin = largest ? kWide : kWide + kOfAKind;
  line(fmt::format("atomic_{}_explicit((device atomic_ulong*)(counts + {}) + {}, {}, memory_order_relaxed);",
                   largest ? "max" : "min", begin, at.text, what.text));
  does([at = at.value, value = what.value, largest, begin](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) {
      std::uint32_t* const words = &group.memory->counts[begin + 2 * at(thread)[0]];
      const Component held = words[0] | Component{words[1]} << 32U, other = value(thread)[0];
      const Component result = largest ? std::max(held, other) : std::min(held, other);
      words[0] = static_cast<std::uint32_t>(result);
      words[1] = static_cast<std::uint32_t>(result >> 32U);
    });
  });
}

void EvaluatedKernel::own_atomic() {
  const auto variable = some_variable();
  const Scalar type = chance(2) ? Scalar::Uint : Scalar::Int;
  const auto word = fmt::format("(device atomic_{}*)own + {}", spelling({type}), pick(kOwnBytes / 4));
  const auto at = std::stoul(word.substr(word.rfind(' ')));
  const auto kind = pick(9);
  static constexpr std::array kSteps{"fetch_add", "fetch_sub", "fetch_max", "fetch_min",
                                     "fetch_or",  "fetch_and", "fetch_xor", "exchange"};
  static constexpr std::array kJoins{"+", "-", "max", "min", "|", "&", "^"};
  const auto what = value({type});
  const auto name = fmt::format("before{}", names_++);
  if (kind < kSteps.size()) {
    line(fmt::format("const {} {} = atomic_{}_explicit({}, {}, memory_order_relaxed);", spelling({type}), name,
                     kSteps[kind], word, what.text));
  } else {  // an exchange where the value is what was seen: it always is, but the first attempt may fail
    line(fmt::format("{} {} = atomic_load_explicit({}, memory_order_relaxed);", spelling({type}), name, word));
    line(
        fmt::format("while (!atomic_compare_exchange_weak_explicit({}, &{}, {}, memory_order_relaxed, "
                    "memory_order_relaxed)) {{}}",
                    word, name, what.text));
  }
  const auto before = slot();
  does([type, at, kind, before, value = what.value](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) {
      const auto place = std::size_t{thread.place} * kOwnBytes + at * 4;
      const auto held = load(type, group.memory->own, place), other = value(thread)[0];
      const std::array<Component, 2> x{held, other};
      thread.slots[before] = {held};
      store(type, kind < 7 ? apply(kJoins[kind], type, x) : other, group.memory->own, place);
    });
  });
  receive(variable, {{type}, name, [before](const Thread& thread) { return thread.slots[before]; }});
}

}  // namespace anymetal::test
