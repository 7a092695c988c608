#include "msl/fault_signals.hpp"

#include "observe/environment.hpp"

#include <clang/Basic/Version.h>
#include <dlfcn.h>
#include <link.h>
#include <llvm/Support/ErrorHandling.h>
#include <ucontext.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>

namespace anymetal::msl {
namespace {

// A handler may run before anything else of this thread has: the variable must need no allocation.
[[gnu::tls_model("initial-exec")]] thread_local StepExit* current = nullptr;

constexpr std::array kFaults = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT};

struct Handlers {
  std::array<struct sigaction, kFaults.size()> before{};
  struct sigaction interrupt_before{};
};
Handlers& handlers() {
  static Handlers h;
  return h;
}

struct CodeRange {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  [[nodiscard]] bool contains(std::uintptr_t address) const { return address >= begin && address < end; }
};
/// Code of Clang and LLVM alone: no allocator's, no C library's. Written once, before the handlers are installed.
std::array<CodeRange, 8> compiler_code;

/// Notes the object's code if it holds a function of Clang or LLVM, and not the allocator too. Allocates nothing: an
/// exception that passes glibc's frames makes it load the unwinder, and it aborts where there is no memory for that.
int note_compiler_code(dl_phdr_info* object, std::size_t, void* used) {
  const std::array compiler = {reinterpret_cast<std::uintptr_t>(&clang::getClangFullRepositoryVersion),
                               reinterpret_cast<std::uintptr_t>(&llvm::install_fatal_error_handler)};
  const auto allocator = reinterpret_cast<std::uintptr_t>(dlsym(RTLD_DEFAULT, "malloc"));
  bool is_compiler = false;
  bool is_allocator = false;
  auto& count = *static_cast<std::size_t*>(used);
  const std::size_t before = count;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    const CodeRange range{object->dlpi_addr + segment.p_vaddr, object->dlpi_addr + segment.p_vaddr + segment.p_memsz};
    for (const std::uintptr_t address : compiler) is_compiler = is_compiler || range.contains(address);
    is_allocator = is_allocator || range.contains(allocator);
    if (count < compiler_code.size()) compiler_code[count++] = range;
  }
  if (is_compiler && !is_allocator) return 0;
  while (count > before) compiler_code[--count] = {};
  return 0;
}

std::uintptr_t program_counter(void* context) {
  const auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<std::uintptr_t>(machine.pc);
#else
  (void)machine;
  return 0;
#endif
}

void pass_on(const struct sigaction& before, int signal, siginfo_t* info, void* context) {
  if ((before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction != nullptr) {
    before.sa_sigaction(signal, info, context);
  } else if (before.sa_handler == SIG_DFL) {
    // Returning repeats the fault with the default action; a raised signal has to be raised again.
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    sigaction(signal, &standard, nullptr);
    if (info == nullptr || info->si_code <= 0) raise(signal);
  } else if (before.sa_handler != SIG_IGN) {
    before.sa_handler(signal);
  }
}

void on_fault(int signal, siginfo_t* info, void* context) {
  StepExit* exit = current;
  if (exit != nullptr) {
    exit->signal = signal;
    siglongjmp(exit->place, 1);
  }
  for (std::size_t i = 0; i < kFaults.size(); ++i) {
    if (kFaults[i] == signal) pass_on(handlers().before[i], signal, info, context);
  }
}

void on_interrupt(int signal, siginfo_t* info, void* context) {
  StepExit* exit = current;
  if (exit == nullptr) {
    const auto& before = handlers().interrupt_before;
    if ((before.sa_flags & SA_SIGINFO) != 0 || (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)) pass_on(before, signal, info, context);
    return;
  }
  if (exit->is_stuck.load(std::memory_order_acquire)) {
    exit->signal = signal;
    siglongjmp(exit->place, 1);
  }
  const std::uintptr_t place = program_counter(context);
  for (const CodeRange& range : compiler_code) {
    if (!exit->wanted.load(std::memory_order_acquire) || !range.contains(place)) continue;
    exit->signal = signal;
    siglongjmp(exit->place, 1);
  }
}

/// LLVM would print the message and end the process.
void on_fatal_error(void*, const char* message, bool) {
  if (current == nullptr) return;
  current->reason = std::string("gave up: ") + message;
  siglongjmp(current->place, 1);
}

/// LLVM's own allocations; those of `new` throw. It must not return.
void on_bad_allocation(void*, const char*, bool) {
  if (current == nullptr) throw std::bad_alloc();
  current->has_no_memory = true;
  siglongjmp(current->place, 1);
}

void install() {
  std::size_t used = 0;
  dl_iterate_phdr(note_compiler_code, &used);
  llvm::install_fatal_error_handler(on_fatal_error);
  llvm::install_bad_alloc_error_handler(on_bad_allocation);
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigemptyset(&action.sa_mask);
  action.sa_sigaction = on_interrupt;
  sigaction(kInterruptSignal, &action, &handlers().interrupt_before);
  if (!environment::is_on("ANYMETAL_CRASH_GUARD", true)) return;
  action.sa_sigaction = on_fault;
  for (std::size_t i = 0; i < kFaults.size(); ++i) sigaction(kFaults[i], &action, &handlers().before[i]);
}

}  // namespace

StepExit* step_exit() { return current; }
void set_step_exit(StepExit* exit) { current = exit; }

void use_signal_stack(std::span<char> memory) {
  stack_t stack{};
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  sigaltstack(&stack, nullptr);
}

void drop_signal_stack() {
  stack_t stack{};
  stack.ss_flags = SS_DISABLE;
  sigaltstack(&stack, nullptr);
}

void install_fault_handlers() {
  static std::once_flag once;
  std::call_once(once, install);
}

void interrupt_step(pthread_t thread) { pthread_kill(thread, kInterruptSignal); }

std::string describe_fault(int signal) {
  switch (signal) {
    case SIGSEGV: return "segmentation fault";
    case SIGBUS: return "bus error";
    case SIGILL: return "illegal instruction";
    case SIGFPE: return "arithmetic exception";
    case SIGTRAP: return "trap";
    case SIGABRT: return "abort";
    default: return "signal " + std::to_string(signal);
  }
}

}  // namespace anymetal::msl
