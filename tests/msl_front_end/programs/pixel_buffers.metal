// Filters and colours of images that lie in buffers.
#include <metal_stdlib>
using namespace metal;

struct Image {
  device const uchar4* pixels;
  int2 size;
  float4 at(int2 p) const thread {
    p = clamp(p, int2(0), size - 1);
    return float4(pixels[p.y * size.x + p.x]);
  }
};

kernel void binomial(device const uchar4* in [[buffer(0)]], device uchar4* out [[buffer(1)]], constant int2& size [[buffer(2)]],
                     constant uchar (&taps)[5] [[buffer(3)]], uint2 p [[thread_position_in_grid]]) {
  if (any(p >= uint2(size))) return;
  const Image image = {in, size};
  float4 sum = 0.0f;
  for (int dy = -2; dy <= 2; ++dy)
    for (int dx = -2; dx <= 2; ++dx) sum += image.at(int2(p) + int2(dx, dy)) * float(taps[dx + 2] * taps[dy + 2]);
  out[int(p.y) * size.x + int(p.x)] = uchar4(rint(sum / 256.0f));
}

// Hue in sixths of a turn times 256, the largest component, and the spread.
kernel void hues(device const packed_uchar3* in [[buffer(0)]], device ushort3* out [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  const uchar3 c = in[i];
  const ushort most = max3(c.r, c.g, c.b), least = min3(c.r, c.g, c.b), spread = most - least;
  short hue = 0;
  if (spread != 0) {
    const short3 d = (short3(c.gbr) - short3(c.brg)) * short(256) / short(spread);
    hue = select(select(short(d.z + 1024), short(d.y + 512), c.g == most), d.x, c.r == most);
    if (hue < 0) hue += 1536;
  }
  out[i] = ushort3(ushort(hue), most, spread);
}
