; What depends on the place among the lanes alone is the same in all simdgroups, and so is what a simdgroup makes of it.
; RUN: merged/32x4
; CHECK: %lane = and i32
; CHECK-NEXT: %p = getelementptr
; CHECK-NEXT: %v = load i32
; CHECK-NEXT: %s = call i32 @__msl_simd_sum_i32(i32 %v)
; CHECK-NEXT: call void @__msl_threadgroup_barrier
; CHECK: store i32 %s
; CHECK-NEXT: store i32 %s
; CHECK-NEXT: store i32 %s
; CHECK-NEXT: store i32 %s
define void @kernel(ptr %in, ptr %out) {
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %lane = and i32 %i, 31
  %p = getelementptr i32, ptr %in, i32 %lane
  %v = load i32, ptr %p
  %s = call i32 @__msl_simd_sum_i32(i32 %v)
  call void @__msl_threadgroup_barrier(i32 2)
  %o = getelementptr i32, ptr %out, i32 %i
  store i32 %s, ptr %o
  ret void
}
