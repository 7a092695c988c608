// Rays against a tree of boxes: nodes of 32 bytes, a stack per thread, near child first, any-hit and closest-hit.
#include <metal_stdlib>
using namespace metal;
using namespace metal::raytracing;

struct Node {
  packed_float3 low;
  union { uint first; uint left; };
  packed_float3 high;
  uint count : 8;
  uint axis : 2;
  uint : 6;
  uint right_offset : 16;
};
static_assert(sizeof(Node) == 32, "");
struct alignas(16) Triangle { packed_float3 v[3]; uint material; };
struct Hit { float distance = INFINITY; uint triangle = ~0u; float2 bary = {0, 0}; explicit operator bool() const thread { return triangle != ~0u; } };

struct Ray : ray {
  float3 inverse;
  Ray(device const packed_float3* p, float most) : ray(p[0], normalize(float3(p[1])), 1e-4f, most), inverse(1.0f / direction) {}
};

template <typename T, short N> class Stack {
  T items_[N];
  short top_ = 0;
 public:
  void push(T t) thread { if (top_ < N) items_[top_++] = t; }
  bool pop(thread T& t) thread { return top_ == 0 ? false : (t = items_[--top_], true); }
};

static float entry(device const Node& n, thread const Ray& r, float most) {
  const float3 a = (n.low - r.origin) * r.inverse, b = (n.high - r.origin) * r.inverse;
  const float3 near = min(a, b), far = max(a, b);
  const float from = max(max3(near.x, near.y, near.z), r.min_distance), to = min(min3(far.x, far.y, far.z), most);
  return from <= to ? from : INFINITY;
}
static bool intersect(device const Triangle& t, thread const Ray& r, thread Hit& hit) {
  const float3 e1 = t.v[1] - t.v[0], e2 = t.v[2] - t.v[0], p = cross(r.direction, e2);
  const float det = dot(e1, p);
  if (abs(det) < 1e-9f) return false;
  const float3 s = (r.origin - t.v[0]) / det, q = cross(s, e1);
  const float u = dot(s, p), v = dot(r.direction, q), d = dot(e2, q);
  if (u < 0 || v < 0 || u + v > 1 || d < r.min_distance || d >= hit.distance) return false;
  hit.distance = d; hit.bary = {u, v};
  return true;
}

template <bool any>
static Hit trace(device const Node* nodes, device const Triangle* triangles, thread const Ray& r) {
  Hit hit;
  hit.distance = r.max_distance;
  Stack<uint, 24> stack;
  uint at = 0;
  do {
    device const Node& node = nodes[at];
    if (node.count > 0) {
      for (uint k = node.first; k < node.first + node.count; ++k) {
        if (!intersect(triangles[k], r, hit)) continue;
        hit.triangle = k;
        if constexpr (any) return hit;
      }
      continue;
    }
    uint near = at + 1, far = at + node.right_offset;
    if (r.direction[node.axis] < 0) { const uint t = near; near = far; far = t; }
    if (isfinite(entry(nodes[far], r, hit.distance))) stack.push(far);
    if (isfinite(entry(nodes[near], r, hit.distance))) stack.push(near);
  } while (stack.pop(at));
  return hit;
}

kernel void closest(device const Node* nodes [[buffer(0)]], device const Triangle* triangles [[buffer(1)]], device const packed_float3* rays [[buffer(2)]], device float4* out [[buffer(3)]], uint i [[thread_position_in_grid]]) {
  const Ray r(rays + 2 * i, INFINITY);
  const Hit hit = trace<false>(nodes, triangles, r);
  out[i] = hit ? float4(hit.distance, as_type<float>(triangles[hit.triangle].material), hit.bary) : float4(-1);
}
kernel void shadows(device const Node* nodes [[buffer(0)]], device const Triangle* triangles [[buffer(1)]], device const packed_float3* rays [[buffer(2)]], device uint* out [[buffer(3)]], constant float& most [[buffer(4)]],
                    uint i [[thread_position_in_grid]]) {
  const simd_vote hits = simd_ballot(bool(trace<true>(nodes, triangles, Ray(rays + 2 * i, most))));
  if (i % 32 == 0) out[i / 32] = uint(simd_vote::vote_t(hits));
}
