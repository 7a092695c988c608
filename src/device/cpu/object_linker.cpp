#include "device/cpu/object_linker.hpp"

#include "device/cpu/perf_plugin.hpp"
#include "device/cpu/runtime_symbols.hpp"
#include "msl/compile_guard.hpp"
#include "observe/per_process.hpp"
#include "observe/trace.hpp"

#include <fmt/format.h>
#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/Support/MemoryBuffer.h>

#include <atomic>
#include <mutex>
#include <system_error>
#include <utility>

namespace anymetal::device::cpu {
namespace {

/// What the session reports beside the error that it returns: of the link that this thread is at, as LLVM's tasks run where they arise.
struct LinkReport {
  std::string text;
  bool has_no_memory = false;  ///< the system gave no pages, or did not let them become code
};
thread_local LinkReport* link_report = nullptr;

bool says_no_memory(const llvm::Error& error) {
  bool found = false;
  llvm::visitErrors(error, [&](const llvm::ErrorInfoBase& info) {
    found = found || info.convertToErrorCode() == std::errc::not_enough_memory;
  });
  return found;
}

Error as_error(std::string_view what, llvm::Error error) {
  const bool has_no_memory = says_no_memory(error) || (link_report != nullptr && link_report->has_no_memory);
  return Error(has_no_memory ? ErrorCode::OutOfMemory : ErrorCode::InternalError,
               fmt::format("{}: {}", what, llvm::toString(std::move(error))));
}

/// The one execution session of a linker, with the dylib of allowed symbols.
struct Session {
  Session(std::unique_ptr<llvm::orc::ExecutorProcessControl> control, std::size_t page_size)
      : session(std::move(control)),
        layer(session, std::make_unique<llvm::jitlink::InProcessMemoryManager>(page_size)) {
    session.setErrorReporter([](llvm::Error error) {
      const bool has_no_memory = says_no_memory(error);
      const auto text = llvm::toString(std::move(error));
      if (link_report == nullptr) return;
      link_report->has_no_memory = link_report->has_no_memory || has_no_memory;
      link_report->text += text;
    });
  }
  ~Session() {
    // LLVM crashes where it gets no memory, here and below.
    (void)msl::run_step_here([&] {
      if (auto error = session.endSession()) llvm::consumeError(std::move(error));
    });
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  llvm::orc::ExecutionSession session;
  llvm::orc::ObjectLinkingLayer layer;
  llvm::orc::JITDylib* runtime = nullptr;
  std::atomic<std::uint64_t> next = 0;
  std::atomic<bool> is_sound = true;
  /// Another process's: a thread that is not here may hold its locks, so nothing is asked of it. Its linker keeps it for ever.
  [[nodiscard]] bool is_inherited() const { return forks_ != forks(); }
  std::shared_ptr<Session> self;  ///< where it is not sound: it lives for ever

 private:
  const unsigned forks_ = forks();
};

/// A session in which a step was abandoned is in an unknown state: no more is linked in it, and nothing of it is freed.
void give_up(const std::shared_ptr<Session>& session) {
  if (session->is_sound.exchange(false)) session->self = session;
}

class SessionKernel final : public LinkedKernel {
 public:
  SessionKernel(std::shared_ptr<Session> session, llvm::orc::JITDylib& dylib)
      : session_(std::move(session)), dylib_(&dylib) {}
  ~SessionKernel() override {
    if (!session_->is_sound || session_->is_inherited()) return;
    const auto outcome = msl::run_step_here([&] {
      if (auto error = session_->session.removeJITDylib(*dylib_)) llvm::consumeError(std::move(error));
    });
    if (!outcome.is_done()) give_up(session_);
  }
  void set_table(const KernelTable& table) { table_ = table; }

 private:
  std::shared_ptr<Session> session_;
  llvm::orc::JITDylib* dylib_;
};

/// `kernel` is the caller's from the first step on: where this is left in an unknown state, nothing may be taken back.
/// Precondition: link_report is set.
Result<void> link_in(const std::shared_ptr<Session>& session, std::string_view object, std::string_view label,
                     std::shared_ptr<SessionKernel>& kernel) {
  auto name = fmt::format("kernel {}", session->next.fetch_add(1, std::memory_order_relaxed));
  auto& dylib = session->session.createBareJITDylib(name);
  kernel = std::make_shared<SessionKernel>(session, dylib);
  dylib.addToLinkOrder(*session->runtime);
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(object), llvm::StringRef(label));
  if (auto error = session->layer.add(dylib, std::move(buffer)))
    return std::unexpected(as_error("the kernel's object cannot be read", std::move(error)));
  auto symbol = session->session.lookup({&dylib}, session->session.intern(kTableSymbol));
  if (!symbol) {
    auto error = as_error("the kernel's object cannot be linked", symbol.takeError());
    const auto& reported = link_report->text;
    return std::unexpected(reported.empty() ? error : Error(error.code(), error.message() + ": " + reported));
  }
  kernel->set_table(*symbol->getAddress().toPtr<const KernelTable*>());
  return {};
}

Result<std::shared_ptr<Session>> make_session() {
  auto control = llvm::orc::SelfExecutorProcessControl::Create();
  if (!control) return std::unexpected(as_error("the JIT cannot start", control.takeError()));
  const auto page_size = (*control)->getPageSize();
  auto session = std::make_shared<Session>(std::move(*control), page_size);
  session->runtime = &session->session.createBareJITDylib("runtime");
  llvm::orc::SymbolMap symbols;
  for (const auto& symbol : runtime_symbols())
    symbols[session->session.intern(llvm::StringRef(symbol.name))] = {
        llvm::orc::ExecutorAddr(symbol.address), llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  if (auto error = session->runtime->define(llvm::orc::absoluteSymbols(std::move(symbols))))
    return std::unexpected(as_error("the JIT cannot start", std::move(error)));
  if (auto plugin = make_perf_plugin()) session->layer.addPlugin(std::move(plugin));
  return session;
}

class SessionLinker final : public ObjectLinker {
 public:
  Result<std::shared_ptr<const LinkedKernel>> link(std::string_view object, std::string_view label) override {
    const trace::Span span("link", label);
    auto session = current();
    if (!session) return std::unexpected(session.error());
    std::shared_ptr<SessionKernel> kernel;
    Result<void> linked;
    LinkReport report;
    const auto outcome = msl::run_step_here([&] {
      link_report = &report;
      linked = link_in(*session, object, label, kernel);
      link_report = nullptr;
    });
    link_report = nullptr;  // where the step did not come to its end
    if (outcome.is_done() && !linked) return std::unexpected(linked.error());
    if (outcome.is_done()) return kernel;
    give_up(*session);
    return std::unexpected(msl::step_error(outcome, fmt::format("linking '{}'", label)));
  }

  /// The session to link in, made where there is none.
  Result<std::shared_ptr<Session>> current() {
    Sessions& sessions = *sessions_;
    const std::scoped_lock lock(sessions.mutex);
    if (sessions.last != nullptr && sessions.last->is_sound) return sessions.last;
    Result<std::shared_ptr<Session>> made;
    const auto outcome = msl::run_step_here([&] { made = make_session(); });
    if (!outcome.is_done()) return std::unexpected(msl::step_error(outcome, "the JIT"));
    if (made) sessions.last = *made;
    return made;
  }

 private:
  struct Sessions {
    std::mutex mutex;
    std::shared_ptr<Session> last;
  };
  PerProcess<Sessions> sessions_{[] { return std::make_unique<Sessions>(); }};
};

}  // namespace

Result<std::shared_ptr<ObjectLinker>> ObjectLinker::create() {
  auto linker = std::make_shared<SessionLinker>();
  if (auto session = linker->current(); !session) return std::unexpected(session.error());
  return linker;
}

}  // namespace anymetal::device::cpu
