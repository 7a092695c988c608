; A barrier that one of them meets and the other does not cannot be met once.
; RUN: merged/32x2
; CHECK: obstacle: threads go to a barrier on ways of their own
define void @kernel(ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %c = icmp ult i32 %x, 32
  br i1 %c, label %low, label %after
low:
  call void @__msl_threadgroup_barrier(i32 2)
  br label %after
after:
  ret void
}
