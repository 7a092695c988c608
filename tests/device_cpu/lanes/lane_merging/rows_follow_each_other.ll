; Threads of three rows: indices are a row apart, columns are the same.
; RUN: merged/16y3
; CHECK: [[Y1:%.*]] = add nuw nsw i32 [[Y:%.*]], 1
; CHECK: [[ROW:%.*]] = mul nuw nsw i32 [[COLUMNS:%.*]], 1
; CHECK: [[I1:%.*]] = add nuw nsw i32 [[I:%.*]], [[ROW]]
; CHECK: [[Y2:%.*]] = add nuw nsw i32 [[Y]], 2
; CHECK: [[ROWS:%.*]] = mul nuw nsw i32 [[COLUMNS]], 2
; CHECK: [[I2:%.*]] = add nuw nsw i32 [[I]], [[ROWS]]
; CHECK: %column = load i32
; CHECK-NOT: load i32
; CHECK: %sum = add i32 %column, [[Y]]
; CHECK-NEXT: [[SUM1:%.*]] = add i32 %column, [[Y1]]
; CHECK-NEXT: [[SUM2:%.*]] = add i32 %column, [[Y2]]
; CHECK: store i32 %sum
; CHECK-NEXT: store i32 [[SUM1]]
; CHECK-NEXT: store i32 [[SUM2]]
define void @kernel(ptr %in, ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %y = call i32 @__msl_thread_position_in_threadgroup(i32 1)
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %p = getelementptr i32, ptr %in, i32 %x
  %column = load i32, ptr %p
  call void @__msl_threadgroup_barrier(i32 2)
  %sum = add i32 %column, %y
  %o = getelementptr i32, ptr %out, i32 %i
  store i32 %sum, ptr %o
  ret void
}
