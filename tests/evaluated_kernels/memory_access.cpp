// Loads, and statements that write memory: variables, arrays, structs, the thread's own bytes, rows.
#include <fmt/format.h>

#include <algorithm>

#include "evaluated_kernel.hpp"

namespace anymetal::test {
namespace {

unsigned stride(Type type, bool packed) {
  return bits(type.scalar) / 8 * (type.width == 3 && !packed ? 4 : type.width);
}

Value load_vector(Type type, std::span<const std::uint8_t> bytes, std::size_t offset) {
  Value result{};
  for (unsigned c = 0; c < type.width; ++c)
    result[c] = load(type.scalar, bytes, offset + std::size_t{c} * bits(type.scalar) / 8);
  return result;
}

void store_vector(Type type, const Value& value, std::span<std::uint8_t> bytes, std::size_t offset) {
  for (unsigned c = 0; c < type.width; ++c)
    store(type.scalar, value[c], bytes, offset + std::size_t{c} * bits(type.scalar) / 8);
}

std::string in_memory(Type type, bool packed) { return (packed ? "packed_" : "") + spelling(type); }

}  // namespace

EvaluatedKernel::Expression EvaluatedKernel::loaded(Type type, unsigned depth) {
  if (type.scalar == Scalar::Bool) return truth(type, depth);
  if (chance(3)) {  // an element of an array
    std::vector<const Array*> found;
    for (const auto& array : arrays_)
      if (array.type == type) found.push_back(&array);
    if (!found.empty()) {
      const auto array = *found[pick(static_cast<unsigned>(found.size()))];
      const auto at = scalar_index(array.count, depth - 1);
      return {type, fmt::format("{}[{}]", array.name, at.text),
              [slot = array.slot, at = at.value](const Thread& thread) { return thread.slots[slot + at(thread)[0]]; }};
    }
  }
  const bool packed = type.width > 1 && chance(2);
  const auto size = stride(type, packed);
  const bool is_real = is_float(type.scalar), own = !is_real && chance(5);
  std::size_t begin = 0, bytes = kInBytes;
  std::string base = "in";
  if (is_real) {
    base = std::array{"halves", "bfloats",
                      "floats"}[static_cast<unsigned>(type.scalar) - static_cast<unsigned>(Scalar::Half)];
    begin = type.scalar == Scalar::Float ? 0 : type.scalar == Scalar::Half ? 4 * kReals : 6 * kReals;
    bytes = std::size_t{kReals} * bits(type.scalar) / 8;
  } else if (own) {
    base = "own";
    bytes = kOwnBytes;
  }
  const auto count = static_cast<unsigned>(bytes / size);
  Expression at;
  if (!own && count > kMostThreads && chance(2)) {  // places that follow from the thread's
    const auto room = count - kMostThreads;
    const unsigned factor = count >= 3 * kMostThreads ? 1 + pick(3) : 1;
    const unsigned first = pick(factor == 1 ? room : count - factor * kMostThreads + 1);
    const bool down = chance(5);
    at = {{},
          down ? fmt::format("{}u - i", first + kMostThreads - 1) : fmt::format("i * {}u + {}u", factor, first),
          [=](const Thread& thread) {
            const auto i = thread.slots[0][0];  // the kernel's `i`
            return Value{down ? first + kMostThreads - 1 - i : i * factor + first};
          }};
  } else {
    at = scalar_index(count, depth - 1);
  }
  auto text = fmt::format("((device const {}*){})[{}]", in_memory(type, packed), base, at.text);
  if (packed) text = fmt::format("{}({})", spelling(type), text);
  return {type, text, [at = at.value, type, begin, size, is_real, own](const Thread& thread) {
            const Memory& memory = *thread.group->memory;
            const auto& from = is_real ? memory.reals : own ? memory.own : memory.in;
            return load_vector(type, from,
                               begin + (own ? std::size_t{thread.place} * kOwnBytes : 0) + at(thread)[0] * size);
          }};
}

Execute EvaluatedKernel::set(const Variable& variable, Expression what) {
  return [slot = variable.slot, value = std::move(what.value)](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) { thread.slots[slot] = value(thread); });
  };
}

void EvaluatedKernel::assign() {
  const auto variable = some_variable();
  const auto what = tame_value(variable.type, 3);
  line(fmt::format("{} = {};", variable.text, what.text));
  does(set(variable, what));
}

void EvaluatedKernel::assign_part() {
  const auto variable = some_variable();
  const auto type = variable.type;
  if (type.width == 1) return assign();
  if (chance(2)) {
    const auto at = scalar_index(type.width, 1);
    const auto what = tame_value({type.scalar});
    line(fmt::format("{}[{}] = {};", variable.text, at.text, what.text));
    return does([slot = variable.slot, at = at.value, value = what.value](Group& group, const Mask& mask) {
      each(group, mask, [&](Thread& thread) {
        const auto component = value(thread)[0];
        thread.slots[slot][at(thread)[0]] = component;
      });
    });
  }
  std::array<unsigned, 4> order{0, 1, 2, 3};
  for (unsigned c = 0; c + 1 < type.width; ++c) std::swap(order[c], order[c + pick(type.width - c)]);
  const unsigned width = 1 + pick(type.width);
  std::string letters;
  for (unsigned c = 0; c < width; ++c) letters += "xyzw"[order[c]];
  const auto what = tame_value({type.scalar, width});
  line(fmt::format("{}.{} = {};", variable.text, letters, what.text));
  does([slot = variable.slot, order, width, value = what.value](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) {
      const auto found = value(thread);
      for (unsigned c = 0; c < width; ++c) thread.slots[slot][order[c]] = found[c];
    });
  });
}

void EvaluatedKernel::compound() {
  const auto variable = some_variable();
  const auto type = variable.type;
  if (is_float(type.scalar) || is_signed(type.scalar) || type.scalar == Scalar::Bool) return assign();
  const std::string name = std::array{"+", "-", "^", "|", "&"}[pick(5)];
  const auto what = value(type);
  line(fmt::format("{} {}= {};", variable.text, name, what.text));
  const auto result =
      call("", name, type, {{type, "", [slot = variable.slot](const Thread& t) { return t.slots[slot]; }}, what});
  does(set(variable, result));
}

void EvaluatedKernel::array_store() {
  const auto array = arrays_[pick(static_cast<unsigned>(arrays_.size()))];
  const auto at = scalar_index(array.count);
  const auto what = tame_value(array.type);
  line(fmt::format("{}[{}] = {};", array.name, at.text, what.text));
  does([slot = array.slot, at = at.value, value = what.value](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) {
      const auto found = value(thread);
      thread.slots[slot + at(thread)[0]] = found;
    });
  });
}

void EvaluatedKernel::structs() {
  const auto count = static_cast<unsigned>(structs_.size());
  const auto to = pick(count), from = pick(count);
  const auto copy = [](Group& group, const Mask& mask, const std::vector<unsigned>& target,
                       const std::vector<unsigned>& source) {
    each(group, mask, [&](Thread& thread) {
      for (std::size_t f = 0; f < target.size(); ++f) thread.slots[target[f]] = thread.slots[source[f]];
    });
  };
  if (chance(2)) {
    line(fmt::format("{} = {};", struct_names_[to], struct_names_[from]));
    return does(
        [copy, a = structs_[to], b = structs_[from]](Group& group, const Mask& mask) { copy(group, mask, a, b); });
  }
  const auto field = pick(static_cast<unsigned>(fields_.size()));
  const auto what = tame_value(fields_[field]);
  const auto name = fmt::format("copy{}", names_++);
  // Through a copy of the struct and a pointer to it.
  line(fmt::format("Item {} = {};", name, struct_names_[from]));
  line(fmt::format("change{}(&{}, {});", field, name, what.text));
  line(fmt::format("{} = {};", struct_names_[to], name));
  does([copy, a = structs_[to], b = structs_[from], field, value = what.value](Group& group, const Mask& mask) {
    Mask one;
    each(group, mask, [&](Thread& thread) {
      const auto found = value(thread);
      one.reset();
      one.set(thread.index);
      copy(group, one, a, b);
      thread.slots[a[field]] = found;
    });
  });
}

void EvaluatedKernel::own_store() {
  auto type = some_type();
  if (type.scalar == Scalar::Bool) type.scalar = Scalar::Uchar;
  const bool packed =
      type.width == 3 || (type.width > 1 && chance(3));  // a vector of three may take a fourth's place with it
  const auto size = stride(type, packed);
  const auto at = scalar_index(kOwnBytes / size);
  const auto what = tame_value(type);
  line(fmt::format("((device {}*)own)[{}] = {};", in_memory(type, packed), at.text, what.text));
  does([at = at.value, value = what.value, type, size](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) {
      const auto found = value(thread);
      store_vector(type, found, group.memory->own, std::size_t{thread.place} * kOwnBytes + at(thread)[0] * size);
    });
  });
}

void EvaluatedKernel::row() {
  const auto which = pick(kRows);
  const auto type = row_types_[which];
  const auto place =
      fmt::format("((device {}*)(rows + {}u))[place]", in_memory(type, type.width > 1), which * 16 * kPlaces);
  const auto offset = [which, size = stride(type, true)](const Thread& thread) {
    return std::size_t{which} * 16 * kPlaces + std::size_t{thread.place} * size;
  };
  if (chance(2)) {
    const auto what = tame_value(type);
    line(fmt::format("{} = {};", place, what.text));
    return does([offset, type, value = what.value](Group& group, const Mask& mask) {
      each(group, mask, [&](Thread& thread) { store_vector(type, value(thread), group.memory->rows, offset(thread)); });
    });
  }
  const auto variable = some_variable();
  if (variable.type.width != type.width && type.width != 1) return assign();
  Expression read{
      type, type.width > 1 ? fmt::format("{}({})", spelling(type), place) : place,
      [offset, type](const Thread& thread) { return load_vector(type, thread.group->memory->rows, offset(thread)); }};
  const auto what = tame(converted(read, variable.type));
  line(fmt::format("{} = {};", variable.text, what.text));
  does(set(variable, what));
}

void EvaluatedKernel::walk() {  // a pointer that is moved along memory that nobody writes
  const auto scalar = some_integer();
  const auto variable = some_variable();
  if (is_float(variable.type.scalar) || variable.type.scalar == Scalar::Bool || variable.type.width > 1) return fill();
  const unsigned step = 1 + pick(3), rounds = 1 + pick(8), room = kInBytes / (bits(scalar) / 8) - step * rounds;
  const auto first = scalar_index(room);
  const auto name = fmt::format("p{}", names_++);
  const auto type = spelling({scalar});
  const auto stop = condition(1);
  const bool stops = chance(2);
  line(fmt::format(
      "for (device const {0}* {1} = (device const {0}*)in + {2}, *end = {1} + {3}; {1} < end; {1} += {4}) {{", type,
      name, first.text, step * rounds, step));
  line(fmt::format("  {0} ^= {1}(*{2});", variable.text, spelling(variable.type), name));
  if (stops) line(fmt::format("  if ({}) break;", stop.text));
  line("}");
  does([=, first = first.value, stop = stop.value](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) {
      const auto begin = first(thread)[0];
      for (unsigned n = 0; n < rounds; ++n) {
        const auto found = load(scalar, group.memory->in, (begin + n * step) * bits(scalar) / 8);
        auto& to = thread.slots[variable.slot][0];
        to = of_integer(variable.type.scalar,
                        integer(variable.type.scalar, to) ^
                            integer(variable.type.scalar, convert(found, scalar, variable.type.scalar)));
        if (stops && stop(thread)[0] != 0) break;
      }
    });
  });
}

void EvaluatedKernel::fill() {  // a pointer into an array of the thread's own
  const auto array = arrays_[pick(static_cast<unsigned>(arrays_.size()))];
  const auto first = scalar_index(array.count);
  const auto what = tame_value(array.type, 1);
  const auto name = fmt::format("p{}", names_++);
  line(fmt::format("for (thread {}* {} = {} + {}; {} != {} + {};) *{}++ = {};", spelling(array.type), name, array.name,
                   first.text, name, array.name, array.count, name, what.text));
  does([array, first = first.value, value = what.value](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) {
      for (auto n = first(thread)[0]; n < array.count; ++n) {
        const auto found = value(thread);
        thread.slots[array.slot + n] = found;
      }
    });
  });
}

}  // namespace anymetal::test
