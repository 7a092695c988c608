; The block runs under the mask of its lanes, and not at all where there are none. Nobody branches on single lanes.
; RUN: lanes
; CHECK: [[LOW:%.*]] = icmp ult <32 x i32>
; CHECK: [[LANES:%.*]] = freeze <32 x i1> [[LOW]]
; CHECK: [[MASK:%.*]] = bitcast <32 x i1> [[LANES]] to i32
; CHECK: [[NONE:%.*]] = icmp eq i32 [[MASK]], 0
; CHECK-NEXT: br i1 [[NONE]], label %[[END:.*]], label %body.then
; CHECK: body.then:
; CHECK: call void @llvm.masked.store.v32i32{{.*}}<32 x i1> [[LANES]])
; CHECK: br label %[[END]]
; CHECK-NOT: extractelement
define void @kernel(ptr %in, ptr %out, ptr %limit) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %n = load i32, ptr %limit
  %low = icmp ult i32 %v, %n
  br i1 %low, label %then, label %end
then:
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %v, ptr %o
  br label %end
end:
  ret void
}
