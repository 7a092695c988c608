; RUN: obstacle
; CHECK: obstacle: it has a vector of pointers
define void @kernel(ptr %in, ptr %out) {
  %v = load <2 x i64>, ptr %in
  %p = getelementptr i32, ptr %out, <2 x i64> %v
  %q = extractelement <2 x ptr> %p, i32 1
  store i32 1, ptr %q
  ret void
}
