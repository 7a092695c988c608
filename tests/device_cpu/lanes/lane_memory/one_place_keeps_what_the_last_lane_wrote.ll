; RUN: lanes
; CHECK: load <32 x i32>
; CHECK: [[LAST:%.*]] = extractelement <32 x i32> {{.*}}, i64 31
; CHECK-NEXT: store i32 [[LAST]], ptr %out
; CHECK: body.then:
; CHECK: [[ZEROS:%.*]] = call {{.*}}@llvm.ctlz.i32(i32
; CHECK-NEXT: [[LANE:%.*]] = {{sub|xor}} {{.*}}[[ZEROS]]
; CHECK: extractelement <32 x i32> {{.*}}, i32 [[LANE]]
; CHECK: store i32 %
; CHECK-NOT: store <32
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  store i32 %v, ptr %out
  %low = icmp ult i32 %v, 100
  br i1 %low, label %then, label %end
then:
  %t = mul i32 %v, 3
  %o = getelementptr i32, ptr %out, i64 1
  store i32 %t, ptr %o
  br label %end
end:
  ret void
}
