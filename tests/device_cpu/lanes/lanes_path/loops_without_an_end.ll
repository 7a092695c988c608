; RUN: obstacle
; CHECK: obstacle: a loop of it never ends
define void @kernel(ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %low = icmp ult i32 %x, 9
  br label %again
again:
  br i1 %low, label %then, label %more
then:
  store volatile i32 1, ptr %out
  br label %more
more:
  br label %again
}
