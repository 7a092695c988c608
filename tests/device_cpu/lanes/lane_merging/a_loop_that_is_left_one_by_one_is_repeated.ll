; Each thread goes through all its rounds before the next begins; a loop of all goes through them together.
; RUN: merged/32x2
; CHECK: entry:
; CHECK: round:
; CHECK: %t = phi i32 [ 0, %apart ], [ %t1, %round ]
; CHECK: br i1 %more, label %round, label %together
; CHECK: round.again:
; CHECK: phi i32 [ 0, %apart.again ]
; CHECK: label %round.again, label %together.again
; CHECK: all:
; CHECK: %n = phi i32
; CHECK-NOT: phi i32
; CHECK: call void @__msl_threadgroup_barrier
; CHECK: br i1 %again, label %all
; CHECK: store i32
; CHECK-NEXT: store i32
define void @kernel(ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  br label %round
round:
  %t = phi i32 [ 0, %entry ], [ %t1, %round ]
  %t1 = add i32 %t, 1
  %more = icmp ult i32 %t1, %x
  br i1 %more, label %round, label %after
after:
  %r = phi i32 [ %t1, %round ]
  br label %all
all:
  %n = phi i32 [ 0, %after ], [ %n1, %all ]
  call void @__msl_threadgroup_barrier(i32 2)
  %n1 = add i32 %n, 1
  %again = icmp ult i32 %n1, 4
  br i1 %again, label %all, label %end
end:
  %o = getelementptr i32, ptr %out, i32 %x
  store i32 %r, ptr %o
  ret void
}
