#include "run/without_memory.hpp"

#include <unistd.h>

#include <exception>
#include <new>
#include <string_view>

#include "msl/fault_signals.hpp"
#include "parts/output.hpp"

namespace anymetal::cli {

namespace {

std::terminate_handler before = nullptr;

bool is_bad_alloc(const std::exception_ptr& exception) {
  try {
    if (exception) std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    return true;
  } catch (...) {
  }
  return false;
}

void on_terminate() {
  if (msl::step_exit() != nullptr || !is_bad_alloc(std::current_exception())) before();
  constexpr std::string_view kMessage = "anymetal: not enough memory\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
  ::_exit(static_cast<int>(Exit::InputAtFault));
}

}  // namespace

void end_cleanly_without_memory() { before = std::set_terminate(&on_terminate); }

}  // namespace anymetal::cli
