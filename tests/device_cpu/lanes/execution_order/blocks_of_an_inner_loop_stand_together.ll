; RUN: order
; CHECK: outer
; CHECK: {{^}}inner
; CHECK-NEXT: {{^}}work
; CHECK-NEXT: {{^}}next
; CHECK-NEXT: {{^}}latch
; CHECK: end
define void @kernel(ptr %in, ptr %out) {
entry:
  br label %outer
outer:
  %i = phi i32 [ 0, %entry ], [ %i1, %latch ]
  br label %inner
inner:
  %k = phi i32 [ 0, %outer ], [ %k1, %next ]
  %v = load volatile i32, ptr %in
  %odd = trunc i32 %v to i1
  br i1 %odd, label %work, label %next
work:
  store volatile i32 %k, ptr %out
  br label %next
next:
  %k1 = add i32 %k, 1
  %w = load volatile i32, ptr %in
  %more = icmp ult i32 %k1, %w
  br i1 %more, label %inner, label %latch
latch:
  store volatile i32 %i, ptr %out
  %i1 = add i32 %i, 1
  %again = icmp ult i32 %i1, %v
  br i1 %again, label %outer, label %end
end:
  ret void
}
