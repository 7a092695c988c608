; Not in every round; and what it was made of is not kept, to make it again behind the barrier.
; RUN: lanes
; CHECK: frame: %k.lanes.Frame = type { ptr, ptr, ptr, ptr, i32, i1, <32 x float> }
; CHECK: body.round:
; CHECK: fadd <32 x float>
; CHECK-NEXT: add i32
; CHECK-NEXT: icmp ult i32
; CHECK-NEXT: br i1
; CHECK: store <32 x float> %{{.*}}, ptr %{{.*}}spill
; CHECK: define internal fastcc void @k.lanes.resume(
; CHECK: [[SUM:%.*]] = load <32 x float>, ptr %{{.*}}reload
; CHECK: store <32 x float> [[SUM]], ptr
define void @kernel(ptr %in, ptr %out, ptr %size) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %n = load i32, ptr %size
  br label %round
round:
  %k = phi i32 [ 0, %entry ], [ %k1, %round ]
  %t = phi float [ 0.0, %entry ], [ %t1, %round ]
  %base = shl i32 %k, 5
  %at = zext i32 %base to i64
  %row = getelementptr float, ptr %in, i64 %at
  %p = getelementptr float, ptr %row, i64 %wide
  %v = load float, ptr %p
  %w = fmul float %v, 3.0
  %t1 = fadd float %t, %w
  %k1 = add i32 %k, 1
  %more = icmp ult i32 %k1, %n
  br i1 %more, label %round, label %after
after:
  %sum = phi float [ %t1, %round ]
  call void @__msl_threadgroup_barrier(i32 2)
  %o = getelementptr float, ptr %out, i64 %wide
  store float %sum, ptr %o
  ret void
}
