// What threads of a random kernel do together or to memory that others see too.
#include <fmt/format.h>

#include <array>

#include "random_kernel.hpp"

namespace anymetal::test {

void RandomKernel::simdgroup() {
  switch (pick(13)) {
    case 0:
      return line(fmt::format("f{} = min(simd_sum({}), 4096.0f);", pick(2), number()));
    case 1:
      return line(fmt::format("{} = simd_prefix_inclusive_sum({});", variable(), value()));
    case 2:
      return line(fmt::format("{} = uint(simd_max(int({})));", variable(), value()));
    case 3:
      return line(fmt::format("{} ^= simd_{}({});", variable(), std::array{"and", "or", "xor"}[pick(3)], value()));
    case 4:
      return line(fmt::format("{} = uint(ulong(simd_ballot({})));", variable(), condition()));
    case 5:
      return line(fmt::format("{} += simd_{}({}) ? 3u : 5u;", variable(), chance(2) ? "all" : "any", condition()));
    case 6:
      return line(fmt::format("f{} = simd_min({});", pick(2), number()));
    case 7:
      return line(fmt::format("{} = simd_prefix_exclusive_sum({});", variable(), value()));
    case 8:
      return line(fmt::format("h0 = simd_sum(half({} & 31u));", value()));
    case 9:
      return line(fmt::format("t0 = simd_{}(t0);", chance(2) ? "min" : "max"));
    case 10:
      return line(fmt::format("{} += simd_broadcast_first({});", variable(), value()));
    case 11:
      return line(fmt::format("c0 = simd_xor(c0);"));
    default:
      return line(fmt::format("{} = simd_sum({});", variable(), value()));
  }
}

void RandomKernel::shuffle() {
  switch (pick(11)) {
    case 0:
      return line(fmt::format("{} = simd_shuffle_xor({}, {});", variable(), value(), 1 + pick(31)));
    case 1:
      return line(fmt::format("f{} = simd_shuffle({}, ushort({}));", pick(2), number(), index(32)));
    case 2:
      return line(fmt::format("{} = simd_broadcast({}, {});", variable(), value(), pick(32)));
    case 3: {
      const auto name = fmt::format("up{}", names_++);
      line(fmt::format("const uint {} = simd_shuffle_up({}, 3);", name, value()));
      return line(fmt::format("{} += lane >= 3 ? {} : 1;", variable(), name));
    }
    case 4:
      return line(fmt::format("h{} = simd_shuffle(h0, ushort({}));", pick(2), index(32)));
    case 5:
      return line(fmt::format("q = simd_shuffle_rotate_down(q, {});", 1 + pick(31)));
    case 6:
      return line(
          fmt::format("{} = simd_shuffle_and_fill_up({}, {}, {});", variable(), value(), value(), 1 + pick(31)));
    case 7:
      return line(fmt::format("c0 = quad_shuffle_xor(c0, {});", 1 + pick(3)));
    case 8:
      return line(fmt::format("t0 = quad_broadcast(t0, {});", pick(4)));
    case 9:
      return line(fmt::format("w = simd_shuffle(w, ushort({}));", index(32)));
    default:
      return line(fmt::format("{} = simd_shuffle({}, ushort({}));", variable(), value(), index(32)));
  }
}

void RandomKernel::exchange() {
  const char* barrier = "threadgroup_barrier(mem_flags::mem_threadgroup);";
  line(barrier);
  switch (pick(6)) {
    case 0:
      line(fmt::format("shared[i] = {};", value()));
      line(barrier);
      return line(fmt::format("{} = shared[{}];", variable(), index(kThreads)));
    case 1:
      line(fmt::format("shared_bytes[4 * i + {}] = uchar({});", index(4), value()));
      line(barrier);
      return line(fmt::format("{} += shared_bytes[{}];", variable(), index(4 * kThreads)));
    case 2:
      line("shared_wide[i] = l0;");
      line(barrier);
      return line(fmt::format("l0 ^= shared_wide[{}];", chance(2) ? index(kThreads) : "63u - i"));
    case 3:
      line("shared_half[i] = h0;");
      line(barrier);
      return line(fmt::format("h1 = shared_half[{}];", chance(2) ? index(kThreads) : "i ^ 1u"));
    case 4:
      return tally(barrier);
    default:
      line(!copies_private_ || chance(2)
               ? fmt::format("blocks[i] = *(device const Block*)(in + {});", index(kInputWords - 12))
               : std::string("blocks[i] = block;"));
      line(barrier);
      return line(fmt::format("{} ^= blocks[{}].word[{}];", variable(), index(kThreads), index(12)));
  }
}

void RandomKernel::tally(const char* barrier) {
  line("if (i < 8) atomic_store_explicit(tallies + i, i, memory_order_relaxed);");
  line(barrier);
  line(fmt::format("{}atomic_fetch_{}_explicit(tallies + {}, {}, memory_order_relaxed);",
                   chance(2) ? "if (" + condition() + ") " : "", std::array{"add", "max", "xor"}[pick(3)], index(8),
                   value()));
  line(barrier);
  line(fmt::format("{} += atomic_load_explicit(tallies + {}, memory_order_relaxed);", variable(), index(8)));
}

void RandomKernel::count() {
  // Words that see one operation only, whose order does not matter; the last ones hold a float.
  static constexpr std::array kOperations{"add", "max", "min", "or", "and", "xor"};
  const auto which = pick(8);
  if (which >= kOperations.size())
    return line(
        fmt::format("atomic_fetch_add_explicit((device atomic_float*)counts + {}, float({} & 15u), "
                    "memory_order_relaxed);",
                    4 * kOperations.size() + pick(2), value()));
  line(fmt::format("atomic_fetch_{}_explicit(counts + {} + {}, {}, memory_order_relaxed);", kOperations[which],
                   4 * which, index(4), value()));
}

void RandomKernel::slot() {
  line(fmt::format("slots[slot] = {};", value()));
  arithmetic();
  line(fmt::format("{} = slots[slot ^ (n / 1000u)];", variable()));
}

}  // namespace anymetal::test
