; Where lanes that parted meet, what they bring differs; where all took one way, it does not. Between, only some are there.
; RUN: shapes
; CHECK: entry:{{$}}
; CHECK: {{^}}else: partial
; CHECK: {{^}}then: partial
; CHECK: {{^}}meet:{{$}}
; CHECK-NEXT: brought: divergent
; CHECK: {{^}}right:{{$}}
; CHECK: {{^}}left:{{$}}
; CHECK: {{^}}end:{{$}}
; CHECK-NEXT: shared: uniform
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %n = load volatile i32, ptr %in
  %low = icmp ult i32 %x, %n
  br i1 %low, label %then, label %else
then:
  store volatile i32 1, ptr %out
  br label %meet
else:
  store volatile i32 2, ptr %out
  br label %meet
meet:
  %brought = phi i32 [ 5, %then ], [ %n, %else ]
  store volatile i32 %brought, ptr %out
  %large = icmp ugt i32 %n, 9
  br i1 %large, label %left, label %right
left:
  store volatile i32 3, ptr %out
  br label %end
right:
  store volatile i32 4, ptr %out
  br label %end
end:
  %shared = phi i32 [ 5, %left ], [ %n, %right ]
  store volatile i32 %shared, ptr %out
  ret void
}
