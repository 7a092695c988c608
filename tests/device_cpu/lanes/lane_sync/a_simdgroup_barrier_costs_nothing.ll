; RUN: lanes
; CHECK: load <32 x i32>
; CHECK-NOT: call
; CHECK: store <32 x i32>
; CHECK-NOT: resume
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  call void @__msl_simdgroup_barrier(i32 2)
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %v, ptr %o
  ret void
}
