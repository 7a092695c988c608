; RUN: obstacle
; CHECK: obstacle: it loads single bits
define void @kernel(ptr %in, ptr %out) {
  %bit = load volatile i1, ptr %in
  %word = zext i1 %bit to i32
  store i32 %word, ptr %out
  ret void
}
