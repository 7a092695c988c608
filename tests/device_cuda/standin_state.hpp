// What the parts of the stand-in driver share: its state, and the frame of every function.

#pragma once

#include "standin_driver.hpp"

#include "device/cuda/driver_api.hpp"

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace anymetal::test::standin {

struct Graph;

struct State {
  std::mutex mutex;
  std::map<std::string, std::pair<int, int>> failures;  // function: (calls to let through, result)
  std::set<void*> device_memory;
  std::set<void*> host_memory;
  std::set<Graph*> graphs;
  std::set<void*> handles;      // streams and events
  bool held = false;            // no event passes
  std::vector<StandinEvent> log;
  StandinState counts{};
};

State& state();

/// The injected result of this call, or success.
int step(const char* function);

void note(StandinEvent::Kind kind, const void* stream, const void* event, std::uint64_t address, std::uint64_t mark = 0);

/// Geometry and the first two parameters, as a launch brings them.
StandinLaunch launch_of(unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                        void** parameters);

}  // namespace anymetal::test::standin

#define STANDIN(name, ...) extern "C" __attribute__((visibility("default"))) CUresult name(__VA_ARGS__)
#define STEP(name) \
  if (const int injected = step(name); injected != 0) return injected
