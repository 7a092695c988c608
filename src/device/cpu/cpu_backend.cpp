#include "device/cpu/cpu_backend.hpp"

#include <fmt/format.h>
#include <llvm/Config/llvm-config.h>

#include <mutex>
#include <string_view>

#include "device/cpu/dispatcher.hpp"
#include "device/cpu/executable.hpp"
#include "device/cpu/host.hpp"
#include "device/cpu/host_memory.hpp"
#include "device/cpu/kernel_compiler.hpp"
#include "device/cpu/object_linker.hpp"
#include "device/cpu/shared_code.hpp"
#include "msl/compile_guard.hpp"
#include "observe/environment.hpp"
#include "observe/per_process.hpp"

namespace anymetal::device::cpu {
namespace {

/// Changes whenever the code generated from the same IR or the structures shared with it change.
constexpr unsigned kCodeVersion = 24;

#ifdef NDEBUG
constexpr bool kAssertions = false;
#else
constexpr bool kAssertions = true;
#endif

/// Another form of a kernel: as it was kept, or compiled and kept.
Result<std::shared_ptr<const LinkedKernel>> linked_form(const Artifact& artifact, const std::string& label, Form form,
                                                        const LanesOptions& vectors, ObjectLinker& linker,
                                                        FormStore* forms) {
  if (forms != nullptr)
    if (const auto kept = forms->find(name_of(form))) {
      auto linked = linker.link(*kept, label);
      if (linked) return linked;
      if (linked.error().code() != ErrorCode::OutOfMemory) forms->reject(name_of(form));
    }
  const auto made = msl::run_step_for<Artifact>(fmt::format("kernel '{}'", label),
                                                [&] { return compile_form(artifact, label, form, vectors); });
  if (!made) return std::unexpected(made.error().with_key(label));
  auto linked = linker.link(made->code, label);
  if (linked && forms != nullptr) forms->keep(name_of(form), made->code);
  return linked;
}

class CpuBackend final : public Backend {
 public:
  CpuBackend(unsigned threads, Paths paths, double merged_from)
      : info_(describe_host(threads)), dispatcher_(threads), paths_(std::move(paths)), merged_from_(merged_from) {}

  [[nodiscard]] const DeviceInfo& info() const override { return info_; }
  [[nodiscard]] msl::Target front_end_target() const override { return msl::Target::Host; }
  [[nodiscard]] std::string_view kernel_variants() const override { return paths_.one_thread ? "cpu" : ""; }
  [[nodiscard]] std::string artifact_identity() const override {
    const auto& host = host_target();
    return fmt::format("cpu {} lanes {} variants {} llvm {} {} {} {}", kCodeVersion, paths_.lanes, paths_.one_thread,
                       LLVM_VERSION_STRING, host.triple, host.cpu, host.features);
  }
  [[nodiscard]] Result<Artifact> compile(msl::SpecialisedKernel kernel, std::string_view label) const override {
    auto artifact = shared_code_->compile(std::move(kernel), label, paths_);
    if (!artifact) return std::unexpected(artifact.error().with_key(std::string(label)));
    return artifact;
  }
  [[nodiscard]] Result<std::shared_ptr<const Executable>> load(const Artifact& artifact,
                                                               std::string_view label) override {
    return load_with_forms(artifact, label, nullptr);
  }
  [[nodiscard]] Result<std::shared_ptr<const Executable>> load_with_forms(const Artifact& artifact,
                                                                          std::string_view label,
                                                                          std::shared_ptr<FormStore> forms) override {
    if (auto runs = check_runs_here(); !runs) return std::unexpected(runs.error().with_key(std::string(label)));
    const auto linker = object_linker();
    if (!linker) return std::unexpected(linker.error());
    auto kernel = (*linker)->link(artifact.code, label);
    if (!kernel) return std::unexpected(kernel.error().with_key(std::string(label)));
    CpuExecutable::MakeForm make_form;
    if (!artifact.metadata.empty())
      make_form = [artifact, linker = *linker, name = std::string(label), forms, vectors = paths_.vectors](Form form) {
        return linked_form(artifact, name, form, vectors, *linker, forms.get());
      };
    return std::make_shared<CpuExecutable>(std::move(*kernel), artifact.reflection, std::move(make_form), merged_from_);
  }
  [[nodiscard]] Result<std::shared_ptr<Memory>> allocate(std::size_t bytes) override {
    return allocate_host_memory(bytes);
  }
  [[nodiscard]] Result<std::shared_ptr<Memory>> wrap(std::span<const std::byte> bytes,
                                                     std::shared_ptr<const void> owner) override {
    return wrap_host_memory(bytes, std::move(owner));
  }
  Result<void> execute(const CommandList& list) override { return dispatcher_.execute(list); }
  [[nodiscard]] std::size_t threadgroup_memory_limit() const override { return 32768; }

 private:
  /// Made when the first kernel is loaded: opening the device stays cheap.
  Result<std::shared_ptr<ObjectLinker>> object_linker() {
    const std::scoped_lock lock(mutex_);
    if (!linker_) {
      auto created = ObjectLinker::create();
      if (!created) return created;
      linker_ = std::move(*created);
    }
    return linker_;
  }

  DeviceInfo info_;
  Dispatcher dispatcher_;
  Paths paths_;
  double merged_from_;
  mutable PerProcess<SharedCode> shared_code_{[] { return std::make_unique<SharedCode>(); }};
  std::mutex mutex_;
  std::shared_ptr<ObjectLinker> linker_;
};

}  // namespace

Result<std::shared_ptr<Backend>> make_cpu_backend(const CpuOptions& options) {
  const Paths paths{.lanes = options.lanes.value_or(environment::is_on("ANYMETAL_CPU_LANES", true)),
                    .one_thread = options.variants.value_or(environment::is_on("ANYMETAL_CPU_VARIANTS", true)),
                    .vectors = {.verify = options.verify.value_or(environment::is_on("ANYMETAL_CPU_VERIFY", kAssertions))}};
  return std::make_shared<CpuBackend>(options.threads != 0 ? options.threads : usable_threads(), paths,
                                      options.merged_from.value_or(CpuExecutable::kMergedFrom));
}

}  // namespace anymetal::device::cpu
