#include "device/cuda/streams.hpp"

#include <algorithm>

namespace anymetal::device::cuda {

Result<void> Streams::open() {
  for (auto& stream : streams_) {
    if (auto done = check_(driver_.stream_create(&stream.handle, kStreamNonBlocking), "creating a stream"); !done) return done;
    for (auto& checkpoint : stream.checkpoints) {
      const CUresult r = driver_.event_create(&checkpoint.event, kEventDisableTiming);
      if (auto done = check_(r, "creating an event"); !done) return done;
    }
  }
  return {};
}

void Streams::drain() const {
  for (const auto& stream : streams_) {
    if (stream.handle != nullptr) driver_.stream_synchronize(stream.handle);
  }
}

void Streams::close() {
  for (auto& stream : streams_) {
    for (auto& checkpoint : stream.checkpoints) {
      if (checkpoint.event != nullptr) driver_.event_destroy(checkpoint.event);
    }
    if (stream.handle != nullptr) driver_.stream_destroy(stream.handle);
    stream = {};
  }
}

unsigned Streams::choose(std::span<const Hazards* const> hazards) const {
  for (const Hazards* each : hazards) {
    const Moment last = each->write;
    if (last.ticket > streams_[last.stream].finished && last.ticket == streams_[last.stream].tail) return last.stream;
  }
  unsigned best = 0;
  const auto backlog = [this](unsigned s) { return streams_[s].tail - streams_[s].finished; };
  for (unsigned s = 1; s < kCopyStream; ++s) {
    if (backlog(s) < backlog(best)) best = s;
  }
  return best;
}

const Streams::Checkpoint* Streams::earliest_checkpoint(Moment moment) const {
  const Checkpoint* best = nullptr;
  for (const auto& checkpoint : streams_[moment.stream].checkpoints) {
    if (checkpoint.ticket >= moment.ticket && (best == nullptr || checkpoint.ticket < best->ticket)) best = &checkpoint;
  }
  return best;
}

Result<void> Streams::checkpoint(unsigned stream) {
  auto& own = streams_[stream];
  auto& checkpoint = own.checkpoints[own.next_checkpoint];
  // An event that is recorded again no longer stands for its earlier moment; waits already issued keep theirs.
  if (auto done = check_(driver_.event_record(checkpoint.event, own.handle), "recording an event"); !done) return done;
  checkpoint.ticket = own.tail;
  own.next_checkpoint = (own.next_checkpoint + 1) % kCheckpoints;
  return {};
}

bool Streams::is_behind(unsigned stream, Moment moment) const {
  return moment.stream == stream || moment.ticket <= streams_[stream].known[moment.stream] ||
         moment.ticket <= streams_[moment.stream].finished;
}

bool Streams::must_wait(unsigned stream, const Hazards& hazards, Access access) const {
  if (!is_behind(stream, hazards.write)) return true;
  for (unsigned other = 0; other < kStreamCount && access != Access::Read; ++other) {
    if (!is_behind(stream, {other, hazards.reads[other]})) return true;
  }
  return false;
}

Result<void> Streams::wait_for(unsigned stream, Moment moment) {
  if (is_behind(stream, moment)) return {};
  auto& own = streams_[stream];
  const auto* reached = earliest_checkpoint(moment);
  if (reached == nullptr) {
    if (auto done = checkpoint(moment.stream); !done) return done;
    reached = earliest_checkpoint(moment);
  }
  const CUresult r = driver_.stream_wait_event(own.handle, reached->event, 0);
  if (auto done = check_(r, "ordering two streams"); !done) return done;
  own.known[moment.stream] = reached->ticket;
  return {};
}

Result<void> Streams::order(unsigned stream, const Hazards& hazards, Access access) {
  if (auto done = wait_for(stream, hazards.write); !done || access == Access::Read) return done;
  for (unsigned other = 0; other < kStreamCount; ++other) {
    if (auto done = wait_for(stream, {other, hazards.reads[other]}); !done) return done;
  }
  return {};
}

void Streams::mark(unsigned stream, Hazards& hazards, Access access) const {
  if (access == Access::Read) {
    hazards.reads[stream] = streams_[stream].tail;
    return;
  }
  hazards.write = latest(stream);
  hazards.reads = {};
}

void Streams::note_finished(Moment moment) {
  auto& finished = streams_[moment.stream].finished;
  finished = std::max(finished, moment.ticket);
}

}  // namespace anymetal::device::cuda
