; What no round was asked for is asked behind the whole rounds; ends that are signed leave room in the same way.
; RUN: lanes
; CHECK: [[END:%.*]] = call i32 @llvm.sadd.sat.i32(i32 %{{.*}}, i32 -62)
; CHECK: icmp sgt i32 [[END]], 0
; CHECK: icmp slt i32 %{{.*}}, [[END]]
; CHECK: body.rounds.rest:
; CHECK: icmp slt <32 x i32>
define void @kernel(ptr %in, ptr %out, ptr %size) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %lane = call i32 @__msl_thread_index_in_simdgroup()
  %n = load i32, ptr %size
  %first = shl i32 %lane, 1
  br label %round
round:
  %k = phi i32 [ %first, %entry ], [ %k1, %round ]
  %t = phi i32 [ 1, %entry ], [ %t1, %round ]
  %t1 = mul i32 %t, %k
  %k1 = add i32 %k, 64
  %more = icmp sgt i32 %n, %k1
  br i1 %more, label %round, label %after
after:
  %r = phi i32 [ %t1, %round ]
  %wide = zext i32 %x to i64
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %r, ptr %o
  ret void
}
