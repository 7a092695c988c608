// Programs in the manner of renderers and simulations, on every path, compared with plain loops in double.
#include <array>
#include <cmath>
#include <map>

#include "every_path.hpp"

namespace msl_conformance {
namespace {

class SceneStyles : public EveryPath {};
INSTANTIATE_TEST_SUITE_P(Paths, SceneStyles, testing::Values(Path::Vectors, Path::Threads), path_name);

using Three = std::array<float, 3>;
using Vector = std::array<double, 3>;

Vector wide(const Three& v) { return {v[0], v[1], v[2]}; }
Vector minus(const Vector& a, const Vector& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
Vector plus(const Vector& a, const Vector& b, double s = 1) { return {a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]}; }
double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

/// The same numbers in every run.
float noise(std::uint32_t i) {
  i = (i ^ 61U) ^ (i >> 16);
  i *= 9U;
  i ^= i >> 4;
  i *= 0x27d4eb2dU;
  return static_cast<float>((i ^ i >> 15) % 4096U) / 4096.0F;
}

struct Fluid {
  Three position;
  float density;
  Three velocity;
  std::uint32_t cell;
};
struct FluidParameters {
  std::array<float, 4> origin = {-1, 0, 0.5F, 0};
  std::array<std::uint32_t, 4> cells = {5, 4, 3, 0};
  float h = 0.25F, mass = 0.02F, rest_density = 1, stiffness = 2, viscosity = 0.3F, dt = 0.01F;
  std::uint32_t count = 150;
  std::uint32_t padding = 0;
};

TEST_P(SceneStyles, SmoothedParticles) {
  std::vector<FluidParameters> f(1);
  const auto count = f[0].count;
  const std::size_t cells = 60;
  std::vector<Fluid> particles(count), sorted(count), moved(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Three at = {-1 + 1.25F * noise(7 * i), 1.0F * noise(7 * i + 1), 0.5F + 0.75F * noise(7 * i + 2)};
    particles[i] = {at, 0, {noise(7 * i + 3) - 0.5F, -8 * noise(7 * i + 4), noise(7 * i + 5)}, 99};
  }
  std::vector<std::uint32_t> counts(cells, 0), starts(cells + 1, 99), cursors(cells, 99);
  run("sph_step", "count_cells", {3, 1, 1}, {64, 1, 1}, {}, particles, counts, f);
  run("sph_step", "scan_cells", {1, 1, 1}, {64, 1, 1}, {}, counts, starts, cursors, f);
  run("sph_step", "sort_particles", {3, 1, 1}, {64, 1, 1}, {}, particles, sorted, cursors, f);
  run("sph_step", "densities", {3, 1, 1}, {64, 1, 1}, {}, sorted, starts, f);
  run("sph_step", "step", {3, 1, 1}, {64, 1, 1}, {}, sorted, starts, f, moved);
  EXPECT_EQ(starts.back(), count);
  std::uint32_t bounced = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Fluid& self = sorted[i];
    EXPECT_TRUE(starts[self.cell] <= i && i < starts[self.cell + 1]) << i;
    const double h = f[0].h, m = f[0].mass, pi = std::acos(-1.0);
    double density = 0;
    Vector force = {};
    for (std::uint32_t k = 0; k < count; ++k) {
      const Fluid& other = sorted[k];
      const Vector r = minus(wide(self.position), wide(other.position));
      const double d = std::sqrt(dot(r, r));
      if (d >= h) continue;
      density += m * 315 / (64 * pi * std::pow(h, 9)) * std::pow(h * h - d * d, 3);
      if (k == i) continue;
      const double pressures = f[0].stiffness * (self.density + other.density - 2.0 * f[0].rest_density);
      if (d > 1e-6) force = plus(force, r, 45 / (pi * std::pow(h, 6)) * (h - d) * (h - d) / d * m * pressures / (2 * other.density));
      force = plus(force, minus(wide(other.velocity), wide(self.velocity)),
                   f[0].viscosity * m / other.density * 45 / (pi * std::pow(h, 6)) * (h - d));
    }
    EXPECT_NEAR(self.density, density, 1e-4 * density) << i;
    Vector v = plus(wide(self.velocity), force, f[0].dt / self.density);
    v[1] -= f[0].dt * 9.81;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const double low = f[0].origin[axis], high = low + f[0].cells[axis] * h;
      const double p = self.position[axis] + f[0].dt * v[axis];
      const bool is_out = p < low || p > high;
      bounced += is_out ? 1 : 0;
      EXPECT_NEAR(moved[i].velocity[axis], is_out ? v[axis] * -0.5 : v[axis], 1e-3 + 1e-4 * std::abs(v[axis])) << i;
      EXPECT_NEAR(moved[i].position[axis], std::clamp(p, low, high), 2e-5) << i;
    }
  }
  EXPECT_GT(bounced, 0U);
}

struct Node {
  Three low;
  std::uint32_t first;
  Three high;
  std::uint32_t count : 8, axis : 2, unused : 6, right_offset : 16;
};
struct alignas(16) Triangle {
  std::array<Three, 3> v;
  std::uint32_t material, padding[2];
};

/// Nodes of the tree over triangles [begin, end), children behind their parent, the left one first.
void build(std::vector<Node>& nodes, std::vector<Triangle>& triangles, std::size_t begin, std::size_t end) {
  const std::size_t at = nodes.size();
  Node node = {{9, 9, 9}, static_cast<std::uint32_t>(begin), {-9, -9, -9}, 0, 0, 0, 0};
  for (std::size_t k = begin; k < end; ++k) {
    for (const Three& corner : triangles[k].v) {
      for (std::size_t a = 0; a < 3; ++a) node.low[a] = std::min(node.low[a], corner[a]), node.high[a] = std::max(node.high[a], corner[a]);
    }
  }
  for (std::uint32_t a = 1; a < 3; ++a) {
    if (node.high[a] - node.low[a] > node.high[node.axis] - node.low[node.axis]) node.axis = a & 3U;
  }
  nodes.push_back(node);
  if (end - begin <= 3) {
    nodes[at].count = static_cast<std::uint8_t>(end - begin);
    return;
  }
  const std::size_t axis = node.axis, middle = (begin + end) / 2;
  std::sort(triangles.begin() + static_cast<std::ptrdiff_t>(begin), triangles.begin() + static_cast<std::ptrdiff_t>(end),
            [axis](const Triangle& a, const Triangle& b) { return a.v[0][axis] < b.v[0][axis]; });
  build(nodes, triangles, begin, middle);
  nodes[at].right_offset = static_cast<std::uint16_t>(nodes.size() - at);
  build(nodes, triangles, middle, end);
}

TEST_P(SceneStyles, TreesOfBoxes) {
  std::vector<Triangle> triangles(90);
  for (std::uint32_t i = 0; i < triangles.size(); ++i) {
    const Three at = {noise(40 * i), noise(40 * i + 1), noise(40 * i + 2)};
    for (std::uint32_t k = 0; k < 3; ++k) {
      for (std::uint32_t a = 0; a < 3; ++a) triangles[i].v[k][a] = at[a] + 0.3F * noise(40 * i + 10 + 3 * k + a);
    }
    triangles[i].material = 1000 + i;
  }
  std::vector<Node> nodes;
  build(nodes, triangles, 0, triangles.size());
  constexpr std::size_t kRays = 64;
  std::vector<Three> rays(2 * kRays);
  for (std::uint32_t i = 0; i < kRays; ++i) {
    rays[2 * i] = {-1, noise(90000 + i), noise(91000 + i)};
    rays[2 * i + 1] = {1, 0.5F * noise(92000 + i) - 0.25F, 0.5F * noise(93000 + i) - 0.25F};
  }
  std::vector<std::array<float, 4>> out(kRays, {NAN, NAN, NAN, NAN});
  std::vector<float> most = {1.4F};
  std::vector<std::uint32_t> shadows(2, 99);
  run("bvh_rays", "closest", {2, 1, 1}, {32, 1, 1}, {}, nodes, triangles, rays, out);
  run("bvh_rays", "shadows", {1, 1, 1}, {64, 1, 1}, {}, nodes, triangles, rays, shadows, most);
  std::size_t hits = 0;
  for (std::size_t i = 0; i < kRays; ++i) {
    Vector d = wide(rays[2 * i + 1]);
    d = plus({}, d, 1 / std::sqrt(dot(d, d)));
    double nearest = INFINITY;
    std::uint32_t material = 0;
    for (const Triangle& t : triangles) {
      const Vector e1 = minus(wide(t.v[1]), wide(t.v[0])), e2 = minus(wide(t.v[2]), wide(t.v[0])), p = cross(d, e2);
      const double det = dot(e1, p);
      const Vector s = plus({}, minus(wide(rays[2 * i]), wide(t.v[0])), 1 / det), q = cross(s, e1);
      const double u = dot(s, p), v = dot(d, q), at = dot(e2, q);
      if (u >= 0 && v >= 0 && u + v <= 1 && at > 1e-4 && at < nearest) nearest = at, material = t.material;
    }
    hits += std::isfinite(nearest) ? 1 : 0;
    EXPECT_EQ((shadows[i / 32] >> i % 32 & 1U) != 0, nearest < most[0]) << i;
    if (!std::isfinite(nearest)) {
      EXPECT_EQ(out[i][0], -1) << i;
    } else {
      EXPECT_NEAR(out[i][0], nearest, 1e-4) << i;
      EXPECT_EQ(std::bit_cast<std::uint32_t>(out[i][1]), material) << i;
    }
  }
  EXPECT_TRUE(hits > 10 && hits < kRays) << hits;
}

struct Drawn {
  Three position;
  float life;
  Three velocity;
  std::uint16_t size, padding;
  std::array<std::uint8_t, 4> color;
};
struct Uniforms {
  std::array<float, 16> projection, view;
  std::array<float, 4> gravity;
  float elapsed;
  std::uint32_t count, padding[2];
};

// The file has vertex and fragment functions with textures too.
TEST_P(SceneStyles, ComputeBesideGraphics) {
  std::vector<Uniforms> u = {{{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0.5F, 0, 0, 1}, {0, -10, 0, 0}, 0.125F, 70, {}}};
  for (const bool has_texture : {false, true}) {
    std::vector<Drawn> drawn(70);
    for (std::uint32_t i = 0; i < drawn.size(); ++i) {
      drawn[i] = {{static_cast<float>(i) / 8 - 4, 0.25F, 0}, static_cast<float>(i % 5) / 4, {1, 2, 3}, 0, 0, {1, 2, 3, 4}};
    }
    std::vector<std::byte> none(4);
    const auto before = drawn;
    run("renderer_particles", "advance", {2, 1, 1}, {64, 1, 1}, {{2U, has_texture}}, none, u, drawn);
    for (std::uint32_t i = 0; i < drawn.size(); ++i) {
      const float life = std::max(before[i].life - 0.125F, 0.0F);
      EXPECT_EQ(drawn[i].position, (Three{before[i].position[0] + 0.125F, 0.25F + 0.75F * 0.125F, 0.375F})) << i;
      EXPECT_EQ(drawn[i].velocity, (Three{1, 0.75F, 3})) << i;
      EXPECT_EQ(drawn[i].life, life) << i;
      const std::array<std::uint8_t, 4> wanted = {static_cast<std::uint8_t>(has_texture ? 3 : 1), 2, static_cast<std::uint8_t>(has_texture ? 1 : 3), static_cast<std::uint8_t>(life * 255)};
      EXPECT_EQ(drawn[i].color, wanted) << i;
    }
    std::vector<std::uint32_t> seen = {0}, list(70, 99), wanted;
    run("renderer_particles", "cull", {2, 1, 1}, {64, 1, 1}, {}, drawn, u, seen, list);
    for (std::uint32_t i = 0; i < drawn.size(); ++i) {
      if (std::abs(drawn[i].position[0] + 0.5F) <= 2 && drawn[i].life > 0) wanted.push_back(i);
    }
    list.resize(seen[0]);
    std::ranges::sort(list);
    EXPECT_EQ(list, wanted);
  }
}

TEST_P(SceneStyles, ArgumentBuffers) {
  if (!anymetal::test::shares_host_addresses()) GTEST_SKIP() << "its structures hold addresses of the host";
  struct Material {
    std::array<std::uint16_t, 4> albedo;
    const float* table;
    float scale;
  };
  struct Mesh {
    const Three* vertices;
    const std::uint16_t* indices;
    const Material* material;
    std::uint32_t triangles;
  };
  struct Scene {
    Mesh* meshes;
    std::array<std::uint32_t, 3> offsets;
    std::uint32_t* visits;
    const Scene* next;
  };
  std::vector<Three> vertices = {{0, 0, 0}, {2, 0, 0}, {0, 3, 0}, {0, 0, 4}};
  std::vector<std::uint16_t> indices = {0, 1, 2, 0, 1, 3, 0, 2, 3};
  std::vector<float> table = {1, 10, 100, 1000};
  Material material = {{half_bits(1), half_bits(2), half_bits(0.5F), half_bits(-1)}, table.data(), 0.5F};
  std::vector<Mesh> meshes;
  for (std::uint32_t i = 0; i < 5; ++i) meshes.push_back({vertices.data(), indices.data(), &material, i % 4});
  std::uint32_t visits = 7;
  const Scene last = {nullptr, {5, 0, 0}, nullptr, nullptr}, middle = {meshes.data() + 3, {6, 0, 0}, nullptr, &last};
  std::vector<Scene> scene = {{meshes.data(), {1, 3, 2}, &visits, &middle}};
  std::vector<float> out(6, -1);
  std::vector<std::uint32_t> count = {5}, found(4, 99);
  run("argument_buffers", "areas", {1, 1, 1}, {32, 1, 1}, {}, scene, out, count);
  run("argument_buffers", "follow", {1, 1, 1}, {1, 1, 1}, {}, scene, found);
  const std::array<float, 4> areas = {0, 3, 7, 13}, factors = {10, 1000, 100, 10};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(out[i], areas[i % 4] * 0.5F * (i == 4 ? 1000.0F : factors[i]) + 2.5F) << i;
  EXPECT_EQ(out[5], -1);
  EXPECT_EQ(visits, 7U + 0 + 1 + 2 + 3 + 0);
  EXPECT_EQ(found, (std::vector<std::uint32_t>{1, 9, 5, 99}));
}

TEST_P(SceneStyles, QuaternionsTurn) {
  constexpr std::size_t kCount = 40;
  std::vector<std::array<float, 4>> in(kCount), out(3 * kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) in[i] = {noise(5 * i) - 0.5F, noise(5 * i + 1) - 0.5F, noise(5 * i + 2) + 0.1F, 3 * noise(5 * i + 3)};
  run("quaternion_library", "turns", {5, 1, 1}, {8, 1, 1}, {}, out, in);
  for (std::size_t i = 0; i < kCount; ++i) {
    const Vector p = {in[i][0], in[i][1], in[i][2]}, n = plus({}, p, 1 / std::sqrt(dot(p, p)));
    const double angle = in[i][3], s = std::sin(angle / 2), c = std::cos(angle / 2), sq = std::sin(angle / 8), cq = std::cos(angle / 8);
    // The axis is where it was; row 1 of the matrix is what the unit vector y has come from.
    const Vector y = {0, 1, 0}, turned = plus(plus(plus({}, y, std::cos(angle)), cross(n, y), -std::sin(angle)), n, n[1] * (1 - std::cos(angle)));
    for (std::size_t a = 0; a < 3; ++a) {
      EXPECT_NEAR(out[3 * i][a], n[a] * sq, 2e-4) << i;
      EXPECT_NEAR(out[3 * i + 1][a], p[a] + turned[a], 1e-5) << i;
    }
    EXPECT_NEAR(out[3 * i][3], cq, 2e-4) << i;
    EXPECT_NEAR(out[3 * i + 1][3], 1, 1e-5) << i;
    // q * k, rounded to half before.
    const std::array<double, 4> product = {n[1] * s, -n[0] * s, c, -n[2] * s};
    for (std::size_t a = 0; a < 4; ++a) EXPECT_NEAR(out[3 * i + 2][a], product[a], 1e-3) << i << ' ' << a;
  }
}

TEST_P(SceneStyles, QuaternionsSkin) {
  struct Bone {
    std::array<float, 4> rotation;
    Three translation;
  };
  struct Influence {
    std::array<std::uint8_t, 4> bones;
    std::array<std::uint16_t, 4> weights;
  };
  // One turn of a quarter about z and a step, the same with the other sign, and the identity.
  const float r = std::sqrt(0.5F);
  std::vector<Bone> bones = {{{0, 0, r, r}, {1, 2, 3}}, {{0, 0, -r, -r}, {1, 2, 3}}, {{0, 0, 0, 1}, {0, 0, 0}}};
  std::vector<Influence> influences = {{{0, 1, 0, 1}, {half_bits(0.25F), half_bits(0.25F), half_bits(0.25F), half_bits(0.25F)}},
                                       {{2, 0, 2, 1}, {half_bits(1), 0, 0, 0}},
                                       {{0, 2, 2, 2}, {half_bits(0.5F), half_bits(0.5F), 0, 0}}};
  std::vector<Three> positions = {{1, 0, 0}, {4, 5, 6}, {0, 0, 1}};
  run("quaternion_library", "skin_vertices", {3, 1, 1}, {1, 1, 1}, {}, bones, influences, positions);
  const Three turned = {1, 3, 3}, same = {4, 5, 6};
  for (std::size_t a = 0; a < 3; ++a) {
    EXPECT_NEAR(positions[0][a], turned[a], 1e-5);
    EXPECT_NEAR(positions[1][a], same[a], 1e-5);
  }
  EXPECT_NEAR(positions[2][2], 1 + 1.5F, 1e-5);  // along the axis half the step
}

}  // namespace
}  // namespace msl_conformance
