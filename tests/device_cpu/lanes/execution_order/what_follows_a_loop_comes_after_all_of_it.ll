; The way out in the middle is not taken before the rest of the round: lanes that left wait for those that stay.
; RUN: order
; CHECK: entry
; CHECK-NEXT: round
; CHECK-NEXT: stay
; CHECK-NOT: round
; CHECK: left
; CHECK-NEXT: after
define void @kernel(ptr %in, ptr %out) {
entry:
  %i = call i32 @__msl_thread_index_in_threadgroup()
  br label %round
round:
  %k = phi i32 [ 0, %entry ], [ %k1, %stay ]
  %v = load volatile i32, ptr %in
  %leaves = icmp eq i32 %v, %i
  br i1 %leaves, label %left, label %stay
left:
  store volatile i32 %i, ptr %out
  br label %after
stay:
  store volatile i32 %k, ptr %out
  %k1 = add i32 %k, 1
  %more = icmp ult i32 %k1, 100
  br i1 %more, label %round, label %after
after:
  store volatile i32 7, ptr %out
  ret void
}
