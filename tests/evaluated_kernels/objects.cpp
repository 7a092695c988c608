// Statements with objects of their own: bit-fields, structs of packed vectors, matrices, lambdas, volatile variables.
#include <fmt/format.h>

#include <algorithm>

#include "evaluated_kernel.hpp"

namespace anymetal::test {
namespace {

/// The low bits of an integer as a field of that many has them.
Component in_field(Scalar type, unsigned width, Component value) {
  const unsigned unused = 64 - width;
  const Component high = value << unused;
  return is_signed(type) ? static_cast<Component>(static_cast<std::int64_t>(high) >> unused) : high >> unused;
}

}  // namespace

void EvaluatedKernel::receive(const Variable& variable, Expression what) {
  if (what.type.width != variable.type.width && what.type.width != 1) {
    const unsigned at = pick(what.type.width);
    what = {{what.type.scalar},
            fmt::format("{}.{}", what.text, "xyzw"[at]),
            [whole = what.value, at](const Thread& thread) { return Value{whole(thread)[at]}; }};
  }
  const auto result = tame(converted(what, variable.type));
  line(fmt::format("{} = {};", variable.text, result.text));
  does(set(variable, result));
}

void EvaluatedKernel::bit_fields() {
  const auto variable = some_variable();
  const auto number = names_++;
  const auto fields = 2 + pick(3);
  struct Field {
    Scalar scalar;
    unsigned width, slot;
  };
  std::vector<Field> all;
  std::string members;
  for (unsigned f = 0; f < fields; ++f) {
    const auto scalar = some_integer();
    all.push_back({scalar, 1 + pick(bits(scalar)), slot()});
    members += fmt::format(" {} f{} : {};", spelling({scalar}), f, all.back().width);
  }
  line(fmt::format("struct Bits{0} {{{1} }} bits{0} = {{}};", number, members));
  for (unsigned n = 0; n < fields + 2; ++n) {
    const unsigned which = n < fields ? n : pick(fields);
    const auto field = all[which];
    const auto what = value({field.scalar}, 1);
    line(fmt::format("bits{}.f{} {}= {};", number, which, n < fields ? "" : "^", what.text));
    does([field, value = what.value, is_new = n < fields](Group& group, const Mask& mask) {
      each(group, mask, [&](Thread& thread) {
        auto& held = thread.slots[field.slot][0];
        held = in_field(field.scalar, field.width, (is_new ? 0 : held) ^ value(thread)[0]);
      });
    });
  }
  const unsigned which = pick(fields);
  const auto field = all[which];
  receive(variable, {{field.scalar},
                     fmt::format("{}(bits{}.f{})", spelling({field.scalar}), number, which),
                     [slot = field.slot](const Thread& thread) { return thread.slots[slot]; }});
}

void EvaluatedKernel::packed_struct() {
  const auto variable = some_variable();
  const auto number = names_++;
  std::vector<Type> types;
  std::vector<std::size_t> offsets;
  std::size_t end = 0;
  std::string members;
  for (unsigned f = 0; f < 3; ++f) {
    auto type = some_type();
    if (type.scalar == Scalar::Bool) type.scalar = Scalar::Uchar;
    if (type.width > 2 && bits(type.scalar) > 32) type.width = 2;
    const std::size_t bytes = bits(type.scalar) / 8;
    const auto begin = (end + bytes - 1) / bytes * bytes;  // a packed vector is aligned as its components are
    types.push_back(type);
    offsets.push_back(begin);
    end = begin + bytes * type.width;
    members += fmt::format(" {}{} f{};", type.width > 1 ? "packed_" : "", spelling(type), f);
  }
  static_assert(kOwnBytes >= 3 * 16 + 8);
  line(fmt::format("struct Packed{} {{{} }};", number, members));
  line(fmt::format("device Packed{0}* packed{0} = (device Packed{0}*)own;", number));
  const auto which = pick(3);
  const auto type = types[which];
  const auto what = tame_value(type);
  line(fmt::format("packed{}->f{} = {};", number, which, what.text));
  line(fmt::format("const Packed{0} copied{0} = *packed{0};", number));
  const auto held = slot();
  does([type, held, offset = offsets[which], value = what.value](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) {
      const auto found = value(thread);
      thread.slots[held] = found;
      for (unsigned c = 0; c < type.width; ++c) {
        const std::size_t bytes = bits(type.scalar) / 8;
        store(type.scalar, found[c], group.memory->own, std::size_t{thread.place} * kOwnBytes + offset + c * bytes);
      }
    });
  });
  receive(variable, {type, fmt::format("{}(copied{}.f{})", spelling(type), number, which),
                     [held](const Thread& thread) { return thread.slots[held]; }});
}

void EvaluatedKernel::matrix() {
  const auto variable = some_variable();
  const auto scalar = chance(2) ? Scalar::Float : Scalar::Half;
  const unsigned columns = 2 + pick(3), rows = 2 + pick(3);
  // Whole numbers so small that sums of products are exact, in any order and fused or not.
  const auto small = [&](unsigned width) {
    const Type whole{Scalar::Uchar, width};
    const auto x = value(whole, 1);
    return converted({whole, fmt::format("({} & {}(15))", x.text, spelling(whole)),
                      [value = x.value](const Thread& thread) {
                        auto found = value(thread);
                        for (auto& component : found) component &= 15U;
                        return found;
                      }},
                     {scalar, width});
  };
  std::vector<Evaluate> parts;
  std::string text;
  for (unsigned c = 0; c < columns; ++c) {
    const auto column = small(rows);
    parts.push_back(column.value);
    text += (c > 0 ? ", " : "") + column.text;
  }
  const auto name = fmt::format("matrix{}", names_++);
  const auto type = fmt::format("{}{}x{}", spelling({scalar}), columns, rows);
  const auto first = slot(columns);
  line(fmt::format("{0} {1} = {0}({2});", type, name, text));
  does([first, parts](Group& group, const Mask& mask) {
    each(group, mask, [&](Thread& thread) {
      for (std::size_t c = 0; c < parts.size(); ++c) thread.slots[first + c] = parts[c](thread);
    });
  });
  if (chance(2)) {  // a component of its own
    const auto c = scalar_index(columns), r = scalar_index(rows);
    const auto what = small(1);
    line(fmt::format("{}[{}][{}] = {};", name, c.text, r.text, what.text));
    does([first, c = c.value, r = r.value, value = what.value](Group& group, const Mask& mask) {
      each(group, mask, [&](Thread& thread) {
        const auto found = value(thread)[0];
        thread.slots[first + c(thread)[0]][r(thread)[0]] = found;
      });
    });
  }
  const auto element = [first](const Thread& thread, unsigned c, unsigned r) {
    return real(thread.slots[first + c][r]);
  };
  const auto sums = [scalar](unsigned width, unsigned count, const std::function<double(unsigned, unsigned)>& product) {
    Value result{};
    for (unsigned n = 0; n < width; ++n) {
      double sum = 0;
      for (unsigned k = 0; k < count; ++k) sum += product(n, k);
      result[n] = of_real(scalar, sum);
    }
    return result;
  };
  const auto kind = pick(4);
  const auto by = small(kind == 0 ? columns : rows);
  if (kind == 0)
    return receive(variable,
                   {{scalar, rows}, fmt::format("({} * {})", name, by.text), [=, by = by.value](const Thread& thread) {
                      const auto x = by(thread);
                      return sums(rows, columns,
                                  [&](unsigned r, unsigned c) { return element(thread, c, r) * real(x[c]); });
                    }});
  if (kind == 1)
    return receive(
        variable,
        {{scalar, columns},
         chance(2) ? fmt::format("({} * {})", by.text, name) : fmt::format("(transpose({}) * {})", name, by.text),
         [=, by = by.value](const Thread& thread) {
           const auto x = by(thread);
           return sums(columns, rows, [&](unsigned c, unsigned r) { return element(thread, c, r) * real(x[r]); });
         }});
  const auto at = scalar_index(kind == 2 ? columns : rows);
  if (kind == 2)
    return receive(
        variable,
        {{scalar, rows}, fmt::format("({0} + {0})[{1}]", name, at.text), [=, at = at.value](const Thread& thread) {
           const auto c = static_cast<unsigned>(at(thread)[0]);
           return sums(rows, 2, [&](unsigned r, unsigned) { return element(thread, c, r); });
         }});
  receive(variable, {{scalar, rows},
                     fmt::format("({0} * transpose({0}))[{1}]", name, at.text),
                     [=, at = at.value](const Thread& thread) {
                       const auto column = static_cast<unsigned>(at(thread)[0]);
                       return sums(rows, columns, [&](unsigned r, unsigned k) {
                         return element(thread, k, r) * element(thread, k, column);
                       });
                     }});
}

void EvaluatedKernel::lambda() {
  const auto variable = some_variable();
  const auto number = names_++;
  const auto visible = variables_.size();
  const auto outer_argument = tame_value(some_type(), 1);
  const auto outer = declare(outer_argument.type, fmt::format("x{}", number), false);
  const auto inner_argument = tame_value(some_type(), 1);
  const auto inner = declare(inner_argument.type, fmt::format("y{}", number), false);
  const auto what = tame_value(variable.type, 3);
  variables_.resize(visible);
  line(fmt::format("const auto outer{0} = [&]({1} {2}) {{", number, spelling(outer.type), outer.text));
  line(fmt::format("  const auto inner = [{}]({} {}) -> {} {{ return {}; }};", chance(2) ? '&' : '=',
                   spelling(inner.type), inner.text, spelling(variable.type), what.text));
  line(fmt::format("  return inner({});", inner_argument.text));
  line("};");
  line(fmt::format("{} = outer{}({});", variable.text, number, outer_argument.text));
  does(set(outer, outer_argument));
  does(set(inner, inner_argument));
  does(set(variable, what));
}

void EvaluatedKernel::volatile_copy() {
  const auto variable = some_variable();
  const auto what = tame_value(variable.type);
  const auto type = spelling(variable.type);
  if (variable.type.width == 1 && !is_float(variable.type.scalar) && variable.type.scalar != Scalar::Bool) {
    const auto size = bits(variable.type.scalar) / 8;
    const auto at = pick(kOwnBytes / size);
    line(fmt::format("((volatile device {}*)own)[{}] = {};", type, at, what.text));
    line(fmt::format("{} = ((volatile device {}*)own)[{}];", variable.text, type, at));
    does(set(variable, what));
    return does([slot = variable.slot, scalar = variable.type.scalar, at, size](Group& group, const Mask& mask) {
      each(group, mask, [&](Thread& thread) {
        store(scalar, thread.slots[slot][0], group.memory->own, std::size_t{thread.place} * kOwnBytes + at * size);
      });
    });
  }
  const auto name = fmt::format("kept{}", names_++);
  line(fmt::format("volatile {} {} = {};", type, name, what.text));
  line(fmt::format("{} = {};", variable.text, name));
  does(set(variable, what));
}

}  // namespace anymetal::test
