#pragma once
/// \file
/// Random kernels in MSL, for paths that must agree on what a kernel means.

#include <cstdint>
#include <random>
#include <string>

namespace anymetal::test {

/// Writes a kernel that computes from `in` and where each thread is, in all integer types, half, bfloat and float:
/// branches, switches, loops that threads leave one by one, searches that end in several loops at once, early returns,
/// private arrays at indices that differ, loads and stores of every width and stride, through pointers and structs,
/// copies of structs, threadgroup memory between barriers, atomic and simdgroup operations. What it computes is
/// defined: threads write to places of their own, read those of others after a barrier only, and shuffle only among
/// lanes that are there; numbers are whole where sums of several threads depend on their order.
class RandomKernel {
 public:
  /// Threads of a threadgroup at most: two simdgroups.
  static constexpr unsigned kThreads = 64;
  static constexpr unsigned kInputWords = 256;
  static constexpr unsigned kOwnBytes = 128;  ///< of `own`, for each thread
  static constexpr unsigned kResults = 12;    ///< words of `out`, for each thread
  static constexpr unsigned kCounts = 26;     ///< words of `counts`
  static constexpr unsigned kPlaces = 256;    ///< threads of a grid at most
  static constexpr unsigned kRowBytes = 16 * kPlaces;
  static constexpr unsigned kRows = 12;   ///< of kRowBytes each, in `rows`
  static constexpr unsigned kBound = 90;  ///< what `n` must be

  /// What a kernel may depend on.
  enum class Threads : std::uint8_t {
    Whole,  ///< threadgroups of kThreads, all in whole simdgroups
    Any,    ///< nothing but that lanes may be missing
    Apart,  ///< the same, and threads do nothing as simdgroups
    Alone,  ///< the same, and they never meet
    Grid,   ///< the same, and know of their place nothing but x in the grid; threadgroups of 8 at most
  };
  RandomKernel(unsigned seed, Threads threads)
      : random_(seed),
        threads_(threads),
        copies_private_(chance(4)),
        has_slots_(threads == Threads::Grid && chance(3)) {}

  /// `kernel void random(device const uint* in, device uint* out, device uchar* own, device atomic_uint* counts,
  /// device uchar* rows, constant uint& n)`.
  std::string text();

 private:
  unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }
  [[nodiscard]] bool is_apart() const { return threads_ == Threads::Apart; }
  [[nodiscard]] bool is_alone() const { return threads_ >= Threads::Apart; }  ///< nothing as a simdgroup
  bool chance(unsigned of) { return pick(of) == 0; }
  std::string value(unsigned depth = 2);   ///< a uint
  std::string number(unsigned depth = 1);  ///< a float, whole and small
  std::string index(unsigned count, unsigned depth = 1);
  std::string condition();
  std::string shared_condition();  ///< the same in all threads
  std::string variable() { return "s" + std::to_string(pick(4)); }

  void line(const std::string& text) { body_ += std::string(2 * indent_, ' ') + text + "\n"; }
  void statements(unsigned depth, unsigned count);
  void statement(unsigned depth);
  void arithmetic();
  void load();
  void store();
  void array();
  void vector();
  void narrow();  ///< half, bfloat, char and short
  void wide();    ///< 64 bits
  void short_vector();
  void item();     ///< structs by pointer
  void address();  ///< loads from places that follow from the thread's
  void row();      ///< places beside those of the neighbours
  void copy();
  void simdgroup();
  void shuffle();
  void exchange();
  void tally(const char* barrier);  ///< atomic operations in threadgroup memory
  void slot();                      ///< the thread's own place in threadgroup memory
  void count();
  void branch(unsigned depth);
  void choice(unsigned depth);
  void loop(unsigned depth);
  void search();
  void stride();
  void leave();
  void bound();  ///< some threads return at the beginning

  std::mt19937 random_;
  Threads threads_;
  bool copies_private_;  ///< structs of the thread's own as a whole: not as vectors
  bool has_slots_;
  bool together_ = true;   ///< all threads run what is written now
  bool returned_ = false;  ///< some thread may have returned
  unsigned loops_ = 0;     ///< around what is written now
  unsigned indent_ = 1;
  unsigned names_ = 0;
  std::string body_;
};

}  // namespace anymetal::test
