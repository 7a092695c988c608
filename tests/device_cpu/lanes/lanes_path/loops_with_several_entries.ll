; RUN: obstacle
; CHECK: obstacle: its loops have several entries
define void @kernel(ptr %in, ptr %out) {
entry:
  %v = load i32, ptr %in
  %odd = trunc i32 %v to i1
  br i1 %odd, label %a, label %b
a:
  store volatile i32 1, ptr %out
  br label %b
b:
  %w = load volatile i32, ptr %in
  %more = icmp ult i32 %w, 9
  br i1 %more, label %a, label %end
end:
  ret void
}
