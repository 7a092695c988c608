; Rounds are counted once for all lanes; the loop ends when its mask is empty.
; RUN: lanes
; CHECK: [[HERE:%.*]] = phi i32 [ -1, %entry ], [ [[STAY:%.*]], %body.round ]
; CHECK: [[K:%.*]] = add i32 %{{.*}}, 1
; CHECK: [[MORE:%.*]] = icmp ult <32 x i32>
; CHECK: [[STAY]] = and i32 [[HERE]],
; CHECK: [[LEAVE:%.*]] = and i32 [[HERE]],
; CHECK: [[LEAVING:%.*]] = bitcast i32 [[LEAVE]] to <32 x i1>
; CHECK-NEXT: [[LAST:%.*]] = select <32 x i1> [[LEAVING]], <32 x i32>
; CHECK: [[GONE:%.*]] = icmp eq i32 [[STAY]], 0
; CHECK-NEXT: br i1 [[GONE]], label %leave, label %body.round
; CHECK: body.after:
; CHECK: store <32 x i32> [[LAST]], ptr
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  br label %round
round:
  %k = phi i32 [ 0, %entry ], [ %k1, %round ]
  %t = phi i32 [ 1, %entry ], [ %t1, %round ]
  %t1 = mul i32 %t, 3
  %k1 = add i32 %k, 1
  %more = icmp ult i32 %k1, %v
  br i1 %more, label %round, label %after
after:
  %r = phi i32 [ %t1, %round ]
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %r, ptr %o
  ret void
}
