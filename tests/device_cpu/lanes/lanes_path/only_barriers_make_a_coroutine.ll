; RUN: lanes
; CHECK: buffers: any
; CHECK-NOT: frame:
; CHECK: define internal void @k.lanes(
; CHECK-NOT: define
define void @kernel(ptr %out) {
  %s = call i32 @__msl_simd_sum_u32(i32 1)
  store i32 %s, ptr %out
  ret void
}
