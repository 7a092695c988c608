; RUN: lanes
; What is volatile is accessed as often as the kernel says, by vectors all the same.
; CHECK: store volatile <32 x float> {{.*}}%private
; CHECK: load volatile <32 x float>, ptr {{.*}}%private
define void @kernel(ptr %in, ptr %out, ptr %limit) {
  %variable = alloca float
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %i = getelementptr float, ptr %in, i64 %wide
  %v = load float, ptr %i
  store volatile float %v, ptr %variable
  %r = load volatile float, ptr %variable
  %o = getelementptr float, ptr %out, i64 %wide
  store float %r, ptr %o
  ret void
}
