// Halide's device interface of Metal with host memory as device memory; kernels are handed to a function of the process that has loaded this.
#include <stdlib.h>
#include <string.h>

#include "HalideRuntime.h"

typedef void (*Launch)(const char* source, int source_bytes, const char* entry, const int* grid_and_group, int shared_bytes, const void* scalars,
                       int scalars_bytes, int buffers, void** addresses, const size_t* sizes);
static Launch launch;
void set_launch(Launch function) { launch = function; }

enum { kHeader = 64, kMostBuffers = 31, kMostBytes = 4096 };

static size_t bytes_of(const struct halide_buffer_t* b) {
  size_t elements = 1;
  for (int i = 0; i < b->dimensions; ++i) elements += (size_t)(b->dim[i].extent - 1) * b->dim[i].stride;
  return elements * ((b->type.bits + 7) / 8);
}
static size_t size_at(uint64_t device) { return *(size_t*)(device - kHeader); }

static void nothing(void) {}
static int unused(void) { abort(); }
static int sync(void* user, struct halide_buffer_t* b) { return 0; }
static int release(void* user, const struct halide_device_interface_t* i) { return 0; }
static const struct halide_device_interface_t interface;

static int allocate(void* user, struct halide_buffer_t* b) {
  if (b->device) return 0;
  char* memory = malloc(bytes_of(b) + kHeader);
  *(size_t*)memory = bytes_of(b);
  memset(memory + kHeader, 0xff, bytes_of(b));
  b->device = (uint64_t)(memory + kHeader);
  b->device_interface = &interface;
  return 0;
}
static int deallocate(void* user, struct halide_buffer_t* b) {
  if (b->device) free((char*)b->device - kHeader);
  b->device = 0;
  b->device_interface = NULL;
  return 0;
}
static int to_host(void* user, struct halide_buffer_t* b) { return memcpy(b->host, (void*)b->device, bytes_of(b)), 0; }
static int to_device(void* user, struct halide_buffer_t* b) { return memcpy((void*)b->device, b->host, bytes_of(b)), 0; }

// The order of members that Halide's runtime has; what stands behind them is not reached here.
static struct {
  void* functions[16];
} implementation = {{nothing, nothing, allocate, deallocate, sync, release, to_host, to_device, unused, unused, unused, unused, unused, unused, unused, unused}};
extern int halide_device_and_host_malloc(void*, struct halide_buffer_t*, const struct halide_device_interface_t*);
extern int halide_device_and_host_free(void*, struct halide_buffer_t*);
static const struct halide_device_interface_t interface = {
    halide_device_malloc, halide_device_free, halide_device_sync, halide_device_release, halide_copy_to_host, halide_copy_to_device,
    halide_device_and_host_malloc, halide_device_and_host_free, halide_buffer_copy, halide_device_crop, halide_device_slice,
    halide_device_release_crop, halide_device_wrap_native, halide_device_detach_native, NULL, (const void*)&implementation};
const struct halide_device_interface_t* halide_metal_device_interface(void) { return &interface; }

struct Source {
  const char* text;
  int bytes;
};
int halide_metal_initialize_kernels(void* user, void** state, const char* text, int bytes) {
  if (*state) return 0;
  struct Source* source = malloc(sizeof *source);
  *source = (struct Source){text, bytes};
  *state = source;
  return 0;
}
void halide_metal_finalize_kernels(void* user, void* state) {}

// Scalars lie in one structure at index 0, each at a multiple of its size; buffers follow.
int halide_metal_run(void* user, void* state, const char* entry, int gx, int gy, int gz, int tx, int ty, int tz, int shared_bytes,
                     struct halide_type_t types[], void* arguments[], int8_t is_buffer[]) {
  char scalars[kMostBytes];
  size_t used = 0, sizes[kMostBuffers];
  void* addresses[kMostBuffers];
  int buffers = 0;
  for (int i = 0; arguments[i]; ++i) {
    if (is_buffer[i]) {
      const struct halide_buffer_t* b = arguments[i];
      addresses[buffers] = (void*)b->device;
      sizes[buffers++] = size_at(b->device);
    } else {
      const size_t width = (types[i].bits + 7) / 8;
      used = (used + width - 1) / width * width;
      memcpy(scalars + used, arguments[i], width);
      used += width;
    }
  }
  const int grid_and_group[] = {gx, gy, gz, tx, ty, tz};
  const struct Source* source = state;
  launch(source->text, source->bytes, entry, grid_and_group, (shared_bytes + 15) / 16 * 16, scalars, (int)used, buffers, addresses, sizes);
  return 0;
}
