#include "run/run_request.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "run/guarded_bindings.hpp"
#include "run/time_limit.hpp"
#include "run/wild_access.hpp"

namespace anymetal::cli {

namespace {

Result<void> run_once(CommandEncoder& encoder, const PipelinePtr& pipeline, const RunRequest& request,
                      const GuardedBindings& bindings) {
  encoder.set_pipeline(pipeline);
  bindings.bind(encoder);
  for (const ThreadgroupMemorySpec& m : request.threadgroup_memory)
    encoder.set_threadgroup_memory_length(m.index, m.bytes);
  if (request.grid)
    encoder.dispatch_threadgroups(*request.grid, request.group);
  else
    encoder.dispatch_threads(*request.threads, request.group);
  return encoder.commit_and_wait();
}

Result<void> write_dumps(const RunRequest& request, const GuardedBindings& bindings) {
  for (const DumpSpec& dump : request.dumps) {
    const auto bytes = bindings.content(dump.index);
    if (!bytes) return std::unexpected(bytes.error());
    const auto found = std::ranges::find(request.buffers, dump.index, &BufferSpec::index);
    if (!*bytes || found == request.buffers.end()) {
      return fail(ErrorCode::InvalidArgument, fmt::format("--dump {0}: there is no --buffer {0}", dump.index));
    }
    if (auto written = write_npy(dump.path, found->content.type, found->content.shape, **bytes); !written)
      return written;
  }
  return {};
}

}  // namespace

Result<RunOutcome> execute(Device& device, const PipelinePtr& pipeline, const RunRequest& request) {
  const auto wild = [&](std::string_view memory) {
    return Error(ErrorCode::InvalidBinding,
                 fmt::format("kernel '{}': it accessed memory {}", pipeline->label(), memory));
  };
  report_wild_accesses(wild("that belongs to none of its buffers"), wild("beyond its threadgroup memory"),
                       request.json);
  auto bindings = GuardedBindings::make(device, *pipeline, request.buffers, request.bytes);
  if (!bindings) return std::unexpected(bindings.error());
  auto encoder = device.make_command_encoder();
  if (!encoder) return std::unexpected(encoder.error());

  const TimeLimit limit(request.timeout,
                        Error(ErrorCode::Cancelled,
                              fmt::format("kernel '{}': it still runs after {} s; does a loop of it end? (--timeout)",
                                          pipeline->label(), request.timeout.count())),
                        request.json);
  RunOutcome outcome;
  Result<void> done;
  outcome.first_milliseconds = measure([&] { done = run_once(*encoder, pipeline, request, *bindings); });
  if (done) done = bindings->check();
  if (done) done = write_dumps(request, *bindings);
  if (!done) return std::unexpected(done.error());

  if (request.repeat == 0) return outcome;
  std::vector<double> times;
  for (unsigned i = 0; i < request.repeat; ++i) {
    times.push_back(measure([&] { done = run_once(*encoder, pipeline, request, *bindings); }));
    if (!done) return std::unexpected(done.error());
  }
  if (done = bindings->check(); !done) return std::unexpected(done.error());
  outcome.repeated = summarise(std::move(times));
  return outcome;
}

}  // namespace anymetal::cli
