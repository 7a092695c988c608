; The way of the first thread, then that of the second; what is chosen there has a phi for each.
; RUN: merged/32x2
; CHECK: [[C1:%.*]] = icmp ult i32 %{{.*}}, 40
; CHECK-NEXT: [[C2:%.*]] = icmp ult i32 %{{.*}}, 40
; CHECK: br label %apart
; CHECK: apart:
; CHECK-NEXT: br i1 [[C1]], label %low, label %together
; CHECK: together:
; CHECK-NEXT: [[V1:%.*]] = phi i32 [ 2, %low ], [ 1, %apart ]
; CHECK-NEXT: br label %apart.again
; CHECK: apart.again:
; CHECK-NEXT: br i1 [[C2]], label %low.again, label %together.again
; CHECK: together.again:
; CHECK-NEXT: [[V2:%.*]] = phi i32 [ 2, %low.again ], [ 1, %apart.again ]
; CHECK: %v = phi i32 [ [[V1]], %together.again ]
; CHECK-NEXT: phi i32 [ [[V2]], %together.again ]
; CHECK: call void @__msl_threadgroup_barrier
define void @kernel(ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %c = icmp ult i32 %x, 40
  br i1 %c, label %low, label %after
low:
  store i32 7, ptr %out
  br label %after
after:
  %v = phi i32 [ 1, %entry ], [ 2, %low ]
  call void @__msl_threadgroup_barrier(i32 2)
  %o = getelementptr i32, ptr %out, i32 %x
  store i32 %v, ptr %o
  ret void
}
