; RUN: lanes
; CHECK: load float, ptr %in
; CHECK: store <32 x float>
; CHECK-NOT: load
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %v = load float, ptr %in
  %o = getelementptr float, ptr %out, i64 %wide
  store float %v, ptr %o
  ret void
}
