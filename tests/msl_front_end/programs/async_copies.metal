// Copies between device and threadgroup memory by intrinsics that are declared by their names in Apple's IR.
#include <metal_stdlib>
#pragma METAL internals : enable
struct _event_t;
thread _event_t* __copy_1d(ulong, ulong, threadgroup void*, const device void*, ulong) __asm("air.simdgroup_async_copy_1d.p3i8.p1i8");
thread _event_t* __copy_1d(ulong, ulong, device void*, const threadgroup void*, ulong) __asm("air.simdgroup_async_copy_1d.p1i8.p3i8");
thread _event_t* __copy_2d(ulong, ulong, threadgroup void*, ulong, ulong, ulong2, const device void*, ulong, ulong, ulong2, long2, int)
    __asm__("air.simdgroup_async_copy_2d.p3i8.p1i8");
thread _event_t* __copy_2d(ulong, ulong, device void*, ulong, ulong, ulong2, const threadgroup void*, ulong, ulong, ulong2, long2, int)
    __asm("air.simdgroup_async_copy_2d.p1i8.p3i8");
void __wait_events(int, thread _event_t**) __asm("air.wait_simdgroup_events");
#pragma METAL internals : disable
namespace metal {
enum class copy_clamp { to_zero = 0, to_edge = 1 };
struct copy_event {
  METAL_FUNC copy_event() thread {}
  template <typename T> METAL_FUNC void load(threadgroup T* dst, const device T* src, ulong n) thread {
    event = __copy_1d(sizeof(T), alignof(T), reinterpret_cast<threadgroup void*>(dst), reinterpret_cast<const device void*>(src), n);
  }
  template <typename T> METAL_FUNC void store(device T* dst, const threadgroup T* src, ulong n) thread {
    event = __copy_1d(sizeof(T), alignof(T), reinterpret_cast<device void*>(dst), reinterpret_cast<const threadgroup void*>(src), n);
  }
  template <typename T>
  METAL_FUNC void load(threadgroup T* dst, ushort row, ushort2 size, const device T* src, uint src_row, ushort2 src_size, copy_clamp clamp) thread {
    event = __copy_2d(sizeof(T), alignof(T), reinterpret_cast<threadgroup void*>(dst), ushort(row), 1, ulong2(size),
                      reinterpret_cast<const device void*>(src), uint(src_row), 1, ulong2(src_size), long2(0), static_cast<int>(clamp));
  }
  template <typename T>
  METAL_FUNC void store(device T* dst, uint row, ushort2 size, const threadgroup T* src, ushort src_row) thread {
    event = __copy_2d(sizeof(T), alignof(T), reinterpret_cast<device void*>(dst), uint(row), 1, ulong2(size),
                      reinterpret_cast<const threadgroup void*>(src), ushort(src_row), 1, ulong2(size), long2(0), 0);
  }
  METAL_FUNC static void wait(int count, thread copy_event* events) { __wait_events(count, reinterpret_cast<thread _event_t**>(events)); }

 private:
  thread _event_t* event;
};
}  // namespace metal
using namespace metal;

struct triple { uchar v[3]; };

// The first 7x5 of a matrix with rows of 20 becomes 10x6 with zeros or the last column and row, and is written into rows of 16.
template <typename T, copy_clamp clamp>
kernel void pad(const device T* a [[buffer(0)]], device T* o [[buffer(1)]], threadgroup T* tile [[threadgroup(0)]],
                ushort sidx [[simdgroup_index_in_threadgroup]]) {
  if (sidx == 0) {
    copy_event event;
    event.load(tile, 12, ushort2(10, 6), a, 20, ushort2(7, 5), clamp);
    copy_event::wait(1, &event);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (sidx == 1) {
    copy_event events[2];
    events[0].store(o, 16, ushort2(10, 6), tile, 12);
    copy_event::wait(1, events);
  }
}
template [[host_name("pad_float_zero")]] kernel void pad<float, copy_clamp::to_zero>(const device float*, device float*, threadgroup float*, ushort);
template [[host_name("pad_half_edge")]] kernel void pad<half, copy_clamp::to_edge>(const device half*, device half*, threadgroup half*, ushort);

// Elements of three bytes, backwards through threadgroup memory.
kernel void turn(const device triple* a [[buffer(0)]], device triple* o [[buffer(1)]], uint i [[thread_index_in_threadgroup]], uint n [[threads_per_threadgroup]]) {
  threadgroup triple all[64], turned[64];
  copy_event event;
  if (i < 32) event.load(all, a, n);
  if (i < 32) copy_event::wait(1, &event);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  turned[n - 1 - i] = all[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (i >= 32) event.store(o, turned, n);
}

// 6x5 from a matrix of 7x4, which lies somewhere else in it, and past its edges.
template <int clamp>
kernel void shifted(const device ushort* a [[buffer(0)]], device ushort* o [[buffer(1)]], constant long2& by [[buffer(2)]], threadgroup ushort* tile [[threadgroup(0)]]) {
  thread _event_t* events[2];
  events[0] = __copy_2d(2, 2, (threadgroup void*)tile, 8, 1, ulong2(6, 5), (const device void*)a, 9, 1, ulong2(7, 4), by, clamp);
  __wait_events(1, events);
  events[1] = __copy_2d(2, 2, (device void*)o, 6, 1, ulong2(6, 5), (const threadgroup void*)tile, 8, 1, ulong2(6, 5), long2(0), 0);
  __wait_events(1, events + 1);
}
template [[host_name("shifted_to_zero")]] kernel void shifted<0>(const device ushort*, device ushort*, constant long2&, threadgroup ushort*);
template [[host_name("shifted_to_edge")]] kernel void shifted<1>(const device ushort*, device ushort*, constant long2&, threadgroup ushort*);
