#include "device/cpu/perf_plugin.hpp"

#include <fmt/format.h>
#include <llvm/ExecutionEngine/JITLink/JITLink.h>

#include <elf.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>

namespace anymetal::device::cpu {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// Receives each function once it has its address. Called under a lock.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void function(std::string_view name, std::uint64_t address, std::string_view code) = 0;
};

class MapSink final : public Sink {
 public:
  explicit MapSink(File file) : file_(std::move(file)) {}
  void function(std::string_view name, std::uint64_t address, std::string_view code) override {
    fmt::print(file_.get(), "{:x} {:x} {}\n", address, code.size(), name);
    std::fflush(file_.get());
  }

 private:
  File file_;
};

/// The format of linux/tools/perf/Documentation/jitdump-specification.txt.
class DumpSink final : public Sink {
 public:
  explicit DumpSink(File file) : file_(std::move(file)) {
#ifdef __aarch64__
    constexpr std::uint32_t kMachine = EM_AARCH64;
#else
    constexpr std::uint32_t kMachine = EM_X86_64;
#endif
    const struct {
      std::uint32_t magic, version, size, machine, padding, pid;
      std::uint64_t timestamp, flags;
    } header{0x4A695444, 1, 40, kMachine, 0, static_cast<std::uint32_t>(getpid()), now(), 0};
    write(&header, sizeof header);
    // perf finds the file by this executable mapping of it.
    page_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    mapping_ = mmap(nullptr, page_, PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(file_.get()), 0);
  }
  ~DumpSink() override {
    if (mapping_ != MAP_FAILED) munmap(mapping_, page_);
  }
  DumpSink(const DumpSink&) = delete;
  DumpSink& operator=(const DumpSink&) = delete;

  void function(std::string_view name, std::uint64_t address, std::string_view code) override {
    const struct {
      std::uint32_t id, size;
      std::uint64_t timestamp;
      std::uint32_t pid, tid;
      std::uint64_t vma, address, code_size, index;
    } record{0,       static_cast<std::uint32_t>(56 + name.size() + 1 + code.size()),
             now(),   static_cast<std::uint32_t>(getpid()),
             static_cast<std::uint32_t>(syscall(SYS_gettid)), address, address, code.size(), next_++};
    write(&record, sizeof record);
    write(name.data(), name.size());
    write("", 1);
    write(code.data(), code.size());
    std::fflush(file_.get());
  }

 private:
  static std::uint64_t now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
  }
  void write(const void* data, std::size_t bytes) { std::fwrite(data, 1, bytes, file_.get()); }

  File file_;
  std::size_t page_ = 0;
  void* mapping_ = MAP_FAILED;
  std::uint64_t next_ = 0;
};

/// By its section: the linker's graph does not mark local functions as callable.
bool names_code(const llvm::jitlink::Symbol& symbol) {
  const auto protection = static_cast<unsigned>(symbol.getBlock().getSection().getMemProt());
  return (protection & static_cast<unsigned>(llvm::orc::MemProt::Exec)) != 0 && symbol.hasName() && symbol.getSize() > 0;
}

/// Walks each linked object's functions.
class PerfPlugin final : public llvm::orc::ObjectLinkingLayer::Plugin {
 public:
  explicit PerfPlugin(std::unique_ptr<Sink> sink) : sink_(std::move(sink)) {}

  void modifyPassConfig(llvm::orc::MaterializationResponsibility&, llvm::jitlink::LinkGraph&,
                        llvm::jitlink::PassConfiguration& config) override {
    // The kernel's table points at the section, so nothing keeps the function's own symbol through pruning but this.
    config.PrePrunePasses.push_back([](llvm::jitlink::LinkGraph& graph) -> llvm::Error {
      for (auto* symbol : graph.defined_symbols()) {
        if (names_code(*symbol)) symbol->setLive(true);
      }
      return llvm::Error::success();
    });
    config.PostFixupPasses.push_back([this](llvm::jitlink::LinkGraph& graph) -> llvm::Error {
      const std::scoped_lock lock(mutex_);
      for (const auto* symbol : graph.defined_symbols()) {
        if (!names_code(*symbol)) continue;
        const auto content = symbol->getSymbolContent();
        const auto name = symbol->getName();
        sink_->function({name.data(), name.size()}, symbol->getAddress().getValue(), {content.data(), content.size()});
      }
      return llvm::Error::success();
    });
  }
  llvm::Error notifyFailed(llvm::orc::MaterializationResponsibility&) override { return llvm::Error::success(); }
  llvm::Error notifyRemovingResources(llvm::orc::JITDylib&, llvm::orc::ResourceKey) override {
    return llvm::Error::success();
  }
  void notifyTransferringResources(llvm::orc::JITDylib&, llvm::orc::ResourceKey, llvm::orc::ResourceKey) override {}

 private:
  std::unique_ptr<Sink> sink_;
  std::mutex mutex_;
};

}  // namespace

std::shared_ptr<llvm::orc::ObjectLinkingLayer::Plugin> make_perf_plugin() {
  const char* wanted = std::getenv("ANYMETAL_PERF");
  const std::string_view mode = wanted ? wanted : "";
  if (mode != "map" && mode != "jitdump") return nullptr;
  const auto path = mode == "map" ? fmt::format("/tmp/perf-{}.map", getpid()) : fmt::format("jit-{}.dump", getpid());
  File file(std::fopen(path.c_str(), mode == "map" ? "a" : "w+"));
  if (!file) return nullptr;
  std::unique_ptr<Sink> sink;
  if (mode == "map") {
    sink = std::make_unique<MapSink>(std::move(file));
  } else {
    sink = std::make_unique<DumpSink>(std::move(file));
  }
  return std::make_shared<PerfPlugin>(std::move(sink));
}

}  // namespace anymetal::device::cpu
