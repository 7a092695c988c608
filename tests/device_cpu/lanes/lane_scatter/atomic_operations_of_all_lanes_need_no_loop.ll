; Where all lanes are there each has an operation of its own, in the order of the lanes.
; RUN: lanes
; CHECK-NOT: @llvm.cttz
; CHECK: [[AT:%.*]] = extractelement <32 x ptr> %{{.*}}, i64 0
; CHECK: [[FIRST:%.*]] = atomicrmw add ptr [[AT]], i32 1 monotonic
; CHECK: insertelement <32 x i32> poison, i32 [[FIRST]], i64 0
; CHECK: [[AT:%.*]] = extractelement <32 x ptr> %{{.*}}, i64 31
; CHECK: [[LAST:%.*]] = atomicrmw add ptr [[AT]], i32 1 monotonic
; CHECK: insertelement <32 x i32> %{{.*}}, i32 [[LAST]], i64 31
; CHECK-NOT: atomicrmw
; CHECK: ret void
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %bin = zext i32 %v to i64
  %q = getelementptr i32, ptr %out, i64 %bin
  %before = atomicrmw add ptr %q, i32 1 monotonic
  store i32 %before, ptr %p
  ret void
}
