; RUN: lanes
; CHECK: [[N:%.*]] = load i32, ptr %limit
; CHECK: [[LARGE:%.*]] = icmp ugt i32 [[N]], 9
; CHECK-NEXT: br i1 [[LARGE]], label
; CHECK: way:
; CHECK: store <32 x i32>
; CHECK-NOT: masked
; CHECK-NOT: select
define void @kernel(ptr %in, ptr %out, ptr %limit) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %o = getelementptr i32, ptr %out, i64 %wide
  %v = load i32, ptr %p
  %n = load i32, ptr %limit
  %large = icmp ugt i32 %n, 9
  br i1 %large, label %then, label %else
then:
  store i32 %v, ptr %o
  ret void
else:
  ret void
}
