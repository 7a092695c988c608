#include "device/cuda/kernel.hpp"

#include "device/cuda/kernel_bitcode.hpp"
#include "device/cuda/ptx_codegen.hpp"
#include "observe/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <atomic>

namespace anymetal::device::cuda {

namespace {

/// Buffers the driver writes its compiler's messages into.
class JitLog {
 public:
  JitLog() {
    options_ = {JitOption::ErrorLogBuffer, JitOption::ErrorLogBufferSizeBytes};
    values_ = {text_.data(), reinterpret_cast<void*>(text_.size())};
  }
  unsigned count() const { return static_cast<unsigned>(options_.size()); }
  JitOption* options() { return options_.data(); }
  void** values() { return values_.data(); }
  std::string_view text() const { return text_.data(); }

 private:
  std::array<char, 8192> text_{};
  std::array<JitOption, 2> options_{};
  std::array<void*, 2> values_{};
};

std::unexpected<Error> refused(const Context& context, CUresult result, std::string_view label, const JitLog& log) {
  const auto& driver = context.driver();
  if (result == kErrorUnsupportedPtxVersion) {
    return fail(ErrorCode::UnsupportedByDevice,
                fmt::format("kernel '{}': the NVIDIA driver (CUDA {}.{}) is too old for the code this GPU needs; update it", label,
                            driver.version() / 1000, driver.version() % 1000 / 10));
  }
  if (result == kErrorOutOfMemory || is_sticky(result)) return driver.failure(result, fmt::format("loading kernel '{}'", label));
  return fail(ErrorCode::ShaderCompilationError, fmt::format("kernel '{}': the NVIDIA driver refused the generated code: {}{}{}",
                                                             label, driver.describe(result), log.text().empty() ? "" : "\n", log.text()));
}

}  // namespace

Result<std::string> link_cubin(Context& context, const std::string& ptx, std::string_view label) {
  const trace::Span span("link", label);
  const Context::Scope scope(context);
  const auto& driver = context.driver();
  JitLog log;
  CUlinkState state = nullptr;
  if (CUresult r = driver.link_create(log.count(), log.options(), log.values(), &state); r != kSuccess) {
    return refused(context, r, label, log);
  }
  void* image = nullptr;
  std::size_t size = 0;
  // The size counts PTX's terminating NUL.
  CUresult r = driver.link_add_data(state, kJitInputPtx, const_cast<char*>(ptx.c_str()), ptx.size() + 1, "kernel.ptx", 0, nullptr, nullptr);
  if (r == kSuccess) r = driver.link_complete(state, &image, &size);
  std::string cubin;
  if (r == kSuccess) cubin.assign(static_cast<const char*>(image), size);
  driver.link_destroy(state);
  if (r != kSuccess) return refused(context, r, label, log);
  return cubin;
}

Result<std::shared_ptr<const Kernel>> Kernel::load(std::shared_ptr<Context> context, const Artifact& artifact,
                                                   std::string_view label, std::shared_ptr<FormStore> forms,
                                                   ConstantPassing passing) {
  std::shared_ptr<Kernel> kernel(new Kernel(std::move(context), label));
  kernel->forms_ = std::move(forms);
  if (auto done = kernel->initialise(artifact, passing); !done) return std::unexpected(done.error());
  return kernel;
}

Result<void> Kernel::initialise(const Artifact& artifact, ConstantPassing passing) {
  if (auto usable = context_->usable(); !usable) return usable;
  const Context::Scope scope(*context_);
  const auto& driver = context_->driver();
  JitLog log;
  if (CUresult r = driver.module_load_data(&module_, artifact.code.c_str(), log.count(), log.options(), log.values()); r != kSuccess) {
    if (auto done = context_->check(r, "loading a kernel"); done.error().code() == ErrorCode::DeviceLost) return done;
    return refused(*context_, r, label_, log);
  }
  if (auto done = context_->check(driver.module_get_function(&function_, module_, artifact.symbol.c_str()), "finding the kernel"); !done) return done;
  int threads = 0;
  int static_shared = 0;
  driver.func_get_attribute(&threads, FunctionAttribute::MaxThreadsPerBlock, function_);
  driver.func_get_attribute(&static_shared, FunctionAttribute::SharedSizeBytes, function_);
  driver.func_get_attribute(&registers_, FunctionAttribute::NumRegs, function_);
  block_limit_ = static_cast<std::size_t>(threads);
  max_threads_ = std::min<std::size_t>(block_limit_, artifact.reflection.max_total_threads);
  const auto metadata = read_metadata(artifact.metadata);
  if (!metadata) return std::unexpected(metadata.error());
  threadgroups_ = metadata->threadgroups;
  layout_ = ParameterLayout(artifact.reflection, passing);
  if (layout_.has_values()) source_ = {{}, artifact.symbol, {}, {}, artifact.reflection, std::string(metadata->bitcode)};
  for (const auto& argument : artifact.reflection.arguments) accesses_.push_back(argument.access);
  const auto is_dynamic = [](const Argument& argument) { return argument.kind == ArgumentKind::Threadgroup; };
  if (layout_.own_shared_bytes() == 0 && std::ranges::none_of(artifact.reflection.arguments, is_dynamic)) return {};
  const int room = static_cast<int>(context_->shared_memory_limit()) - static_shared;
  return context_->check(driver.func_set_attribute(function_, FunctionAttribute::MaxDynamicSharedSizeBytes, room),
                         "raising the limit of threadgroup memory");
}

Result<std::shared_ptr<const Kernel>> Kernel::load_by_address(std::string_view symbol, std::string_view cubin) const {
  Artifact artifact;
  artifact.code = cubin;
  artifact.symbol = symbol;
  artifact.reflection = source_.reflection;
  artifact.metadata = write_metadata({threadgroups_, {}});
  return load(context_, artifact, label_, nullptr, ConstantPassing::ByAddress);
}

Result<std::shared_ptr<const Kernel>> Kernel::make_by_address() const {
  constexpr std::string_view kForm = "by address";  // kept as the symbol, NUL, the cubin
  if (const auto kept = forms_ != nullptr ? forms_->find(kForm) : std::nullopt) {
    const std::string_view bytes = *kept;
    if (const auto end = bytes.find('\0'); end != std::string_view::npos) {
      auto kernel = load_by_address(bytes.substr(0, end), bytes.substr(end + 1));
      const auto is_of = [&](ErrorCode code) { return kernel.error().code() == code; };
      if (kernel || is_of(ErrorCode::OutOfMemory) || is_of(ErrorCode::DeviceLost)) return kernel;  // no fault of what was kept
    }
    forms_->reject(kForm);
  }
  auto kernel = read_kernel(source_.metadata, source_.reflection);
  if (!kernel) return std::unexpected(kernel.error());
  auto generated = generate_ptx(*std::move(kernel), context_->architecture(), label_, ConstantPassing::ByAddress);
  if (!generated) return std::unexpected(generated.error());
  auto cubin = link_cubin(*context_, generated->ptx, label_);
  if (!cubin) return std::unexpected(cubin.error());
  auto loaded = load_by_address(generated->symbol, *cubin);
  if (loaded && forms_ != nullptr) forms_->keep(kForm, generated->symbol + '\0' + *cubin);
  return loaded;
}

Result<const Kernel*> Kernel::by_address() const {
  const auto made = by_address_.get([this] { return make_by_address(); });
  if (!made) return std::unexpected(made.error());
  return (*made)->get();
}

Kernel::Kernel(std::shared_ptr<Context> context, std::string_view label) : context_(std::move(context)), label_(label) {
  static std::atomic<std::uint64_t> made{0};
  number_ = ++made;
}

Kernel::~Kernel() {
  if (module_ == nullptr) return;
  const Context::Scope scope(*context_);
  context_->driver().module_unload(module_);
}

}  // namespace anymetal::device::cuda
