; No vector is made where lanes are a step apart from each other.
; RUN: lanes
; CHECK-NOT: extractelement
; CHECK: [[LANE:%.*]] = and i32 %{{.*}}, 31
; CHECK-NEXT: [[PLACE:%.*]] = add i32 [[LANE]], %{{.*}}
; CHECK-NEXT: mul i32 [[PLACE]], 3
; CHECK-NEXT: store i32
define void @kernel(ptr %out, ptr %limit) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %n = load i32, ptr %limit
  %three = mul i32 %x, 3
  %b = call i32 @__msl_simd_shuffle(i32 %three, i32 %n)
  store i32 %b, ptr %out
  ret void
}
