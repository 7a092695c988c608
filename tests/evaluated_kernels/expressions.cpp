// Expressions: their text, and the same done on the host.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "evaluated_kernel.hpp"

namespace anymetal::test {
namespace {

bool is_narrow(Scalar type) { return bits(type) < 32; }
std::string of_type(Type type, const std::string& text) { return fmt::format("{}({})", spelling(type), text); }

}  // namespace

Scalar EvaluatedKernel::some_integer() { return static_cast<Scalar>(1 + pick(8)); }

Type EvaluatedKernel::some_type(bool vectors) {
  static constexpr std::array kOften{Scalar::Uint, Scalar::Int, Scalar::Float, Scalar::Half, Scalar::Ulong};
  const auto scalar = chance(3) ? kOften[pick(kOften.size())] : static_cast<Scalar>(pick(12));
  return {scalar, vectors && chance(2) ? 2 + pick(3) : 1};
}

EvaluatedKernel::Expression EvaluatedKernel::call(const std::string& text, const std::string& name, Type type,
                                                  std::vector<Expression> arguments) {
  std::vector<Evaluate> values;
  for (const auto& argument : arguments) values.push_back(argument.value);
  return {type, text, [name, type, values](const Thread& thread) {
            std::array<Value, 3> evaluated{};
            for (std::size_t n = 0; n < values.size(); ++n) evaluated[n] = values[n](thread);
            Value result{};
            for (unsigned c = 0; c < type.width; ++c) {
              const std::array<Component, 3> x{evaluated[0][c], evaluated[1][c], evaluated[2][c]};
              result[c] = apply(name, type.scalar, std::span(x).first(values.size()));
            }
            return result;
          }};
}

EvaluatedKernel::Expression EvaluatedKernel::literal(Type type) {
  Component component = 0;
  std::string text;
  if (is_float(type.scalar)) {
    static constexpr std::array kOdd{"INFINITY", "-INFINITY", "NAN"};
    static constexpr std::array<float, 3> kOddValues{INFINITY, -INFINITY, NAN};
    const auto odd = pick(3);
    const bool is_odd = chance(16);
    const float value = is_odd ? kOddValues[odd] : static_cast<float>(static_cast<int>(pick(800)) - 300) / 8.0F;
    component = of_real(type.scalar, static_cast<double>(value));
    text = of_type({type.scalar}, is_odd ? std::string(kOdd[odd]) : fmt::format("{:.3f}f", value));
  } else {
    const std::uint64_t raw = chance(3)   ? pick(2) + (std::uint64_t{1} << pick(64)) - 1
                              : chance(4) ? std::uint64_t{random_()} << pick(33)
                                          : pick(100);
    component = of_integer(type.scalar, static_cast<__int128>(raw));
    text = of_type({type.scalar}, fmt::format("{:#x}ul", raw));
  }
  Value value{};
  std::fill_n(value.begin(), type.width, component);
  return {type, type.width > 1 ? of_type(type, text) : text, [value](const Thread&) { return value; }};
}

EvaluatedKernel::Expression EvaluatedKernel::converted(const Expression& from, Type to) {
  if (from.type == to) return from;
  // An integer that float has not all digits of could be rounded twice on its way to bfloat.
  if (to.scalar == Scalar::Bfloat && !is_float(from.type.scalar) && bits(from.type.scalar) > 16)
    return converted(converted(from, {Scalar::Float, from.type.width}), to);
  return {to, of_type(to, from.text), [value = from.value, type = from.type, to](const Thread& thread) {
            const auto found = value(thread);
            Value result{};
            for (unsigned c = 0; c < to.width; ++c)
              result[c] = convert(found[type.width == 1 ? 0 : c], type.scalar, to.scalar);
            return result;
          }};
}

EvaluatedKernel::Expression EvaluatedKernel::variable_of(Type type) {
  std::vector<const Variable*> same, wide, others;
  for (const auto& variable : variables_) {
    if (variable.type == type) same.push_back(&variable);
    if (variable.type.scalar == type.scalar && variable.type.width > 1) wide.push_back(&variable);
    if (variable.type.width == type.width || variable.type.width == 1) others.push_back(&variable);
  }
  const auto read = [](const Variable& variable) {
    return Expression{variable.type, variable.text,
                      [slot = variable.slot](const Thread& thread) { return thread.slots[slot]; }};
  };
  if (!same.empty() && !chance(4)) return read(*same[pick(static_cast<unsigned>(same.size()))]);
  if (!wide.empty() && !chance(3)) {  // components of a vector
    const auto from = *wide[pick(static_cast<unsigned>(wide.size()))];
    if (type.width == 1 && chance(2)) {
      const auto at = scalar_index(from.type.width, 1);
      return {type, fmt::format("{}[{}]", from.text, at.text), [slot = from.slot, at = at.value](const Thread& thread) {
                return Value{thread.slots[slot][at(thread)[0]]};
              }};
    }
    std::string letters;
    std::array<unsigned, 4> picked{};
    for (unsigned c = 0; c < type.width; ++c) letters += "xyzw"[picked[c] = pick(from.type.width)];
    return {type, from.text + "." + letters, [slot = from.slot, picked, type](const Thread& thread) {
              Value result{};
              for (unsigned c = 0; c < type.width; ++c) result[c] = thread.slots[slot][picked[c]];
              return result;
            }};
  }
  return converted(read(*others[pick(static_cast<unsigned>(others.size()))]), type);
}

EvaluatedKernel::Expression EvaluatedKernel::arithmetic(Type type, unsigned depth) {
  const auto a = value(type, depth - 1);
  auto b = value(type, depth - 1);
  const auto scalar = type.scalar;
  if (is_float(scalar)) {
    switch (pick(4)) {
      case 0:
        return call(fmt::format("times({}, {})", a.text, b.text), "*", type, {a, b});
      case 1:
        return call(fmt::format("({} - {})", a.text, b.text), "-", type, {a, b});
      case 2:
        return call(fmt::format("({} / {})", a.text, b.text), "/", type, {a, b});
      default:
        return call(fmt::format("({} + {})", a.text, b.text), "+", type, {a, b});
    }
  }
  if (chance(4)) {  // the count is taken modulo the width, that of int where the operand is promoted
    const bool left = chance(2);
    const unsigned width = type.width == 1 ? std::max(32U, bits(scalar)) : bits(scalar);
    return {type, of_type(type, fmt::format("{} {} {}", a.text, left ? "<<" : ">>", b.text)),
            [x = a.value, y = b.value, type, width, left](const Thread& thread) {
              const auto value = x(thread), counts = y(thread);
              Value result{};
              for (unsigned c = 0; c < type.width; ++c) {
                const auto count = static_cast<unsigned>(counts[c] % width);
                const auto whole = integer(type.scalar, value[c]);
                result[c] = of_integer(type.scalar, left ? whole * (__int128{1} << count) : whole >> count);
              }
              return result;
            }};
  }
  if (chance(5)) {  // no division by zero, none that overflows
    const std::string name = chance(2) ? "/" : "%";
    static constexpr std::array kDivisors{3, 5, 7, 10, 12, 16, 25, 100, 127};
    const auto one = literal({scalar});
    if (chance(2)) {
      const auto divisor = kDivisors[pick(kDivisors.size())];
      Value value{};
      std::fill_n(value.begin(), type.width, static_cast<Component>(divisor));
      b = {type, of_type(type, fmt::format("{}", divisor)), [value](const Thread&) { return value; }};
    } else {
      b = {type, of_type(type, fmt::format("({0} & {1}(63)) | {1}(1)", b.text, spelling(type))),
           [x = b.value, type](const Thread& thread) {
             auto value = x(thread);
             for (unsigned c = 0; c < type.width; ++c) value[c] = (value[c] & 63U) | 1U;
             return value;
           }};
    }
    return call(of_type(type, fmt::format("{} {} {}", a.text, name, b.text)), name, type, {a, b});
  }
  const std::string name = std::array{"+", "-", "*", "&", "|", "^"}[pick(6)];
  const bool promoted = type.width == 1 && is_narrow(scalar);
  // Signed numbers must not overflow; products of promoted ushorts do.
  const bool as_unsigned = (is_signed(scalar) && !promoted) || (promoted && scalar == Scalar::Ushort);
  const Type wrapping{promoted ? Scalar::Uint : unsigned_of(scalar), type.width};
  const auto text = as_unsigned ? fmt::format("{0}({1}) {2} {0}({3})", spelling(wrapping), a.text, name, b.text)
                                : fmt::format("{} {} {}", a.text, name, b.text);
  return call(as_unsigned || promoted ? of_type(type, text) : "(" + text + ")", name, type, {a, b});
}

EvaluatedKernel::Expression EvaluatedKernel::mixed(Type type, unsigned depth) {
  Type left{static_cast<Scalar>(1 + pick(11))}, right{static_cast<Scalar>(1 + pick(11))};
  if ((left.scalar == Scalar::Bfloat || right.scalar == Scalar::Bfloat) && left != right) {
    left = {Scalar::Bfloat};
    if (right.scalar == Scalar::Half || (!is_float(right.scalar) && !is_narrow(right.scalar))) right = {Scalar::Short};
  }
  const auto a = value(left, depth - 1), b = value(right, depth - 1);
  const Type meet{common(left.scalar, right.scalar)};
  std::string name = std::array{"+", "-", "*", "&", "|", "^"}[pick(6)];
  if (is_float(meet.scalar)) {
    name = chance(2) ? "+" : "-";  // a product could be fused with what is around it
  } else if (is_signed(meet.scalar)) {
    const bool fits = is_narrow(left.scalar) && is_narrow(right.scalar);
    const bool product_fits = fits && !(left.scalar == Scalar::Ushort && right.scalar == Scalar::Ushort);
    if (name == "*" ? !product_fits : !fits) name = "^";
  }
  const auto result = call(fmt::format("({} {} {})", a.text, name, b.text), name, meet,
                           {{meet, a.text, converted(a, meet).value}, {meet, b.text, converted(b, meet).value}});
  return converted(result, type);
}

EvaluatedKernel::Expression EvaluatedKernel::composed(Type type, unsigned depth) {
  if (type.width == 1) return variable_of(type);
  std::vector<Expression> parts;
  for (unsigned left = type.width; left > 0;) {
    const unsigned width = 1 + pick(std::min(left, type.width - 1));
    parts.push_back(value({type.scalar, width}, depth - 1));
    left -= width;
  }
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part.text;
  return {type, of_type(type, text), [parts](const Thread& thread) {
            Value result{};
            unsigned at = 0;
            for (const auto& part : parts) {
              const auto found = part.value(thread);
              for (unsigned c = 0; c < part.type.width; ++c) result[at++] = found[c];
            }
            return result;
          }};
}

EvaluatedKernel::Expression EvaluatedKernel::reinterpreted(Type type, unsigned depth) {
  const auto size = [](Type t) { return t.width == 3 ? 0U : bits(t.scalar) * t.width; };
  if (is_float(type.scalar) || type.scalar == Scalar::Bool) return variable_of(type);
  Type from = type;
  for (unsigned n = 0; n < 8; ++n) {
    const Type other{static_cast<Scalar>(1 + pick(11)), 1 + pick(4)};
    if (size(other) == size(type) && (size(type) != 0 || bits(other.scalar) == bits(type.scalar))) from = other;
  }
  // Bits of an expression that is no number are not defined; variables are always numbers.
  const auto x = is_float(from.scalar) ? tame_value(from, depth - 1) : value(from, depth - 1);
  return {type, fmt::format("as_type<{}>({})", spelling(type), x.text),
          [x = x.value, from, type](const Thread& thread) {
            const auto found = x(thread);
            std::array<std::uint8_t, 32> bytes{};
            for (unsigned c = 0; c < from.width; ++c)
              store(from.scalar, found[c], bytes, std::size_t{c} * bits(from.scalar) / 8);
            Value result{};
            for (unsigned c = 0; c < type.width; ++c)
              result[c] = load(type.scalar, bytes, std::size_t{c} * bits(type.scalar) / 8);
            return result;
          }};
}

EvaluatedKernel::Expression EvaluatedKernel::tame(Expression number) {
  if (!is_float(number.type.scalar)) return number;
  return {number.type, "tame(" + number.text + ")", [x = number.value, type = number.type](const Thread& thread) {
            auto result = x(thread);
            for (unsigned c = 0; c < type.width; ++c) {
              const double found = real(result[c]);
              const double bounded = std::isnan(found) ? -2048.0 : std::clamp(found, -2048.0, 2048.0);
              result[c] = of_real(type.scalar, std::fabs(bounded) < 0x1p-10 ? 0.0 : bounded);
            }
            return result;
          }};
}

EvaluatedKernel::Expression EvaluatedKernel::scalar_index(unsigned count, unsigned depth) {
  const Type type{std::array{Scalar::Uint, Scalar::Ushort, Scalar::Ulong, Scalar::Uint}[pick(4)]};
  const auto x = value(type, depth);
  const bool power = (count & (count - 1)) == 0;
  const auto suffix = type.scalar == Scalar::Ulong ? "ul" : "u";
  return {type, fmt::format("({} {} {}{})", x.text, power ? "&" : "%", power ? count - 1 : count, suffix),
          [x = x.value, count](const Thread& thread) { return Value{x(thread)[0] % count}; }};
}

EvaluatedKernel::Expression EvaluatedKernel::condition(unsigned depth) { return value({Scalar::Bool}, depth); }

EvaluatedKernel::Expression EvaluatedKernel::shared_condition() {
  const unsigned at = pick(kInBytes / 4), mask = 1 + pick(63), bound = pick(40);
  return {{Scalar::Bool},
          fmt::format("((((device const uint*)in)[{}] & {}u) < {}u)", at, mask, bound),
          [at, mask, bound](const Thread& thread) {
            return Value{(load(Scalar::Uint, thread.group->memory->in, std::size_t{at} * 4) & mask) < bound};
          }};
}

EvaluatedKernel::Expression EvaluatedKernel::value(Type type, unsigned depth) {
  if (depth == 0 || chance(4)) return chance(4) ? literal(type) : variable_of(type);
  if (type.scalar == Scalar::Bool) return chance(3) ? function(type, depth) : truth(type, depth);
  switch (pick(10)) {
    case 0:
      return composed(type, depth);
    case 1:
      return reinterpreted(type, depth);
    case 2:
    case 3:
      return function(type, depth);
    case 4:
    case 5:
      return loaded(type, depth);
    case 6:
      return type.width == 1 ? mixed(type, depth) : arithmetic(type, depth);
    case 7:
      return converted(value({static_cast<Scalar>(pick(12)), chance(4) ? 1 : type.width}, depth - 1), type);
    default:
      return arithmetic(type, depth);
  }
}

}  // namespace anymetal::test
