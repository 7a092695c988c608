; So is an address that a loop moves on.
; RUN: lanes
; CHECK: buffers: below 4 GiB
; CHECK: phi <32 x i32> [ %{{.*}} ], [ [[NEXT:%.*]], %
; CHECK-NOT: phi <32 x ptr>
; CHECK: [[NEXT]] = add <32 x i32> %
define void @kernel(ptr %in, ptr %picks, ptr %out, ptr %count) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %picks, i64 %wide
  %pick = load i32, ptr %p
  %picked = sext i32 %pick to i64
  %from = getelementptr float, ptr %in, i64 %picked
  %n = load i32, ptr %count
  br label %loop
loop:
  %at = phi ptr [ %from, %entry ], [ %next, %loop ]
  %sum = phi float [ 0.0, %entry ], [ %more, %loop ]
  %i = phi i32 [ 0, %entry ], [ %j, %loop ]
  %v = load float, ptr %at
  %more = fadd float %sum, %v
  %next = getelementptr float, ptr %at, i64 7
  %j = add i32 %i, 1
  %again = icmp ult i32 %j, %n
  br i1 %again, label %loop, label %end
end:
  %o = getelementptr float, ptr %out, i64 %wide
  store float %more, ptr %o
  ret void
}
