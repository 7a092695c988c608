// As translators write that gather a module's variables in one structure of pointers: operators by space, loops counted by two words, packed slots.
#include <metal_stdlib>
using namespace metal;

template<typename T, size_t N>
struct gen_array {
  const constant T& operator[](size_t i) const constant { return elements[i]; }
  device T& operator[](size_t i) device { return elements[i]; }
  const device T& operator[](size_t i) const device { return elements[i]; }
  thread T& operator[](size_t i) thread { return elements[i]; }
  const thread T& operator[](size_t i) const thread { return elements[i]; }
  threadgroup T& operator[](size_t i) threadgroup { return elements[i]; }
  const threadgroup T& operator[](size_t i) const threadgroup { return elements[i]; }
  T elements[N];
};

#define GEN_ISOLATE(VOLATILE_NAME) \
  {volatile bool VOLATILE_NAME = false; if (VOLATILE_NAME) break;}

struct packed_vec3_f32_slot {
  packed_float3 packed;
};

struct packed_vec3_u32_slot {
  /* 0x0000 */ packed_uint3 packed;
  /* 0x000c */ gen_array<int8_t, 4> gen_pad;
};

struct Light_packed {
  /* 0x0000 */ packed_float3 position;
  /* 0x000c */ float radius;
  /* 0x0010 */ gen_array<packed_vec3_f32_slot, 3> basis;
  /* 0x0034 */ gen_array<int8_t, 12> gen_pad_1;
};

struct Light {
  float3 position;
  float radius;
  float3x3 basis;
};

struct Counts {
  atomic_uint total;
  gen_array<atomic_int, 4> by_kind;
};

struct gen_module_vars_struct {
  device gen_array<Light_packed, 1>* lights;
  device Counts* counts;
  const constant gen_array<uint4, 2>* sizes;
  threadgroup gen_array<gen_array<float, 4>, 16>* tile;
  threadgroup atomic_uint* arrived;
  thread uint* seed;
  thread gen_array<float2, 4>* path;
};

struct gen_symbol_4 {
  gen_array<gen_array<float, 4>, 16> gen_symbol_1;
  atomic_uint gen_symbol_2;
};

Light gen_load_light(device Light_packed* const from) {
  float3 const gen_symbol = float3((*from).position);
  return Light{.position=gen_symbol, .radius=(*from).radius, .basis=float3x3(float3((*from).basis[0u].packed), float3((*from).basis[1u].packed), float3((*from).basis[2u].packed))};
}

void gen_store_light(device Light_packed* const target, Light value_param) {
  (*target).position = packed_float3(value_param.position);
  (*target).radius = value_param.radius;
  for (uint i = 0u; i < 3u; i = i + 1u) {
    (*target).basis[i].packed = packed_float3(value_param.basis[i]);
  }
}

int gen_mod_i32(int lhs, int rhs) {
  int const divisor = select(rhs, 1, (bool(uint((rhs == 0)) | uint((bool(uint((rhs == -1)) & uint((lhs == (-2147483647 - 1)))))))));
  uint const whole = (as_type<uint>((lhs / divisor)) * as_type<uint>(divisor));
  return as_type<int>((as_type<uint>(lhs) - whole));
}

int gen_f32_to_i32(float value) {
  return int(clamp(value, -2147483648.0f, 2147483520.0f));
}

uint next(gen_module_vars_struct gen_module_vars) {
  (*gen_module_vars.seed) = ((*gen_module_vars.seed) * 1664525u) + 1013904223u;
  return (*gen_module_vars.seed);
}

void walk(thread gen_array<float2, 4>* const p, thread uint* const n, gen_module_vars_struct gen_module_vars) {
  {
    uint2 gen_loop_idx = uint2(4294967295u);
    uint i = 0u;
    while(true) {
      GEN_ISOLATE(gen_volatile_false)
      if (all((gen_loop_idx == uint2(0u)))) {
        break;
      }
      if ((i < 4u)) {
      } else {
        break;
      }
      uint const r = next(gen_module_vars);
      (*p)[min(i, 3u)] = (float2(float((r >> (16u & 31u))), float(((r & 255u)))) * float2(0.25f, 0.5f));
      (*n) = ((*n) + 1u);
      {
        uint const gen_low_inc = (gen_loop_idx.x - 1u);
        gen_loop_idx.x = gen_low_inc;
        uint const gen_carry = uint((gen_low_inc == 4294967295u));
        gen_loop_idx.y = (gen_loop_idx.y - gen_carry);
        i = (i + 1u);
      }
      continue;
    }
  }
}

void main_inner(uint3 gid, uint gen_local_index, uint3 wgid, gen_module_vars_struct gen_module_vars) {
  {
    uint v_5 = 0u;
    v_5 = gen_local_index;
    while(true) {
      GEN_ISOLATE(gen_volatile_false_1)
      uint const v_6 = v_5;
      if ((v_6 >= 64u)) {
        break;
      }
      (*gen_module_vars.tile)[(v_6 / 4u)][(v_6 % 4u)] = 0.0f;
      {
        v_5 = (v_6 + 16u);
      }
    }
  }
  if ((gen_local_index == 0u)) {
    atomic_store_explicit(gen_module_vars.arrived, 0u, memory_order_relaxed);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  uint steps = 0u;
  (*gen_module_vars.seed) = gid.x;
  walk(gen_module_vars.path, (&steps), gen_module_vars);
  for (uint k = 0u; k < 4u; k = k + 1u) {
    (*gen_module_vars.tile)[gen_local_index][k] = (*gen_module_vars.path)[k].x + (*gen_module_vars.path)[k].y;
  }
  uint const before = atomic_fetch_add_explicit(gen_module_vars.arrived, steps, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  device Light_packed* const light = (&(*gen_module_vars.lights)[min(gid.x, (((*gen_module_vars.sizes)[0u].x / 64u) - 1u))]);
  Light l = gen_load_light(light);
  float const other = (*gen_module_vars.tile)[(15u - gen_local_index)][3u];
  l.position = (l.basis * l.position);
  l.position.x = (l.position.x + other);
  l.radius = float(gen_mod_i32(gen_f32_to_i32(l.radius), (-3)));
  l.basis[1u] = l.basis[2u].zyx;
  gen_store_light(light, l);
  atomic_fetch_add_explicit((&(*gen_module_vars.counts).by_kind[min(wgid.x, 3u)]), int((before < 64u)), memory_order_relaxed);
  if ((gen_local_index == 0u)) {
    atomic_fetch_max_explicit((&(*gen_module_vars.counts).total), atomic_load_explicit(gen_module_vars.arrived, memory_order_relaxed), memory_order_relaxed);
  }
}

[[max_total_threads_per_threadgroup(16)]]
kernel void v_7(uint3 gid [[thread_position_in_grid]], uint gen_local_index [[thread_index_in_threadgroup]], uint3 wgid [[threadgroup_position_in_grid]], device gen_array<Light_packed, 1>* lights [[buffer(0)]], device Counts* counts [[buffer(1)]], const constant gen_array<uint4, 2>* sizes [[buffer(2)]], threadgroup gen_symbol_4* v_8 [[threadgroup(0)]]) {
  thread uint seed = 0u;
  thread gen_array<float2, 4> path = {};
  gen_module_vars_struct const gen_module_vars = gen_module_vars_struct{.lights=lights, .counts=counts, .sizes=sizes, .tile=(&(*v_8).gen_symbol_1), .arrived=(&(*v_8).gen_symbol_2), .seed=(&seed), .path=(&path)};
  main_inner(gid, gen_local_index, wgid, gen_module_vars);
}
