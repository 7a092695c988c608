#include "run/wild_access.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "device/cpu/guarded_block.hpp"
#include "msl/fault_signals.hpp"
#include "parts/output.hpp"
#include "parts/printable.hpp"

namespace anymetal::cli {

namespace {

constexpr std::array kSignals = {SIGSEGV, SIGBUS};

struct Report {
  std::string text;
  std::string json;  ///< empty where none is wanted
};
struct Prepared {
  Report anywhere;
  Report beside_threadgroup_memory;
  std::array<struct sigaction, kSignals.size()> before{};
};
Prepared& prepared() {
  static Prepared p;
  return p;
}

void write_all(int file, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const auto count = ::write(file, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    done += static_cast<std::size_t>(count);
  }
}

void on_fault(int signal, siginfo_t* info, void*) {
  const auto& p = prepared();
  if (msl::step_exit() != nullptr) {  // the access is repeated and meets the step's handler
    ::sigaction(signal, &p.before[signal == kSignals[0] ? 0 : 1], nullptr);
    return;
  }
  static std::atomic_flag is_said;
  while (is_said.test_and_set()) ::pause();  // another thread says it and ends the program
  const Report& report =
      device::cpu::is_beside_threadgroup_memory(info->si_addr) ? p.beside_threadgroup_memory : p.anywhere;
  write_all(STDERR_FILENO, report.text);
  write_all(STDOUT_FILENO, report.json);
  ::_exit(static_cast<int>(Exit::InputAtFault));
}

Report prepare(const Error& error, bool json) {
  return {fmt::format("anymetal: {}\n", printable(error.message())),
          json ? nlohmann::ordered_json{{"error", to_json(error)}}.dump(
                     2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
                     '\n'
               : std::string()};
}

/// `signals` are kSignals or the end of it.
void report_at(std::span<const int> signals, const Error& error, const Error& beside, bool json) {
  auto& p = prepared();
  p.anywhere = prepare(error, json);
  p.beside_threadgroup_memory = prepare(beside, json);
  struct sigaction action {};
  action.sa_sigaction = &on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (std::size_t i = kSignals.size() - signals.size(); i < kSignals.size(); ++i)
    ::sigaction(kSignals[i], &action, &p.before[i]);
}

}  // namespace

void report_wild_accesses(const Error& error, const Error& beside, bool json) {
  report_at(kSignals, error, beside, json);
}

void report_lost_file(const std::string& path, bool json) {
  const auto message =
      fmt::format("'{}' cannot be read any more: it was cut while it was in use, or its disk has failed", path);
  const Error error(ErrorCode::IoError, message);
  report_at(std::span(kSignals).last(1), error, error, json);
}

}  // namespace anymetal::cli
