; As long as the last lane's counter is below the end nothing is masked; lanes that are left go on by themselves.
; RUN: lanes
; CHECK: [[END:%.*]] = call i32 @llvm.usub.sat.i32(i32 %{{.*}}, i32 31)
; CHECK: body.round.whole:
; CHECK: load <32 x float>
; CHECK-NEXT: fadd <32 x float>
; CHECK-NEXT: [[NEXT:%.*]] = add i32 %{{.*}}, 32
; CHECK-NEXT: [[MORE:%.*]] = icmp ult i32 [[NEXT]], [[END]]
; CHECK-NEXT: br i1 [[MORE]], label %body.round.whole, label %body.rounds.rest
; CHECK: body.rounds.rest:
; CHECK: icmp ult <32 x i32>
; CHECK: call <32 x i32> @llvm.masked.load
define void @kernel(ptr %in, ptr %out, ptr %size) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %lane = call i32 @__msl_thread_index_in_simdgroup()
  %n = load i32, ptr %size
  %any = icmp ult i32 %lane, %n
  br i1 %any, label %begin, label %after
begin:
  br label %round
round:
  %k = phi i32 [ %lane, %begin ], [ %k1, %round ]
  %t = phi float [ 0.0, %begin ], [ %t1, %round ]
  %at = zext i32 %k to i64
  %p = getelementptr float, ptr %in, i64 %at
  %v = load float, ptr %p
  %t1 = fadd float %t, %v
  %k1 = add i32 %k, 32
  %more = icmp ult i32 %k1, %n
  br i1 %more, label %round, label %leave
leave:
  %sum = phi float [ %t1, %round ]
  br label %after
after:
  %r = phi float [ 0.0, %entry ], [ %sum, %leave ]
  %wide = zext i32 %x to i64
  %o = getelementptr float, ptr %out, i64 %wide
  store float %r, ptr %o
  ret void
}
