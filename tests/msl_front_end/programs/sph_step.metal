// One step of smoothed particle hydrodynamics in a box: cells by counting, densities, pressure and viscosity, integration.
#include <metal_stdlib>
#include <simd/simd.h>
using namespace metal;

#define PARTICLE_THREADS 64
#define CELL_COUNT(p) ((p).cells.x * (p).cells.y * (p).cells.z)

typedef struct {
  vector_float3 origin;
  vector_uint3 cells;
  float h;  // smoothing length, and the size of a cell
  float mass, rest_density, stiffness, viscosity, dt;
  uint32_t count;
} FluidParameters;

typedef struct __attribute__((packed)) {
  packed_float3 position;
  float density;
  packed_float3 velocity;
  uint cell;
} Particle;
static_assert(sizeof(Particle) == 32, "shared with the host");

namespace kernels {
constant constexpr float kPi = M_PI_F;
inline float poly6(float r2, float h) { return r2 < h * h ? 315.0f / (64.0f * kPi * pow(h, 9.0f)) * pow(h * h - r2, 3.0f) : 0.0f; }
inline float3 spiky_gradient(float3 r, float d, float h) { return d > 1e-6f && d < h ? r * (-45.0f / (kPi * powr(h, 6.0f)) * (h - d) * (h - d) / d) : float3(0); }
inline float viscosity_laplacian(float d, float h) { return d < h ? 45.0f / (kPi * powr(h, 6.0f)) * (h - d) : 0.0f; }
}  // namespace kernels

static inline int3 cell_of(float3 p, constant FluidParameters& f) { return clamp(int3(floor((p - f.origin) / f.h)), int3(0), int3(f.cells) - 1); }
static inline uint index_of(int3 c, constant FluidParameters& f) { return uint(c.x) + f.cells.x * (uint(c.y) + f.cells.y * uint(c.z)); }

/// Calls `visit` for each particle in the 27 cells around `p`.
template <typename Visit>
static inline void each_neighbour(float3 p, const device Particle* sorted, const device uint* starts, constant FluidParameters& f, Visit visit) {
  const int3 centre = cell_of(p, f);
  for (int z = max(centre.z - 1, 0); z <= min(centre.z + 1, int(f.cells.z) - 1); z++)
    for (int y = max(centre.y - 1, 0); y <= min(centre.y + 1, int(f.cells.y) - 1); y++)
      for (int x = max(centre.x - 1, 0); x <= min(centre.x + 1, int(f.cells.x) - 1); x++) {
        const uint cell = index_of({x, y, z}, f);
        for (uint k = starts[cell], end = starts[cell + 1]; k != end; ++k) visit(sorted[k], k);
      }
}

kernel void count_cells(device Particle* particles [[buffer(0)]], device atomic_uint* counts [[buffer(1)]], constant FluidParameters& f [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  if (i >= f.count) return;
  device Particle& p = particles[i];
  p.cell = index_of(cell_of(p.position, f), f);
  atomic_fetch_add_explicit(counts + p.cell, 1, memory_order_relaxed);
}

// One threadgroup; starts has one element more than there are cells.
kernel void scan_cells(device const uint* counts [[buffer(0)]], device uint* starts [[buffer(1)]], device atomic_uint* cursors [[buffer(2)]], constant FluidParameters& f [[buffer(3)]],
                       ushort t [[thread_index_in_threadgroup]], ushort lane [[thread_index_in_simdgroup]], ushort group [[simdgroup_index_in_threadgroup]]) {
  threadgroup uint sums[PARTICLE_THREADS / 32];
  uint base = 0;
  for (uint at = 0; at < CELL_COUNT(f); at += PARTICLE_THREADS) {
    const uint i = at + t, n = i < CELL_COUNT(f) ? counts[i] : 0u;
    const uint before = simd_prefix_exclusive_sum(n);
    if (lane == 31) sums[group] = before + n;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    const uint start = base + before + (group ? sums[0] : 0);
    if (i < CELL_COUNT(f)) { starts[i] = start; atomic_store_explicit(&cursors[i], start, memory_order_relaxed); }
    base += sums[0] + sums[1];
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (!t) starts[CELL_COUNT(f)] = base;
}

kernel void sort_particles(device const Particle* particles [[buffer(0)]], device Particle* sorted [[buffer(1)]], device atomic_uint* cursors [[buffer(2)]], constant FluidParameters& f [[buffer(3)]],
                           uint i [[thread_position_in_grid]]) {
  if (i >= f.count) return;
  sorted[atomic_fetch_add_explicit(&cursors[particles[i].cell], 1u, memory_order_relaxed)] = particles[i];
}

kernel void densities(device Particle* sorted [[buffer(0)]], device const uint* starts [[buffer(1)]], constant FluidParameters& f [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  if (i >= f.count) return;
  const float3 p = sorted[i].position;
  float density = 0;
  each_neighbour(p, sorted, starts, f, [&](const device Particle& other, uint) { density += f.mass * kernels::poly6(length_squared(p - other.position), f.h); });
  sorted[i].density = density;
}

[[max_total_threads_per_threadgroup(PARTICLE_THREADS)]]
kernel void step(device const Particle* sorted [[buffer(0)]], device const uint* starts [[buffer(1)]], constant FluidParameters& f [[buffer(2)]], device Particle* moved [[buffer(3)]],
                 uint i [[thread_position_in_grid]]) {
  if (i >= f.count) return;
  Particle self = sorted[i];
  const float3 p = self.position, v = self.velocity;
  const auto pressure = [&f](float density) { return f.stiffness * (density - f.rest_density); };
  float3 force = 0;
  each_neighbour(p, sorted, starts, f, [&](const device Particle& other, uint k) {
    if (k == i) return;
    const float3 r = p - other.position;
    const float d = length(r);
    force -= kernels::spiky_gradient(r, d, f.h) * (f.mass * (pressure(self.density) + pressure(other.density)) / (2.0f * other.density));
    force += f.viscosity * f.mass * (other.velocity - v) / other.density * kernels::viscosity_laplacian(d, f.h);
  });
  self.velocity += f.dt * force / self.density + f.dt * float3(0, -9.81f, 0);
  self.position += f.dt * float3(self.velocity);
  const float3 low = f.origin, high = f.origin + float3(f.cells) * f.h;
  for (short axis = 0; axis < 3; ++axis) {
    if (self.position[axis] < low[axis]) self.position[axis] = low[axis], self.velocity[axis] *= -0.5f;
    else if (self.position[axis] > high[axis]) self.position[axis] = high[axis], self.velocity[axis] *= -0.5f;
  }
  moved[i] = self;
}
