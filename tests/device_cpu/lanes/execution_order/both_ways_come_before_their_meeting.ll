; RUN: order
; CHECK: entry
; CHECK-NEXT: {{then|else}}
; CHECK-NEXT: {{then|else}}
; CHECK-NEXT: meet
define void @kernel(ptr %out, ptr %limit) {
entry:
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %n = load i32, ptr %limit
  %low = icmp ult i32 %i, %n
  br i1 %low, label %then, label %else
meet:
  store volatile i32 3, ptr %out
  ret void
else:
  store volatile i32 2, ptr %out
  br label %meet
then:
  store volatile i32 1, ptr %out
  br label %meet
}
