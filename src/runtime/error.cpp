#include <anymetal/error.hpp>

#include <utility>

namespace anymetal {

struct Error::State {
  ErrorCode code;
  std::string message;
  std::string kernel;
  std::string device;
  std::string key;
  std::vector<std::string> suggestions;
  std::vector<Diagnostic> diagnostics;
};

namespace {

template <class State, class Change>
std::shared_ptr<const State> changed(const State& state, Change change) {
  auto copy = std::make_shared<State>(state);
  change(*copy);
  return copy;
}

}  // namespace

Error::Error(ErrorCode code, std::string message)
    : state_(std::make_shared<const State>(State{code, std::move(message), {}, {}, {}, {}, {}})) {}
Error::Error(std::shared_ptr<const State> state) : state_(std::move(state)) {}

ErrorCode Error::code() const noexcept { return state_->code; }
const std::string& Error::message() const noexcept { return state_->message; }
const std::string& Error::kernel() const noexcept { return state_->kernel; }
const std::string& Error::device() const noexcept { return state_->device; }
const std::string& Error::key() const noexcept { return state_->key; }
const std::vector<std::string>& Error::suggestions() const noexcept { return state_->suggestions; }
const std::vector<Diagnostic>& Error::diagnostics() const noexcept { return state_->diagnostics; }

Error Error::with_context(std::string_view prefix) const {
  return Error(changed(*state_, [&](State& s) { s.message = std::string(prefix) + ": " + s.message; }));
}
Error Error::with_kernel(std::string kernel) const {
  return Error(changed(*state_, [&](State& s) { s.kernel = std::move(kernel); }));
}
Error Error::with_device(std::string device) const {
  return Error(changed(*state_, [&](State& s) { s.device = std::move(device); }));
}
Error Error::with_key(std::string key) const {
  return Error(changed(*state_, [&](State& s) { s.key = std::move(key); }));
}
Error Error::with_suggestions(std::vector<std::string> names) const {
  return Error(changed(*state_, [&](State& s) { s.suggestions = std::move(names); }));
}
Error Error::with_diagnostics(std::vector<Diagnostic> diagnostics) const {
  return Error(changed(*state_, [&](State& s) { s.diagnostics = std::move(diagnostics); }));
}

std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error(code, std::move(message)));
}

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::KernelNotFound: return "KernelNotFound";
    case ErrorCode::ShaderCompilationError: return "ShaderCompilationError";
    case ErrorCode::FunctionConstantError: return "FunctionConstantError";
    case ErrorCode::UnsupportedByDevice: return "UnsupportedByDevice";
    case ErrorCode::DeviceNotFound: return "DeviceNotFound";
    case ErrorCode::DeviceLost: return "DeviceLost";
    case ErrorCode::OutOfMemory: return "OutOfMemory";
    case ErrorCode::InvalidArgument: return "InvalidArgument";
    case ErrorCode::InvalidBinding: return "InvalidBinding";
    case ErrorCode::InvalidDispatch: return "InvalidDispatch";
    case ErrorCode::IoError: return "IoError";
    case ErrorCode::InvalidFile: return "InvalidFile";
    case ErrorCode::Cancelled: return "Cancelled";
    case ErrorCode::InternalError: return "InternalError";
  }
  return "unknown";
}

std::string render(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const auto& d : diagnostics) {
    const char* severity = d.severity == Severity::Error ? "error" : d.severity == Severity::Warning ? "warning" : "note";
    text += d.file + ':' + std::to_string(d.line) + ':' + std::to_string(d.column) + ": " + severity + ": " + d.message + '\n';
    if (d.source_line.empty()) continue;
    text += d.source_line + '\n';
    for (unsigned i = 1; i < d.column && i <= d.source_line.size(); ++i) text += d.source_line[i - 1] == '\t' ? '\t' : ' ';
    text += "^\n";
  }
  return text;
}

}  // namespace anymetal
