// Expressions, and statements that only compute and access memory of the thread's own or memory that nobody writes.
#include <fmt/format.h>

#include <array>

#include "random_kernel.hpp"

namespace anymetal::test {

std::string RandomKernel::index(unsigned count, unsigned depth) {
  return fmt::format("({} {} {}u)", value(depth), (count & (count - 1)) == 0 ? "&" : "%",
                     (count & (count - 1)) == 0 ? count - 1 : count);
}

std::string RandomKernel::value(unsigned depth) {
  if (depth == 0 || chance(4)) {
    switch (pick(8)) {
      case 0:
        return fmt::format("{}u", chance(4) ? pick(0x7fffffff) : pick(70));
      case 1:
        return chance(2) ? "i" : "lane";
      case 2:
        if (threads_ == Threads::Whole) return "n";  // other places depend on how threads are cut into threadgroups
        if (threads_ == Threads::Grid) return "p.x";
        return std::array{"p.x", "p.y", "p.z", "at.x", "at.y", "at.z", "size.x", "group.x"}[pick(8)];
      default:
        return variable();
    }
  }
  const auto a = value(depth - 1), b = value(depth - 1);
  switch (pick(16)) {
    case 0:
      return fmt::format("({} - {})", a, b);
    case 1:
      return fmt::format("({} * {})", a, b);
    case 2:
      return fmt::format("({} ^ {})", a, b);
    case 3:
      return fmt::format("({} & {})", a, b);
    case 4:
      return fmt::format("({} << ({} & 31u))", a, b);
    case 5:
      return fmt::format("({} >> ({} & 31u))", a, b);
    case 6:
      return fmt::format("uint(int({}) >> ({} & 31u))", a, b);
    case 7:
      return fmt::format("({} / ({} | 1u))", a, b);
    case 8:
      return fmt::format("({} % ({} | 1u))", a, b);
    case 9:
      return fmt::format("({} ? {} : {})", condition(), a, b);
    case 10:
      return fmt::format("{}({}, {})", chance(2) ? "min" : "max", a, b);
    case 11:
      return fmt::format("uint(max(int({}), int({})))", a, b);
    case 12:
      return fmt::format("{}({})", std::array{"popcount", "clz", "reverse_bits"}[pick(3)], a);
    case 13:
      return fmt::format("mulhi({}, {})", a, b);
    case 14:
      return fmt::format("uint({}({}))", std::array{"char", "uchar", "short", "ushort"}[pick(4)], a);
    default:
      return fmt::format("({} + {})", a, b);
  }
}

std::string RandomKernel::number(unsigned depth) {
  if (depth == 0) return chance(2) ? fmt::format("float({} & 1023u)", value(1)) : "f" + std::to_string(pick(2));
  const auto a = number(depth - 1), b = number(depth - 1);
  switch (pick(7)) {
    case 0:
      return fmt::format("({} - {})", a, b);
    case 1:
      return fmt::format("max({}, {})", a, b);
    case 2:
      return fmt::format("({} ? {} : {})", condition(), a, b);
    case 3:
      return fmt::format("floor({} * 0.5f)", a);
    case 4:
      return fmt::format("float(half({} & 255u))", value(1));
    case 5:
      return fmt::format("fabs({})", a);
    default:
      return fmt::format("({} + {})", a, b);
  }
}

std::string RandomKernel::condition() {
  static constexpr std::array kWays{"<", ">", "==", "!=", "<="};
  switch (pick(5)) {
    case 0:
      return fmt::format("(int({}) {} {})", variable(), kWays[pick(5)], static_cast<int>(pick(60)) - 20);
    case 1:
      return fmt::format("(f{} {} {}.0f)", pick(2), kWays[pick(5)], pick(40));
    case 2:
      return fmt::format("(lane {} {}u)", kWays[pick(5)], pick(32));
    case 3:
      return fmt::format("(({} & 7u) {} {}u && {} {} {}u)", variable(), kWays[pick(5)], pick(8), variable(),
                         kWays[pick(5)], pick(64));
    default:
      return fmt::format("(({} & {}u) {} {}u)", variable(), 1 + pick(63), kWays[pick(5)], pick(40));
  }
}

std::string RandomKernel::shared_condition() {
  return fmt::format("((in[{}] & {}u) < {}u)", pick(kInputWords), 1 + pick(63), pick(40));
}

void RandomKernel::arithmetic() {
  if (chance(4)) return line(fmt::format("f{} = clamp({}, -4096.0f, 4096.0f);", pick(2), number(2)));
  if (chance(8)) return line(fmt::format("{} = uint(clamp(f{}, 0.0f, 4096.0f));", variable(), pick(2)));
  line(fmt::format("{} {}= {};", variable(), std::array{"", "+", "^", "*", "-"}[pick(5)], value(3)));
}

void RandomKernel::load() {
  const auto to = variable();
  switch (pick(8)) {
    case 0:
      return line(fmt::format("{} = ((device const uchar*)in)[{}];", to, index(4 * kInputWords)));
    case 1:
      return line(fmt::format("{} = uint(((device const char*)in)[{}]);", to, index(4 * kInputWords)));
    case 2:
      return line(fmt::format("{} = uint(((device const short*)in)[{}]);", to, index(2 * kInputWords)));
    case 3:
      return line(fmt::format("{} = {} ? in[{}] : {};", to, condition(), index(kInputWords), variable()));
    case 4:
      return line(fmt::format("{} += own[{}];", to, index(kOwnBytes)));
    case 5:
      return line(fmt::format("{} ^= ((device const ushort*)own)[{}];", to, index(kOwnBytes / 2)));
    case 6:
      return line(fmt::format("{} = uint(((device const ulong*)in)[{}] >> {});", to, index(kInputWords / 2), pick(40)));
    default:
      return line(fmt::format("{} = in[{}];", to, chance(2) ? index(kInputWords) : fmt::format("i + {}u", pick(100))));
  }
}

void RandomKernel::store() {
  switch (pick(5)) {
    case 0:
      return line(fmt::format("own[{}] = uchar({});", index(kOwnBytes), value()));
    case 1:
      return line(fmt::format("((device ushort*)own)[{}] = ushort({});", index(kOwnBytes / 2), value()));
    case 2:
      return line(fmt::format("((device uint*)own)[{}] = {};", index(kOwnBytes / 4), value()));
    case 3:
      return line(fmt::format("((device half*)own)[{}] = half({} & 255u);", index(kOwnBytes / 2), value()));
    default:
      return line(fmt::format("((device uint4*)own)[{}] = v;", index(kOwnBytes / 16)));
  }
}

void RandomKernel::array() {
  switch (pick(7)) {
    case 0:
      return line(fmt::format("words[{}] = {};", index(4), value()));
    case 1:
      return line(fmt::format("{} = words[{}];", variable(), index(4)));
    case 2:
      return line(fmt::format("bytes[{}] = uchar({});", index(8), value()));
    case 3:
      return line(fmt::format("{} += bytes[{}];", variable(), index(8)));
    case 4:
      return line(fmt::format("numbers[{}] = clamp({}, -4096.0f, 4096.0f);", index(4), number()));
    case 5:
      return line(fmt::format("f{} = numbers[{}];", pick(2), index(4)));
    default: {
      const auto name = fmt::format("local{}", names_++);
      line(fmt::format("uint {}[6] = {{}};", name));
      line(fmt::format("for (uint k = 0; k < {}; ++k) {}[({} + k) % 6u] += k;", 1 + pick(7), name, value(1)));
      return line(fmt::format("{} += {}[{}];", variable(), name, index(6)));
    }
  }
}

void RandomKernel::vector() {
  switch (pick(6)) {
    case 0:
      return line(fmt::format("v = ((device const uint4*)in)[{}];", index(kInputWords / 4)));
    case 1:
      return line(fmt::format("{} = v[{}];", variable(), index(4)));
    case 2:
      return line(fmt::format("v[{}] = {};", index(4), value()));
    case 3:
      return line(fmt::format("v.{} += v.{};", std::array{"xyzw", "zx", "wzy"}[names_ % 3],
                              std::array{"wzyx", "yw", "xxz"}[names_ % 3]));
    case 4:
      ++names_;
      return line(fmt::format("v = select(v, uint4({}), v > uint4(s0, s1, s2, s3));", value()));
    default:
      return line(fmt::format("v = as_type<uint4>(uint4(as_type<uchar4>({}).wzyx) * v);", value()));
  }
}

void RandomKernel::copy() {
  switch (pick(copies_private_ ? 8 : 4)) {
    case 0:
      return line(fmt::format("*(device Block*)(own + 4 * {}) = *(device const Block*)(in + {});", index(16),
                              index(kInputWords - 12)));
    case 1:
      return line(fmt::format("block.word[{}] = {};", index(12), value()));
    case 2:
      return line(fmt::format("{} ^= block.word[{}];", variable(), index(12)));
    case 3:
      return line(fmt::format("mixed.bytes[{}] = uchar({});", index(6), value()));
    case 4:
      return line(fmt::format("block = *(device const Block*)(in + {});", index(kInputWords - 12)));
    case 5:
      return line("*(device Block*)own = block;");
    case 6:
      return line("mixed.x = f0;");
    default:
      return line(fmt::format("mixed = *(device const Mixed*)(own + 4 * {});", index(16)));
  }
}

}  // namespace anymetal::test
