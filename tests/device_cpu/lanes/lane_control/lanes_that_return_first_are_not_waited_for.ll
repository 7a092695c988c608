; RUN: lanes
; CHECK: [[LOW:%.*]] = icmp ult <32 x i32>
; CHECK: [[LANES:%.*]] = freeze <32 x i1> [[LOW]]
; CHECK: [[MASK:%.*]] = bitcast <32 x i1> [[LANES]] to i32
; CHECK: body.work:
; CHECK-NEXT: store i32 -2147483648, ptr
; CHECK: store i32 -1, ptr
define void @kernel(ptr %in, ptr %out, ptr %limit) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %n = load i32, ptr %limit
  %low = icmp ult i32 %v, %n
  br i1 %low, label %work, label %end
work:
  call void @__msl_threadgroup_barrier(i32 2)
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %v, ptr %o
  br label %end
end:
  ret void
}
