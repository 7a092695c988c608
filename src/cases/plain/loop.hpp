#pragma once
/// \file
/// Plain loops: what a C++ programmer writes in ten minutes for a kernel's formula, compiled for the host and run by
/// one thread. A kernel's time is measured against them.
///
/// plain/*.cpp is compiled with wide vectors whatever the program around it is compiled for, and runs only where
/// host_runs_loops() says so. No function of it may be shared with the rest of the program: what is inline here or
/// there must be of this namespace or of an unnamed one (no std::vector but Row; no std::string, fmt or std::function).
/// A test reads the objects' symbols.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

namespace anymetal::cases::plain {

/// A buffer in host memory, the bytes of a `constant` argument, or the value of a function constant.
struct Binding {
  unsigned index = 0;
  std::byte* data = nullptr;
  std::size_t elements = 0;
};

/// Bindings by index. A view.
struct Bindings {
  const Binding* first = nullptr;
  std::size_t count = 0;

  [[nodiscard]] Binding find(unsigned index) const {
    for (std::size_t i = 0; i < count; ++i) {
      if (first[i].index == index) return first[i];
    }
    return {};
  }
};

/// A kernel's arguments as its dispatch binds them. A view.
class Arguments {
 public:
  Arguments(Bindings buffers, Bindings constants) : buffers_(buffers), constants_(constants) {}

  /// Elements of the buffer at `index`, as the kernel declares them.
  template <class T>
  [[nodiscard]] T* at(unsigned index) const {
    return reinterpret_cast<T*>(buffers_.find(index).data);
  }
  /// The parameter, or structure of parameters, at `index`.
  template <class P>
  [[nodiscard]] P value(unsigned index) const {
    return read<P>(buffers_.find(index).data);
  }
  /// How many elements the buffer holds.
  [[nodiscard]] std::size_t elements(unsigned index) const { return buffers_.find(index).elements; }
  /// The function constant `index`, or `otherwise` where the case sets none.
  template <class T>
  [[nodiscard]] T constant(unsigned index, T otherwise) const {
    const std::byte* data = constants_.find(index).data;
    return data == nullptr ? otherwise : read<T>(data);
  }

 private:
  template <class P>
  static P read(const std::byte* data) {
    static_assert(std::is_trivially_copyable_v<P>);
    P parameters;
    std::memcpy(&parameters, data, sizeof(P));
    return parameters;
  }
  Bindings buffers_, constants_;
};

using Loop = void (*)(const Arguments&);

/// Where plain/<stem>.cpp registers its loops, in `void <stem>_loops(LoopList&)`.
class LoopList {
 public:
  void add(const char* kernel, Loop loop);
  struct Entry {
    const char* kernel;
    Loop loop;
  };
  [[nodiscard]] const Entry* begin() const;
  [[nodiscard]] const Entry* end() const;

 private:
  std::vector<Entry> entries_;
};

/// The loop of a kernel; null where there is none.
[[nodiscard]] Loop loop_of(const char* kernel);

/// Whether this processor has the instructions that the loops are compiled for.
[[nodiscard]] bool host_runs_loops();

}  // namespace anymetal::cases::plain
