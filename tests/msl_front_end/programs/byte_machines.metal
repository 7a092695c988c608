// Interpreters: a stack machine with a large switch, one instance a thread; an instruction set made by macros; bit-field instructions.
#include <metal_stdlib>
using namespace metal;

#define OPCODES(X) X(Halt, 0) X(Push, 1) X(Dup, 0) X(Swap, 0) X(Drop, 0) X(Over, 0) X(Add, 0) X(Sub, 0) X(Mul, 0) X(Div, 0) X(Mod, 0) X(Neg, 0) X(And, 0) X(Or, 0) X(Xor, 0) X(Not, 0) X(Shl, 0) X(Shr, 0) \
  X(Lt, 0) X(Eq, 0) X(Jump, 1) X(JumpIfZero, 1) X(Load, 1) X(Store, 1) X(Call, 1) X(Return, 0) X(Input, 1) X(Min, 0) X(Max, 0) X(PopCount, 0)
enum class Op : uchar {
#define X(name, operands) name,
  OPCODES(X)
#undef X
      Count
};
constant uchar kOperands[uint(Op::Count)] = {
#define X(name, operands) operands,
    OPCODES(X)
#undef X
};
enum Fault : int { kFine = 0, kOverflow = -1, kUnderflow = -2, kBadOpcode = -3, kTooLong = -4, kDivision = -5 };

template <short DEPTH> struct Machine {
  int stack[DEPTH], locals[4] = {}, top = 0;
  ushort calls[4], depth = 0;
  Fault fault = kFine;
  void push(int v) thread { if (top == DEPTH) fault = kOverflow; else stack[top++] = v; }
  int pop() thread { if (top == 0) { fault = kUnderflow; return 0; } return stack[--top]; }
};

template <short DEPTH>
kernel void run_code(device const short* code [[buffer(0)]], device const int2* inputs [[buffer(1)]], device int2* out [[buffer(2)]], constant uint& length [[buffer(3)]], uint i [[thread_position_in_grid]]) {
  Machine<DEPTH> m;
  ushort at = 0;
  int steps = 0;
#define BINARY(name, expression) case Op::name: { const int b = m.pop(), a = m.pop(); m.push(expression); break; }
  for (bool running = true; running && m.fault == kFine;) {
    if (++steps > 2000 || at >= length) { m.fault = kTooLong; break; }
    const short raw = code[at++];
    if (uint(raw) >= uint(Op::Count)) { m.fault = kBadOpcode; break; }
    const short operand = kOperands[raw] ? code[at++] : short(0);
    switch (static_cast<Op>(raw)) {
      case Op::Halt: running = false; break;
      case Op::Push: m.push(operand); break;
      case Op::Dup: { const int a = m.pop(); m.push(a), m.push(a); break; }
      case Op::Swap: { int b = m.pop(), a = m.pop(); m.push(b); m.push(a); } break;
      case Op::Drop: (void)m.pop(); break;
      case Op::Over: { const int b = m.pop(), a = m.pop(); m.push(a); m.push(b); m.push(a); break; }
      BINARY(Add, a + b)
      BINARY(Sub, a - b)
      BINARY(Mul, a * b)
      case Op::Div:
      case Op::Mod: {
        const int b = m.pop(), a = m.pop();
        if (b == 0) { m.fault = kDivision; continue; }
        m.push(Op(raw) == Op::Div ? a / b : a % b);
        break;
      }
      case Op::Neg: m.push(-m.pop()); break;
      BINARY(And, a & b)
      BINARY(Or, a | b)
      BINARY(Xor, a ^ b)
      case Op::Not: m.push(~m.pop()); break;
      BINARY(Shl, a << b)
      BINARY(Shr, a >> b)
      BINARY(Lt, a < b)
      BINARY(Eq, a == b)
      case Op::JumpIfZero: if (m.pop() != 0) break; [[fallthrough]];
      case Op::Jump: at = ushort(operand); break;
      case Op::Load: m.push(m.locals[operand & 3]); break;
      case Op::Store: m.locals[operand & 3] = m.pop(); break;
      case Op::Call: if (m.depth == 4) { m.fault = kOverflow; break; } m.calls[m.depth++] = at; at = ushort(operand); break;
      case Op::Return: if (m.depth == 0) running = false; else at = m.calls[--m.depth]; break;
      case Op::Input: m.push(inputs[i][operand]); break;
      BINARY(Min, min(a, b))
      BINARY(Max, max(a, b))
      case Op::PopCount: m.push(popcount(m.pop())); break;
      default: m.fault = kBadOpcode;
    }
  }
  out[i] = m.fault == kFine && m.top ? int2(m.pop(), steps) : int2(m.fault, -steps);
}
template [[host_name("run_code_16")]] kernel void run_code<16>(device const short*, device const int2*, device int2*, constant uint&, uint);
template [[host_name("run_code_4")]] kernel void run_code<4>(device const short*, device const int2*, device int2*, constant uint&, uint);

// Words of 32 bits: opcode, three registers, a signed constant.
union Word {
  uint bits;
  struct { uint op : 4; uint to : 3; uint a : 3; uint b : 3; int value : 19; };
};
static_assert(sizeof(Word) == 4, "");
kernel void run_words(device const uint* code [[buffer(0)]], device float* out [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  float r[8] = {float(i)};
  for (uint at = 0;; ++at) {
    const Word w = {code[at]};
    switch (w.op) {
      case 0: out[i] = r[w.a]; return;
      case 1: r[w.to] = float(w.value) / 16; continue;
      case 2: r[w.to] = r[w.a] + r[w.b]; continue;
      case 3: r[w.to] = r[w.a] * r[w.b]; continue;
      case 4: r[w.to] = fma(r[w.a], r[w.b], r[w.to]); continue;
      case 5 ... 6: r[w.to] = w.op & 1 ? min(r[w.a], r[w.b]) : max(r[w.a], r[w.b]); continue;
      case 7: if (r[w.a] < r[w.b]) at += w.value; continue;
      case 8: r[w.to] = precise::sqrt(abs(r[w.a])); continue;
    }
  }
}
