; The site is the barrier's where all lanes that may still reach one are here, and else says so.
; RUN: lanes
; CHECK: [[MASK:%.*]] = bitcast <32 x i1> {{.*}} to i32
; CHECK: body.then:
; CHECK-NEXT: [[ALL:%.*]] = icmp eq i32 [[MASK]], -1
; CHECK-NEXT: [[SITE:%.*]] = select i1 [[ALL]], i32 -2147483648, i32 -2
; CHECK-NEXT: store i32 [[SITE]], ptr
; CHECK: body.meet:
; CHECK: store i32 -2147483647, ptr
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %odd = icmp ugt i32 %v, 7
  br i1 %odd, label %then, label %meet
then:
  call void @__msl_threadgroup_barrier(i32 2)
  br label %meet
meet:
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %v, ptr %o
  call void @__msl_threadgroup_barrier(i32 2)
  store i32 9, ptr %out
  ret void
}
