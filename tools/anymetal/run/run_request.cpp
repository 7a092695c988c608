#include "parts/run_request.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace anymetal::cli {

namespace {

struct Binding {
  const BufferSpec* spec;
  Buffer buffer;
};

Result<std::vector<Binding>> make_buffers(Device& device, const std::vector<BufferSpec>& specs) {
  std::vector<Binding> bindings;
  for (const BufferSpec& spec : specs) {
    auto buffer = device.make_buffer(spec.content.data.size());
    if (!buffer) return std::unexpected(buffer.error());
    if (auto written = buffer->write(spec.content.data); !written) return std::unexpected(written.error());
    bindings.push_back({&spec, std::move(*buffer)});
  }
  return bindings;
}

Result<void> run_once(CommandEncoder& encoder, const PipelinePtr& pipeline, const RunRequest& request,
                      const std::vector<Binding>& bindings) {
  encoder.set_pipeline(pipeline);
  for (const Binding& b : bindings) encoder.set_buffer(b.spec->index, b.buffer, b.spec->offset);
  for (const BytesSpec& b : request.bytes) encoder.set_bytes(b.index, b.bytes);
  for (const ThreadgroupMemorySpec& m : request.threadgroup_memory)
    encoder.set_threadgroup_memory_length(m.index, m.bytes);
  if (request.grid)
    encoder.dispatch_threadgroups(*request.grid, request.group);
  else
    encoder.dispatch_threads(*request.threads, request.group);
  return encoder.commit_and_wait();
}

Result<void> write_dumps(const RunRequest& request, const std::vector<Binding>& bindings) {
  for (const DumpSpec& dump : request.dumps) {
    const auto found = std::ranges::find_if(bindings, [&](const Binding& b) { return b.spec->index == dump.index; });
    if (found == bindings.end()) {
      return fail(ErrorCode::InvalidArgument, fmt::format("--dump {0}: there is no --buffer {0}", dump.index));
    }
    std::vector<std::byte> bytes(found->buffer.size());
    if (auto read = found->buffer.read(bytes); !read) return read;
    const NpyArray& content = found->spec->content;
    if (auto written = write_npy(dump.path, content.type, content.shape, bytes); !written) return written;
  }
  return {};
}

}  // namespace

Result<RunOutcome> execute(Device& device, const PipelinePtr& pipeline, const RunRequest& request) {
  auto bindings = make_buffers(device, request.buffers);
  if (!bindings) return std::unexpected(bindings.error());
  auto encoder = device.make_command_encoder();
  if (!encoder) return std::unexpected(encoder.error());

  RunOutcome outcome;
  Result<void> done;
  outcome.first_milliseconds = measure([&] { done = run_once(*encoder, pipeline, request, *bindings); });
  if (done) done = write_dumps(request, *bindings);
  if (!done) return std::unexpected(done.error());

  std::vector<double> times;
  for (unsigned i = 0; i < request.repeat; ++i) {
    times.push_back(measure([&] { done = run_once(*encoder, pipeline, request, *bindings); }));
    if (!done) return std::unexpected(done.error());
  }
  if (!times.empty()) outcome.repeated = summarise(std::move(times));
  return outcome;
}

}  // namespace anymetal::cli
