; The word is aligned, so that it lies in the element's page.
; RUN: lanes
; CHECK: call <32 x i16> @lanes.gather.near.2(ptr %{{.*}}, <32 x i32> %{{.*}}, i32 -1)
; CHECK: call <32 x i16> @lanes.gather.narrow.2(<32 x ptr> %{{.*}}, i32 -1)
; CHECK: call void @lanes.scatter.2(
; CHECK: define internal <32 x i16> @lanes.gather.near.2(
; CHECK: [[AT:%.*]] = add <32 x i32> %1, %
; CHECK: [[WITHIN:%.*]] = and <32 x i32> [[AT]], <i32 3,
; CHECK: sub <32 x i32> %1, [[WITHIN]]
; CHECK: masked.gather.v32i32.v32p0(<32 x ptr> %{{.*}}, i32 4,
; CHECK: lshr <32 x i32>
; CHECK: trunc <32 x i32> %{{.*}} to <32 x i16>
; CHECK: define internal <32 x i16> @lanes.gather.narrow.2(
; CHECK: [[AT:%.*]] = ptrtoint <32 x ptr> %0 to <32 x i64>
; CHECK: and <32 x i64> [[AT]], <i64 3,
; CHECK: masked.gather.v32i32.v32p0(<32 x ptr> %{{.*}}, i32 4,
; CHECK: lshr <32 x i32>
; CHECK: trunc <32 x i32> %{{.*}} to <32 x i16>
define void @kernel(ptr %in, ptr %out, ptr %others) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %three = mul i64 %wide, 3
  %p = getelementptr half, ptr %in, i64 %three
  %v = load half, ptr %p, align 2
  %other = load ptr, ptr %others
  %q = getelementptr half, ptr %other, i64 %three
  %w = load half, ptr %q, align 2
  %sum = fadd half %v, %w
  %o = getelementptr half, ptr %out, i64 %three
  store half %sum, ptr %o, align 2
  ret void
}
