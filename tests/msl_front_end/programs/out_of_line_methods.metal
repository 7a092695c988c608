// Member functions of an address space defined outside their class, and kernels as objects in device memory.
#include <metal_stdlib>
using namespace metal;

#define gpu_object device
#define KERNEL_SIGNATURE(name, ...)                                                                                        \
  struct kernel_##name {                                                                                                   \
    __VA_ARGS__                                                                                                            \
    void run(thread Context& context, device int* out, const uint global_id, const ushort lane) gpu_object const;              \
  };                                                                                                                       \
  kernel void launch_##name(device const kernel_##name* object, constant Launch& launch [[buffer(1)]], device int* out [[buffer(2)]], \
                            const uint global_id [[thread_position_in_grid]], const ushort lane [[thread_index_in_simdgroup]]) { \
    Context context(launch);                                                                                               \
    object->run(context, out, global_id, lane);                                                                            \
  }                                                                                                                        \
  void kernel_##name::run(thread Context& context, device int* out, const uint global_id, const ushort lane) gpu_object const

struct Launch { int scale; int add; };
class Context {
 public:
  constant Launch& launch;
  Context(constant Launch& l) : launch(l) {}
  struct Pair { int a, b; int sum() const device; int sum() const; };
  int apply(int x) { return x * launch.scale + launch.add; }
};
int Context::Pair::sum() const device { return a + b; }
int Context::Pair::sum() const { return a - b; }

KERNEL_SIGNATURE(scaled, uint n; int offset;) {
  if (global_id < n) out[global_id] = context.apply(int(global_id) + offset) + lane % 2;
}

template <typename T> struct Cell {
  T value;
  T get() const device;
  T get() const threadgroup;
  void set(T x) threadgroup;
  T twice() const constant;
  template <typename U> U as() const thread;
};
template <typename T> T Cell<T>::get() const device { return value; }
template <typename T> T Cell<T>::get() const threadgroup { return value + 100; }
template <typename T> void Cell<T>::set(T x) threadgroup { value = x; }
template <typename T> T Cell<T>::twice() const constant { return 2 * value; }
template <typename T> template <typename U> U Cell<T>::as() const thread { return U(value); }

kernel void cells(device const Cell<int>* a [[buffer(0)]], constant Cell<int>& c [[buffer(1)]], device const Context::Pair* p [[buffer(2)]],
                  device int* out [[buffer(3)]]) {
  threadgroup Cell<int> t;
  t.set(5);
  Cell<int> own = {7};
  Context::Pair pair = p[0];
  out[0] = a->get();
  out[1] = t.get();
  out[2] = c.twice();
  out[3] = own.as<short>();
  out[4] = p->sum() * 1000 + pair.sum();
}
