// Expressions that call the library's functions, choose or compare.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "evaluated_kernel.hpp"

namespace anymetal::test {
namespace {

std::string of_type(Type type, const std::string& text) { return fmt::format("{}({})", spelling(type), text); }

}  // namespace

EvaluatedKernel::Expression EvaluatedKernel::function(Type type, unsigned depth) {
  const auto some = [&] { return value(type, depth - 1); };
  if (chance(4)) {
    const auto a = some(), b = some();
    if (chance(2)) {
      const auto way = condition(depth - 1);
      return {type, fmt::format("({} ? {} : {})", way.text, a.text, b.text),
              [way = way.value, x = a.value, y = b.value](const Thread& thread) {
                return way(thread)[0] != 0 ? x(thread) : y(thread);
              }};
    }
    const auto ways = value({Scalar::Bool, type.width}, depth - 1);
    return {type, fmt::format("select({}, {}, {})", a.text, b.text, ways.text),
            [ways = ways.value, x = a.value, y = b.value, type](const Thread& thread) {
              const auto first = x(thread), second = y(thread), chosen = ways(thread);
              Value result{};
              for (unsigned c = 0; c < type.width; ++c) result[c] = chosen[c] != 0 ? second[c] : first[c];
              return result;
            }};
  }
  if (type.scalar == Scalar::Bool) return truth(type, depth);
  if (!is_float(type.scalar) && chance(8)) return instance(type, depth);
  std::string name;
  std::vector<Expression> arguments{some()};
  Type of = type;
  if (is_float(type.scalar)) {
    static constexpr std::array kNames{"min",  "max",   "min3", "max3", "clamp", "fabs",     "floor", "ceil", "trunc",
                                       "rint", "round", "sqrt", "sign", "step",  "saturate", "fdim",  "fma"};
    name = kNames[pick(type.scalar != Scalar::Bfloat ? kNames.size() : type.width == 1 ? 12 : 5)];
    if (name == "min" || name == "max" || name == "step" || name == "fdim") arguments.push_back(some());
    if (name == "min3" || name == "max3" || name == "fma") arguments.insert(arguments.end(), {some(), some()});
    if (name == "clamp") {
      const auto limit = [&](float x) {
        Value value{};
        std::fill_n(value.begin(), type.width, of_real(type.scalar, static_cast<double>(x)));
        return Expression{type, of_type(type, fmt::format("{:.1f}f", x)), [value](const Thread&) { return value; }};
      };
      arguments.insert(arguments.end(), {limit(-static_cast<float>(pick(9))), limit(static_cast<float>(pick(90)))});
    }
    // Of bfloats these give floats.
    if (type.scalar == Scalar::Bfloat && arguments.size() == 1) of.scalar = Scalar::Float;
  } else {
    static constexpr std::array kNames{"min",   "max",    "addsat",  "subsat",   "hadd",        "rhadd",
                                       "mulhi", "rotate", "median3", "min3",     "max3",        "clamp",
                                       "abs",   "clz",    "ctz",     "popcount", "reverse_bits"};
    const auto which = pick(kNames.size());
    name = kNames[which];
    if (which < 8) arguments.push_back(some());
    if (which >= 8 && which < 11) arguments.insert(arguments.end(), {some(), some()});
    if (name == "clamp") {
      const auto limit = [&](unsigned x) {
        Value value{};
        std::fill_n(value.begin(), type.width, static_cast<Component>(x));
        return Expression{type, of_type(type, fmt::format("{}", x)), [value](const Thread&) { return value; }};
      };
      arguments.insert(arguments.end(), {limit(pick(9)), limit(9 + pick(90))});
    }
  }
  std::string text = name + "(";
  for (const auto& argument : arguments) text += (text.back() == '(' ? "" : ", ") + argument.text;
  text += ")";
  if (of != type) {
    for (auto& argument : arguments) argument = {of, argument.text, argument.value};
    return converted(call(text, name, of, arguments), type);
  }
  return call(text, name, type, arguments);
}

EvaluatedKernel::Expression EvaluatedKernel::instance(Type type, unsigned depth) {
  const auto a = value(type, depth - 1), b = value(type, depth - 1);
  if (chance(2)) {
    const bool both = chance(2);
    return call(fmt::format("Joined<{}, {}>::of({}, {})", spelling(type), both, a.text, b.text), both ? "&" : "|", type,
                {a, b});
  }
  const unsigned turns = pick(6);
  return {type, fmt::format("turned<{}u, {}>({}, {})", turns, spelling(type), a.text, b.text),
          [turns, type, x = a.value, y = b.value](const Thread& thread) {
            auto first = x(thread), second = y(thread);
            for (unsigned n = 0; n < turns; ++n) {
              for (unsigned c = 0; c < type.width; ++c) first[c] ^= second[c];
              std::swap(first, second);
            }
            return second;
          }};
}

EvaluatedKernel::Expression EvaluatedKernel::truth(Type type, unsigned depth) {
  static constexpr std::array kWays{"<", ">", "==", "!=", "<=", ">="};
  if (chance(6)) {
    const auto x = value(type, depth - 1);
    return {type, "(!" + x.text + ")", [x = x.value, type](const Thread& thread) {
              auto result = x(thread);
              for (unsigned c = 0; c < type.width; ++c) result[c] ^= 1U;
              return result;
            }};
  }
  if (type.width == 1 && chance(4)) {
    const bool all = chance(2);
    if (chance(2)) {
      const auto x = value(type, depth - 1), y = value(type, depth - 1);
      return {type, fmt::format("({} {} {})", x.text, all ? "&&" : "||", y.text),
              [x = x.value, y = y.value, all](const Thread& thread) {
                const auto a = x(thread)[0], b = y(thread)[0];
                return Value{all ? a & b : a | b};
              }};
    }
    const Type vector{Scalar::Bool, 2 + pick(3)};
    const auto x = value(vector, depth - 1);
    return {type, fmt::format("{}({})", all ? "all" : "any", x.text), [x = x.value, vector, all](const Thread& thread) {
              const auto found = x(thread);
              unsigned count = 0;
              for (unsigned c = 0; c < vector.width; ++c) count += found[c] != 0 ? 1 : 0;
              return Value{all ? count == vector.width : count > 0};
            }};
  }
  Type of{static_cast<Scalar>(pick(12)), type.width};
  if (of.scalar == Scalar::Bool) of.scalar = Scalar::Int;
  const auto a = value(of, depth - 1), b = value(of, depth - 1);
  if (is_float(of.scalar) && chance(5)) {
    return {type, fmt::format("isnan({})", a.text), [x = a.value, type](const Thread& thread) {
              auto result = x(thread);
              for (unsigned c = 0; c < type.width; ++c) result[c] = std::isnan(real(result[c])) ? 1 : 0;
              return result;
            }};
  }
  const auto way = pick(kWays.size());
  return {type, fmt::format("({} {} {})", a.text, kWays[way], b.text),
          [x = a.value, y = b.value, of, way](const Thread& thread) {
            const auto first = x(thread), second = y(thread);
            const auto compare = [way](auto p, auto q) {
              return std::array{p<q, p> q, p == q, p != q, p <= q, p >= q}[way];
            };
            Value result{};
            for (unsigned c = 0; c < of.width; ++c)
              result[c] = is_float(of.scalar) ? compare(real(first[c]), real(second[c]))
                                              : compare(integer(of.scalar, first[c]), integer(of.scalar, second[c]));
            return result;
          }};
}

}  // namespace anymetal::test
