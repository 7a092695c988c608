// Argument buffers: structs of pointers with [[id(n)]], nested, in arrays, by device and by constant reference.
#include <metal_stdlib>
using namespace metal;

enum BufferSlot : uint { kSceneSlot = 0, kOutSlot = 1, kCountSlot };
enum MaterialField { kAlbedo = 0, kTable, kScale = kTable + 1, kLinks };

struct Material {
  packed_half4 albedo [[id(kAlbedo)]];
  constant float* table [[id(kTable)]];
  float scale [[id(kScale)]];
};
struct Mesh {
  device const packed_float3* vertices [[id(0)]];
  device const ushort* indices [[id(1)]];
  constant Material* material [[id(2)]];
  uint triangles [[id(3)]];
};
struct Scene {
  device Mesh* meshes [[id(0)]];
  array<uint, 3> offsets [[id(1)]];
  device atomic_uint* visits [[id(4)]];
  const device Scene* next [[id(5)]];
};

static float area(thread const Mesh& mesh, uint t) {
  device const ushort* corner = mesh.indices + 3 * t;
  const float3 a = mesh.vertices[corner[0]], b = mesh.vertices[corner[1]], c = mesh.vertices[corner[2]];
  return 0.5f * length(cross(b - a, c - a));
}

kernel void areas(constant Scene& scene [[buffer(kSceneSlot)]], device float* out [[buffer(kOutSlot)]], constant uint& count [[buffer(kCountSlot)]], uint i [[thread_position_in_grid]]) {
  if (i >= count) return;
  const constant Scene* current = &scene;
  Mesh mesh = scene.meshes[i];
  float sum = 0.0f;
  for (uint t = 0; t < mesh.triangles; ++t) sum += area(mesh, t);
  atomic_fetch_add_explicit(scene.visits, mesh.triangles, memory_order_relaxed);
  constant Material& material = *mesh.material;
  const float4 albedo = float4(half4(material.albedo));
  out[i] = sum * material.scale * material.table[current->offsets[i % 3]] + dot(albedo, 1.0f);
}

kernel void follow(const device Scene* scene [[buffer(0)]], device uint* out [[buffer(1)]]) {
  uint n = 0;
  for (const device Scene* s = scene; s != nullptr; s = s->next) out[n++] = s->offsets[0] + (s->meshes ? s->meshes->triangles : 0u);
}
