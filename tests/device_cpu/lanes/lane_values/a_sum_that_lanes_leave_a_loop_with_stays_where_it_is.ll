; The loop keeps one vector of sums: lanes that have left it have their last value there.
; RUN: lanes
; CHECK: [[SUM:%.*]] = phi <32 x i32> [ zeroinitializer,
; CHECK-NOT: phi <32 x i32>
; CHECK: add <32 x i32> [[SUM]],
; CHECK: select <32 x i1> {{.*}}, <32 x i32> %{{.*}}, <32 x i32> [[SUM]]
; CHECK-NOT: select <32 x i1>
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  br label %loop
loop:
  %sum = phi i32 [ 0, %entry ], [ %more, %loop ]
  %more = add i32 %sum, %v
  %enough = icmp ugt i32 %more, 100
  br i1 %enough, label %after, label %loop
after:
  %last = phi i32 [ %more, %loop ]
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %last, ptr %o
  ret void
}
