#pragma once
/// \file
/// What a device back end offers the runtime: compile, load, allocate, execute.

#include <anymetal/device.hpp>
#include <anymetal/error.hpp>

#include "msl/parsed_source.hpp"

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace anymetal::device {

/// Device code of one pipeline as bytes: what a disk cache stores. Knows nothing of a process or a device instance.
struct Artifact {
  std::string code;                   ///< relocatable object, cubin or PTX
  std::string symbol;                 ///< function to look up in it
  std::string execution_path;         ///< "loop", "threads as vectors", "lanes", "coroutines", "ptx"
  std::string path_reason;            ///< why not a faster path; empty if it is the fastest
  msl::EntryReflection reflection;    ///< after specialisation
  std::string metadata;               ///< the back end's own, opaque to all others
};

/// Where a loaded kernel finds other forms of its code that it made before, in this process or an earlier one.
/// Thread contract: safe from any thread.
class FormStore {
 public:
  virtual ~FormStore() = default;
  [[nodiscard]] virtual std::optional<std::string> find(std::string_view form) = 0;
  virtual void keep(std::string_view form, std::string_view bytes) = 0;
  /// What `find` gave turned out unusable.
  virtual void reject(std::string_view form) = 0;
};

/// An artifact loaded into this process on one device. Thread contract: immutable.
class Executable {
 public:
  virtual ~Executable() = default;
  /// Largest legal threadgroup on this device, in threads.
  [[nodiscard]] virtual std::size_t max_total_threads_per_threadgroup() const = 0;
  /// How the kernel may use the memory of an argument, numbered as the reflection's.
  [[nodiscard]] virtual Access access(std::size_t /*argument*/) const { return Access::ReadWrite; }
};

/// Work a device was given. Thread contract: safe from any thread.
class Work {
 public:
  virtual ~Work() = default;  ///< does not wait
  [[nodiscard]] virtual bool finished() = 0;
  /// The outcome of the work, the same each time.
  virtual Result<void> wait() = 0;
};

/// Work that had ended when it was handed over.
class FinishedWork final : public Work {
 public:
  [[nodiscard]] bool finished() override { return true; }
  Result<void> wait() override { return {}; }
};

/// One allocation. Thread contract: handle methods are safe from any thread; content races are the caller's affair.
class Memory {
 public:
  virtual ~Memory() = default;
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual std::byte* contents() = 0;  ///< nullptr where the host cannot see it
  virtual Result<void> write(std::span<const std::byte> bytes, std::size_t offset) = 0;
  virtual Result<void> read(std::span<std::byte> bytes, std::size_t offset) const = 0;
  /// Starts a read; `bytes` must live until the work has been waited for, and holds the content then.
  virtual Result<std::shared_ptr<Work>> read_later(std::span<std::byte> bytes, std::size_t offset) const {
    if (auto done = read(bytes, offset); !done) return std::unexpected(done.error());
    return std::make_shared<FinishedWork>();
  }
};

/// One argument of a dispatch, in the order of the reflection's arguments.
struct BoundArgument {
  enum class Kind : std::uint8_t { Absent, Buffer, Bytes, ThreadgroupLength };
  Kind kind = Kind::Absent;
  Memory* memory = nullptr;      ///< Buffer
  std::size_t offset = 0;        ///< Buffer: byte offset; Bytes: offset into CommandList::bytes
  std::size_t length = 0;        ///< Buffer and Bytes: bytes available from there; ThreadgroupLength: bytes
  unsigned index = 0;            ///< of the argument table
};

/// One dispatch, already validated against the pipeline's reflection and limits; or a copy or a fill, which take a
/// dispatch's place in a list.
struct Dispatch {
  enum class Kind : std::uint8_t { Kernel, Copy, Fill };
  const Executable* executable = nullptr;
  std::string_view label;
  std::size_t first_argument = 0;  ///< into CommandList::arguments; as many as the reflection has arguments
  std::size_t argument_count = 0;
  Size threads_per_threadgroup;
  Size threads;                    ///< whole grid in threads; not a multiple of the group where edges are clipped
  Kind kind = Kind::Kernel;        ///< Copy: from argument 1 to argument 0, of one length; Fill: argument 0
  std::byte fill_value{};

  /// How the command may use the memory of one of its arguments.
  [[nodiscard]] Access access(std::size_t argument) const {
    if (kind == Kind::Kernel) return executable->access(argument);
    return argument == 0 ? Access::ReadWrite : Access::Read;
  }
};

/// Allocates on cache-line boundaries, so that every argument copied into CommandList::bytes is aligned for its type.
template <class T>
struct CacheLineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};
  CacheLineAllocator() = default;
  template <class U>
  CacheLineAllocator(const CacheLineAllocator<U>&) noexcept {}  // NOLINT(google-explicit-constructor): allocators convert
  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), kAlignment)); }
  void deallocate(T* data, std::size_t count) noexcept { ::operator delete(data, count * sizeof(T), kAlignment); }
  friend bool operator==(const CacheLineAllocator&, const CacheLineAllocator&) { return true; }
};

/// What an encoder recorded: flat arrays, so that recording allocates nothing once they have grown.
struct CommandList {
  std::vector<Dispatch> dispatches;
  std::vector<BoundArgument> arguments;
  std::vector<std::byte, CacheLineAllocator<std::byte>> bytes;  ///< each argument starts at a multiple of 64
  std::vector<std::shared_ptr<const void>> keep_alive;  ///< pipelines and memory used by the list
};

/// A command list that a device keeps for repeated runs. Thread contract: one thread at a time.
class Replay {
 public:
  virtual ~Replay() = default;
  /// Other content for a Bytes argument of the list, of its length. Runs already submitted keep theirs.
  virtual Result<void> set_bytes(std::size_t dispatch, std::size_t argument, std::span<const std::byte> bytes) = 0;
  /// From now on another list. Cheap where only arguments and grids differ.
  virtual Result<void> replace(CommandList list) = 0;
  [[nodiscard]] virtual const CommandList& list() const = 0;
  virtual Result<std::shared_ptr<Work>> submit() = 0;
};

/// Thread contract: safe from any thread.
class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual const DeviceInfo& info() const = 0;
  [[nodiscard]] virtual msl::Target front_end_target() const = 0;
  /// Everything of this device that changes generated code: architecture, feature set, compiler and driver version.
  [[nodiscard]] virtual std::string artifact_identity() const = 0;
  /// The device whose forms of built-in kernels (kernels/<device>/) replace the general ones; empty: none.
  [[nodiscard]] virtual std::string_view kernel_variants() const { return {}; }
  /// A pure function of its arguments and artifact_identity(). `label` names symbols for profilers.
  [[nodiscard]] virtual Result<Artifact> compile(msl::SpecialisedKernel kernel, std::string_view label) const = 0;
  [[nodiscard]] virtual Result<std::shared_ptr<const Executable>> load(const Artifact& artifact, std::string_view label) = 0;
  /// The same for a kernel that may need other forms of its code later: `forms` is where they are kept, null for nowhere. Here:
  /// without such.
  [[nodiscard]] virtual Result<std::shared_ptr<const Executable>> load_with_forms(const Artifact& artifact, std::string_view label,
                                                                                  std::shared_ptr<FormStore> /*forms*/) {
    return load(artifact, label);
  }
  [[nodiscard]] virtual Result<std::shared_ptr<Memory>> allocate(std::size_t bytes) = 0;
  [[nodiscard]] virtual Result<std::shared_ptr<Memory>> wrap(std::span<const std::byte> bytes,
                                                             std::shared_ptr<const void> owner) = 0;
  /// Runs the list in order and waits.
  virtual Result<void> execute(const CommandList& list) = 0;
  /// Starts the list. What it keeps alive lives until the work has ended. Here: runs it.
  virtual Result<std::shared_ptr<Work>> submit(CommandList list);
  /// Takes the list for repeated runs, each Bytes argument with bytes of its own. Here: executes it each time.
  virtual Result<std::unique_ptr<Replay>> record(CommandList list);
  /// Largest threadgroup memory of one threadgroup, static and dynamic together, in bytes.
  [[nodiscard]] virtual std::size_t threadgroup_memory_limit() const = 0;
};

}  // namespace anymetal::device
