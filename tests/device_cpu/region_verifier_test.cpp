// Vector code broken on purpose, and shapes that say too much: the verifiers must see it, and the kernel must still
// run.

#include "device/cpu/region_verifier.hpp"

#include <gmock/gmock.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <anymetal/log.hpp>

#include "device/cpu/kernel_compiler.hpp"
#include "device/cpu/shape_verifier.hpp"
#include "prepared_thread.hpp"

namespace anymetal::test {
namespace {

using testing::HasSubstr;

/// Both ways of a branch, a barrier, a loop that lanes leave one by one, a branch that all take.
constexpr const char* kKernel = R"(
@shared = internal global [1024 x i32] undef, section "msl.threadgroup", align 16
define void @kernel(ptr %in, ptr %out, ptr %limit) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %n = load i32, ptr %limit
  %low = icmp ult i32 %v, %n
  br i1 %low, label %then, label %else
then:
  %a = mul i32 %v, 3
  store i32 %a, ptr %p
  br label %meet
else:
  %b = udiv i32 1000, %v
  %sum = call i32 @__msl_simd_sum_u32(i32 %b)
  br label %meet
meet:
  %r = phi i32 [ %a, %then ], [ %sum, %else ]
  %s = getelementptr [1024 x i32], ptr @shared, i64 0, i64 %wide
  store i32 %r, ptr %s
  call void @__msl_threadgroup_barrier(i32 2)
  %w = load i32, ptr %s
  br label %loop
loop:
  %k = phi i32 [ 0, %meet ], [ %k1, %loop ]
  %k1 = add i32 %k, 1
  %more = icmp ult i32 %k1, %w
  br i1 %more, label %loop, label %after
after:
  %last = phi i32 [ %k1, %loop ]
  %large = icmp ugt i32 %n, 50
  br i1 %large, label %write, label %end
write:
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %last, ptr %o
  br label %end
end:
  ret void
})";

/// A sum that each lane leaves a loop with when it has enough.
constexpr const char* kSums = R"(
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  br label %loop
loop:
  %sum = phi i32 [ 0, %entry ], [ %more, %loop ]
  %more = add i32 %sum, %v
  %enough = icmp ugt i32 %more, 100
  br i1 %enough, label %after, label %loop
after:
  %last = phi i32 [ %more, %loop ]
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %last, ptr %o
  ret void
})";

/// Lanes that are apart part again at an element of a vector.
constexpr const char* kElement = R"(
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr <2 x i32>, ptr %in, i64 %wide
  %o = getelementptr i32, ptr %out, i64 %wide
  call void @__msl_threadgroup_barrier(i32 2)
  %v = load <2 x i32>, ptr %p
  %first = extractelement <2 x i32> %v, i64 0
  %low = icmp ult i32 %first, 9
  br i1 %low, label %then, label %end
then:
  %w = load <2 x i32>, ptr %o
  %less = icmp ult <2 x i32> %w, %v
  %turned = shufflevector <2 x i1> %less, <2 x i1> poison, <2 x i32> <i32 1, i32 0>
  %second = extractelement <2 x i1> %turned, i64 0
  br i1 %second, label %write, label %end
write:
  store i32 %x, ptr %o
  br label %end
end:
  ret void
})";

/// Every lane takes a number.
constexpr const char* kTally = R"(
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %number = atomicrmw add ptr %in, i32 1 monotonic
  %p = getelementptr i32, ptr %out, i64 %wide
  store i32 %number, ptr %p
  ret void
}
)";

/// A barrier that some lanes may miss.
constexpr const char* kPartialBarrier = R"(
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %x to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %low = icmp ult i32 %v, 7
  br i1 %low, label %then, label %end
then:
  call void @__msl_threadgroup_barrier(i32 2)
  store i32 %v, ptr %p
  br label %end
end:
  ret void
})";

llvm::BasicBlock* block(llvm::Function& made, llvm::StringRef name) {
  for (auto& found : made)
    if (found.getName() == name) return &found;
  ADD_FAILURE() << "no block " << name.str();
  return nullptr;
}

template <class T>
T* first(llvm::BasicBlock* in) {
  for (auto& instruction : *in)
    if (auto* found = llvm::dyn_cast<T>(&instruction)) return found;
  ADD_FAILURE() << "no such instruction in " << in->getName().str();
  return nullptr;
}

llvm::IntrinsicInst* call(llvm::Function& made, llvm::Intrinsic::ID id) {
  for (auto& instruction : llvm::instructions(made))
    if (auto* found = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction); found && found->getIntrinsicID() == id)
      return found;
  ADD_FAILURE() << "no such call";
  return nullptr;
}

/// The last store to a slot whose name begins so.
llvm::StoreInst* store_of(llvm::BasicBlock* in, llvm::StringRef slot) {
  for (auto& instruction : llvm::reverse(*in))
    if (auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction))
      if (store->getPointerOperand()->getName().starts_with(slot)) return store;
  ADD_FAILURE() << "no store of " << slot.str();
  return nullptr;
}

/// Stores that keep what other lanes have lose it.
void overwrite(llvm::BasicBlock& in) {
  for (auto& instruction : in)
    if (auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction))
      if (auto* chosen = llvm::dyn_cast<llvm::SelectInst>(store->getValueOperand()))
        store->setOperand(0, chosen->getTrueValue());
}

using Break = std::function<void(llvm::Function&)>;

std::string violation(const char* ir, const Break& change) {
  const auto prepared = prepare_as_written(ir, device::cpu::host_target());
  const auto code =
      device::cpu::emit_lanes_path(prepared.thread, "k", prepared.generator, {.verify = true, .emitted = change});
  EXPECT_TRUE(code) << code.error().message();
  EXPECT_EQ(code->broken, !code->obstacle.empty());
  return code->obstacle;
}

struct Broken {
  const char* what;
  const char* message;
  Break change;
  const char* ir = kKernel;
};

const std::vector<Broken>& broken() {
  static const std::vector<Broken> cases{
      {"a barrier left out", "happens 0 times",
       [](auto& made) {
         auto* wait = call(made, llvm::Intrinsic::coro_suspend);
         auto* branch = llvm::cast<llvm::SwitchInst>(wait->getParent()->getTerminator());
         auto* jump = llvm::BranchInst::Create(branch->getSuccessor(1), branch->getIterator());
         jump->copyMetadata(*branch);
         branch->eraseFromParent();
         wait->eraseFromParent();
       }},
      {"a barrier twice", "happens 2 times",
       [](auto& made) {
         auto* wait = call(made, llvm::Intrinsic::coro_suspend);
         wait->clone()->insertBefore(wait);
       }},
      {"a store behind the barrier before it", "is not where block",
       [](auto& made) {
         auto* wait = call(made, llvm::Intrinsic::coro_suspend);
         auto* load = first<llvm::LoadInst>(block(made, "resumed"));
         load->moveBefore(wait);
       }},
      {"a store in the block of the other lanes", "stands among instructions of another block",
       [](auto& made) {
         call(made, llvm::Intrinsic::masked_store)->moveBefore(block(made, "body.else")->getTerminator());
       }},
      {"a store for all lanes", "is done for lanes that are not in block",
       [](auto& made) {
         auto* store = call(made, llvm::Intrinsic::masked_store);
         store->setArgOperand(3, llvm::Constant::getAllOnesValue(store->getArgOperand(3)->getType()));
       }},
      {"a sum over all lanes", "is done for lanes that are not in block",
       [](auto& made) {
         auto* sum = call(made, llvm::Intrinsic::vector_reduce_add);
         sum->setArgOperand(0, llvm::cast<llvm::SelectInst>(sum->getArgOperand(0))->getTrueValue());
       }},
      {"a division for all lanes", "divides for lanes that are not in block",
       [](auto& made) {
         for (auto& instruction : llvm::instructions(made))
           if (instruction.getOpcode() == llvm::Instruction::UDiv)
             instruction.setOperand(1, llvm::cast<llvm::SelectInst>(instruction.getOperand(1))->getTrueValue());
       }},
      {"lanes sent the other way", "hands on the wrong lanes",
       [](auto& made) {
         auto* then = store_of(block(made, "body.entry"), "mask");
         auto* merged = llvm::cast<llvm::Instruction>(then->getValueOperand());
         auto* going = llvm::cast<llvm::Instruction>(merged->getOperand(1));
         auto* turned = llvm::BinaryOperator::CreateNot(going->getOperand(1), "", going->getIterator());
         turned->copyMetadata(*going);
         going->setOperand(1, turned);
       }},
      {"lanes dropped", "hands on the wrong lanes",
       [](auto& made) { store_of(block(made, "body.then"), "mask")->eraseFromParent(); }},
      {"lanes sent nowhere", "hands on no lanes",
       [](auto& made) {
         auto* store = store_of(block(made, "body.then"), "mask");
         auto* merged = llvm::cast<llvm::Instruction>(store->getValueOperand());
         auto* before = llvm::cast<llvm::Instruction>(merged->getOperand(0));
         for (llvm::Instruction* gone : {static_cast<llvm::Instruction*>(store), merged, before})
           gone->eraseFromParent();
       }},
      {"a way past a block that lanes wait for", "are forgotten",
       [](auto& made) {
         auto* leave = llvm::cast<llvm::BranchInst>(block(made, "body.entry")->getTerminator());
         leave->setSuccessor(0, block(made, "check.meet"));
       }},
      {"a block entered by nobody's leave", "is entered without a look at its lanes",
       [](auto& made) {
         auto* check = llvm::cast<llvm::BranchInst>(block(made, "check.then")->getTerminator());
         llvm::BranchInst::Create(check->getSuccessor(0), check->getIterator());
         check->eraseFromParent();
       }},
      {"lanes that wait for a block they are in", "still wait for it",
       [](auto& made) { first<llvm::StoreInst>(block(made, "body.then"))->eraseFromParent(); }},
      {"a loop left by all when one leaves", "are passed by",
       [](auto& made) {
         auto* again = llvm::cast<llvm::BranchInst>(block(made, "after.loop")->getTerminator());
         llvm::BranchInst::Create(again->getSuccessor(1), again->getIterator());
         again->eraseFromParent();
       }},
      {"a value that was not kept", "is taken from where nothing puts it",
       [](auto& made) {
         for (auto& instruction : *block(made, "body.entry"))
           if (auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction))
             if (store->getValueOperand()->getType()->isVectorTy()) return store->eraseFromParent(), void();
       }},
      {"a value of a block that may not have run", "takes a value of another block",
       [](auto& made) {
         auto* tripled = first<llvm::BinaryOperator>(block(made, "body.then"));
         tripled->setOperand(0, first<llvm::FreezeInst>(block(made, "body.entry"))->getOperand(0));
       }},
      {"what some lanes brought overwritten", "of lanes that wait there",
       [](auto& made) {
         for (auto name : {"body.then", "body.else"}) overwrite(*block(made, name));
       }},
      {"a phi that one way gives nothing", "does not give",
       [](auto& made) {
         auto* way = block(made, "body.else");
         for (auto& instruction : llvm::make_early_inc_range(llvm::reverse(*way)))
           if (auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
               store && store->getValueOperand()->getType()->isVectorTy() &&
               llvm::isa<llvm::AllocaInst>(store->getPointerOperand()))
             return store->eraseFromParent(), void();
       }},
      {"a sum that goes on for lanes that have left", "of lanes that have left",
       [](auto& made) { overwrite(*block(made, "body.loop")); }, kSums},
      {"a branch turned round", "does not go on to",
       [](auto& made) { llvm::cast<llvm::BranchInst>(block(made, "body.after")->getTerminator())->swapSuccessors(); }},
      {"a branch on something else", "branches on something else",
       [](auto& made) {
         auto* branch = llvm::cast<llvm::BranchInst>(block(made, "body.after")->getTerminator());
         branch->setCondition(llvm::ConstantInt::getTrue(made.getContext()));
       }},
      {"a store of nobody's", "belongs to no block of the thread",
       [](auto& made) {
         auto* word = llvm::Type::getInt32Ty(made.getContext());
         new llvm::StoreInst(llvm::ConstantInt::get(word, 1), made.getArg(1), block(made, "end")->begin());
       }},
      {"a barrier taken for one of all lanes", "does not ask for lanes elsewhere",
       [](auto& made) { overwrite(*block(made, "body.then")); }, kPartialBarrier},
      {"lanes still expected at a barrier", "miscounts who may reach a barrier",
       [](auto& made) { store_of(block(made, "body.entry"), "live")->eraseFromParent(); }, kPartialBarrier},
      {"a lane without its atomic operation", "happens 31 times",
       [](auto& made) {
         for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(made)))
           if (instruction.isAtomic()) {
             instruction.replaceAllUsesWith(llvm::PoisonValue::get(instruction.getType()));
             return instruction.eraseFromParent(), void();
           }
       },
       kTally},
  };
  return cases;
}

TEST(RegionVerifier, TakesWhatIsRight) {
  EXPECT_EQ(violation(kSums, {}), "");
  EXPECT_EQ(violation(kKernel, {}), "");
  EXPECT_EQ(violation(kPartialBarrier, {}), "");
  EXPECT_EQ(violation(kElement, {}), "");
  EXPECT_EQ(violation(kTally, {}), "");
}

TEST(RegionVerifier, SeesWhatIsBroken) {
  for (const auto& wrong : broken())
    EXPECT_THAT(violation(wrong.ir, wrong.change), HasSubstr(wrong.message)) << wrong.what;
}

TEST(RegionVerifier, TheKernelRunsAsCoroutinesThenAndAWarningSaysSo) {
  std::vector<std::string> warnings;
  set_log_callback([&](Severity, std::string_view text) { warnings.emplace_back(text); });
  const device::cpu::Paths paths{.vectors = {.verify = true, .emitted = broken().front().change}};
  const auto artifact = device::cpu::compile_kernel(parse_kernel(kKernel), "k", paths);
  set_log_callback({});
  ASSERT_TRUE(artifact) << artifact.error().message();
  EXPECT_EQ(artifact->execution_path, "coroutines");
  EXPECT_THAT(artifact->path_reason, HasSubstr("internal error"));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings.front(), HasSubstr("kernel 'k' runs as coroutines"));
  EXPECT_TRUE(cpu_device()->load(*artifact, "k"));
}

/// What the shapes say of a kernel after it has been changed behind their back.
std::string shape_problem(const Break& change) {
  constexpr const char* kShapes = R"(
define void @kernel(ptr %in, ptr %out) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %n = load i32, ptr %in
  %m = load i32, ptr %out
  %third = mul i32 %x, 3
  %next = add i32 %x, 1
  %large = icmp ugt i32 %n, 50
  %low = icmp ult i32 %x, 7
  br i1 %large, label %then, label %meet
then:
  store i32 %m, ptr %in
  br label %meet
meet:
  %one = phi i32 [ %x, %entry ], [ %next, %then ]
  %two = phi i32 [ %m, %entry ], [ %n, %then ]
  store i32 %one, ptr %in
  store i32 %two, ptr %out
  store i32 %third, ptr %out
  br i1 %low, label %end, label %end
end:
  ret void
})";
  const auto prepared = prepare_as_written(kShapes, device::cpu::host_target());
  auto& function = *prepared.thread.function;
  const device::cpu::ThreadFlow flow(function);
  const device::cpu::LaneShapes shapes(prepared.thread, flow);
  if (change) change(function);
  return device::cpu::shape_violation(prepared.thread, flow, shapes);
}

llvm::Instruction* named(llvm::Function& function, llvm::StringRef name) {
  for (auto& instruction : llvm::instructions(function))
    if (instruction.getName() == name) return &instruction;
  ADD_FAILURE() << "no value " << name.str();
  return nullptr;
}

TEST(ShapeVerifier, SeesWhatIsSaidTooMuch) {
  EXPECT_EQ(shape_problem({}), "");
  EXPECT_THAT(shape_problem([](auto& thread) {
                auto* load = named(thread, "n");
                auto* wide = new llvm::ZExtInst(named(thread, "third")->getOperand(0),
                                                llvm::Type::getInt64Ty(thread.getContext()), "", load->getIterator());
                load->setOperand(0, llvm::GetElementPtrInst::Create(load->getType(), load->getOperand(0), {wide}, "",
                                                                    load->getIterator()));
              }),
              HasSubstr("lanes have different values"));
  EXPECT_THAT(shape_problem([](auto& thread) {
                named(thread, "third")->setOperand(1, llvm::ConstantInt::get(named(thread, "third")->getType(), 5));
              }),
              HasSubstr("is not 3 away from lane 0"));
  EXPECT_THAT(shape_problem([](auto& thread) { named(thread, "one")->setOperand(0, named(thread, "third")); }),
              HasSubstr("lanes do not bring values 1 apart"));
  const auto part = [](llvm::Function& thread) {
    llvm::cast<llvm::BranchInst>(thread.getEntryBlock().getTerminator())->setCondition(named(thread, "low"));
  };
  EXPECT_THAT(shape_problem(part), HasSubstr("lanes that took different ways meet in"));
  EXPECT_THAT(shape_problem([&](auto& thread) {
                part(thread);
                for (auto* phi : {named(thread, "one"), named(thread, "two")}) {
                  phi->replaceAllUsesWith(llvm::ConstantInt::get(phi->getType(), 1));
                  phi->eraseFromParent();
                }
              }),
              HasSubstr("which is taken for one of all lanes"));
}

}  // namespace
}  // namespace anymetal::test
