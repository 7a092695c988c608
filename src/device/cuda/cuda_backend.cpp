#include "device/cuda/cuda_backend.hpp"

#include "device/cuda/architecture_choices.hpp"
#include "device/cuda/context.hpp"
#include "device/cuda/executor.hpp"
#include "device/cuda/graph_replay.hpp"
#include "device/cuda/kernel.hpp"
#include "device/cuda/kernel_bitcode.hpp"
#include "device/cuda/memory.hpp"
#include "device/cuda/ptx_codegen.hpp"
#include "device/cuda/ptx_executable.hpp"

#include <fmt/format.h>
#include <llvm/Config/llvm-config.h>

#include <charconv>
#include <map>
#include <mutex>

namespace anymetal::device::cuda {

namespace {

/// Changes whenever the code generated from the same IR, or the way its parameters are laid out, changes.
constexpr unsigned kCodeVersion = 10;

Result<Artifact> ptx_artifact(msl::SpecialisedKernel kernel, const Architecture& architecture, std::string_view label) {
  settle_architecture(kernel, architecture);
  Artifact artifact;
  artifact.reflection = kernel.reflection;
  artifact.execution_path = "ptx";
  if (ParameterLayout(kernel.reflection, ConstantPassing::ByValue).has_values()) artifact.metadata = write_kernel(kernel);
  auto generated = generate_ptx(std::move(kernel), architecture, label);
  if (!generated) return std::unexpected(generated.error().with_kernel(artifact.reflection.name));
  artifact.code = std::move(generated->ptx);
  artifact.symbol = std::move(generated->symbol);
  artifact.metadata = write_metadata({generated->threadgroups, artifact.metadata});
  return artifact;
}

/// One GPU. Thread contract: as Backend.
class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(std::shared_ptr<Context> context) : context_(std::move(context)), executor_(context_) {}

  [[nodiscard]] const DeviceInfo& info() const override { return context_->info(); }
  [[nodiscard]] msl::Target front_end_target() const override { return msl::Target::Nvptx; }
  [[nodiscard]] std::string artifact_identity() const override {
    return fmt::format("cuda {} {} {} {} driver {} llvm {}", kCodeVersion, context_->architecture().name,
                       context_->architecture().ptx_feature, context_->info().architecture, context_->driver().version(),
                       LLVM_VERSION_STRING);
  }
  [[nodiscard]] Result<Artifact> compile(msl::SpecialisedKernel kernel, std::string_view label) const override {
    auto artifact = ptx_artifact(std::move(kernel), context_->architecture(), label);
    if (!artifact) return artifact;
    auto cubin = link_cubin(*context_, artifact->code, label);
    if (!cubin) return std::unexpected(cubin.error());
    artifact->code = *std::move(cubin);
    return artifact;
  }
  [[nodiscard]] Result<std::shared_ptr<const Executable>> load(const Artifact& artifact, std::string_view label) override {
    return load_with_forms(artifact, label, nullptr);
  }
  [[nodiscard]] Result<std::shared_ptr<const Executable>> load_with_forms(const Artifact& artifact, std::string_view label,
                                                                          std::shared_ptr<FormStore> forms) override {
    return Kernel::load(context_, artifact, label, std::move(forms));
  }
  [[nodiscard]] Result<std::shared_ptr<Memory>> allocate(std::size_t bytes) override {
    return DeviceMemory::allocate(context_, bytes);
  }
  [[nodiscard]] Result<std::shared_ptr<Memory>> wrap(std::span<const std::byte> bytes, std::shared_ptr<const void>) override {
    auto memory = DeviceMemory::allocate_uncleared(context_, bytes.size());
    if (!memory) return std::unexpected(memory.error());
    if (auto done = (*memory)->write(bytes, 0); !done) return std::unexpected(done.error());
    return *std::move(memory);
  }
  Result<void> execute(const CommandList& list) override { return executor_.run(list); }
  Result<std::shared_ptr<Work>> submit(CommandList list) override { return executor_.submit(std::move(list)); }
  Result<std::unique_ptr<Replay>> record(CommandList list) override {
    auto replay = std::make_unique<GraphReplay>(executor_);
    if (auto done = replay->replace(std::move(list)); !done) return std::unexpected(done.error());
    return replay;
  }
  [[nodiscard]] std::size_t threadgroup_memory_limit() const override { return context_->shared_memory_limit(); }

 private:
  std::shared_ptr<Context> context_;
  Executor executor_;
};

/// Generates PTX for an architecture that need not be present. Thread contract: as Backend.
class PtxCompiler final : public Backend {
 public:
  explicit PtxCompiler(Architecture architecture) : architecture_(std::move(architecture)) {
    info_.id = "cuda:" + architecture_.name;
    info_.name = "PTX compiler for " + architecture_.name;
    info_.architecture = architecture_.name;
    info_.has_tensor = architecture_.capability >= 80;
  }
  [[nodiscard]] const DeviceInfo& info() const override { return info_; }
  [[nodiscard]] msl::Target front_end_target() const override { return msl::Target::Nvptx; }
  [[nodiscard]] std::string artifact_identity() const override {
    return fmt::format("ptx {} {} {} llvm {}", kCodeVersion, architecture_.name, architecture_.ptx_feature, LLVM_VERSION_STRING);
  }
  [[nodiscard]] Result<Artifact> compile(msl::SpecialisedKernel kernel, std::string_view label) const override {
    return ptx_artifact(std::move(kernel), architecture_, label);
  }
  [[nodiscard]] Result<std::shared_ptr<const Executable>> load(const Artifact& artifact, std::string_view) override {
    return std::make_shared<const PtxExecutable>(artifact.code, artifact.reflection.max_total_threads);
  }
  [[nodiscard]] Result<std::shared_ptr<Memory>> allocate(std::size_t) override { return refuse(); }
  [[nodiscard]] Result<std::shared_ptr<Memory>> wrap(std::span<const std::byte>, std::shared_ptr<const void>) override { return refuse(); }
  Result<void> execute(const CommandList& list) override {
    if (list.dispatches.empty()) return {};
    return refuse();
  }
  [[nodiscard]] std::size_t threadgroup_memory_limit() const override { return architecture_.shared_bytes; }

 private:
  [[nodiscard]] std::unexpected<Error> refuse() const {
    return fail(ErrorCode::UnsupportedByDevice,
                fmt::format("'{}' only compiles; open 'cuda:0' to run on a GPU of this machine", info_.id));
  }
  Architecture architecture_;
  DeviceInfo info_;
};

Result<std::shared_ptr<Backend>> open_gpu(int ordinal) {
  auto driver = Driver::load();
  if (!driver) return std::unexpected(driver.error());
  int count = 0;
  if (CUresult r = (*driver)->device_get_count(&count); r != kSuccess) return (*driver)->failure(r, "counting the GPUs");
  if (ordinal >= count) {
    return fail(ErrorCode::DeviceNotFound,
                fmt::format("there is no 'cuda:{}': this machine has {} NVIDIA GPU{}{}", ordinal, count, count == 1 ? "" : "s",
                            count == 0 ? "" : fmt::format(", cuda:0{}", count == 1 ? "" : fmt::format(" to cuda:{}", count - 1))));
  }
  static std::mutex mutex;
  static auto& opened = *new std::map<int, std::shared_ptr<Backend>>;  // outlives static destruction: the driver may be gone then
  const std::lock_guard lock(mutex);
  if (const auto found = opened.find(ordinal); found != opened.end()) return found->second;
  auto context = Context::open(**driver, ordinal);
  if (!context) return std::unexpected(context.error());
  return opened.emplace(ordinal, std::make_shared<CudaBackend>(*std::move(context))).first->second;
}

}  // namespace

std::vector<DeviceInfo> list_devices() {
  const auto unusable = [](std::string reason, std::string id = "cuda") {
    DeviceInfo info;
    info.id = std::move(id);
    info.name = "NVIDIA GPU";
    info.usable = false;
    info.unusable_reason = std::move(reason);
    return std::vector{info};
  };
  auto driver = Driver::load();
  if (!driver) return unusable(driver.error().message());
  int count = 0;
  (*driver)->device_get_count(&count);
  if (count == 0) return unusable("the driver is there, but no NVIDIA GPU is visible (check CUDA_VISIBLE_DEVICES)");
  std::vector<DeviceInfo> devices;
  for (int i = 0; i < count; ++i) {
    auto info = describe_device(**driver, i);
    devices.push_back(info ? *std::move(info) : unusable(info.error().message(), fmt::format("cuda:{}", i)).front());
  }
  return devices;
}

Result<std::shared_ptr<Backend>> open_device(std::string_view id) {
  if (id == "cuda") return open_gpu(0);
  std::string_view rest = id;
  if (rest.starts_with("cuda:")) rest.remove_prefix(5);
  if (rest.starts_with("sm_")) {
    auto architecture = Architecture::parse(rest);
    if (!architecture) return std::unexpected(architecture.error());
    return std::make_shared<PtxCompiler>(*std::move(architecture));
  }
  int ordinal = -1;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), ordinal);
  if (error != std::errc() || end != rest.data() + rest.size() || ordinal < 0) {
    return fail(ErrorCode::DeviceNotFound, fmt::format("'{}' is no NVIDIA device; write cuda, cuda:0 or cuda:sm_90", id));
  }
  return open_gpu(ordinal);
}

}  // namespace anymetal::device::cuda
