#pragma once
/// \file
/// Random kernels in MSL that know what they must compute.

#include <anymetal/anymetal.hpp>
#include <random>
#include <string>

#include "machine.hpp"

namespace anymetal::test {

/// Writes a kernel and what each of its statements does to numbers on the host, side by side. Every variable has a type
/// of its own: all scalars and vectors, structs, arrays; control flow, memory of the device and of the threadgroup,
/// atomic and simdgroup operations. Nothing that it does is undefined, and no thread depends on the order of others.
class EvaluatedKernel {
 public:
  static constexpr unsigned kInBytes = 1024;
  static constexpr unsigned kReals = 256;    ///< in `reals`: floats, then as many halves, then bfloats
  static constexpr unsigned kOwnBytes = 64;  ///< of `own`, for each thread
  static constexpr unsigned kResults = 112;  ///< ulongs of `out`, for each thread
  static constexpr unsigned kPlaces = 512;   ///< threads of a dispatch at most
  static constexpr unsigned kRows = 8;       ///< of 16 * kPlaces bytes each, in `rows`
  static constexpr unsigned kCounts = 32;

  /// Where threads may act together.
  enum class Meetings : std::uint8_t {
    Grid,     ///< nowhere, and they know of their place nothing but x in the grid
    None,     ///< nowhere
    Uniform,  ///< where all threads of the threadgroup are
    Any       ///< simdgroup operations in branches too
  };
  EvaluatedKernel(unsigned seed, Meetings meetings);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::vector<FunctionConstant>& constants() const { return constants_; }
  /// What a dispatch makes of the memory.
  void run(Memory& memory, Size threads, Size group) const;

 private:
  struct Expression {
    Type type;
    std::string text;
    Evaluate value;
  };
  struct Variable {
    Type type;
    std::string text;
    unsigned slot = 0;
    bool is_writable = true;
  };
  struct Array {
    Type type;
    std::string name;
    unsigned slot = 0, count = 0;
  };

  unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }
  bool chance(unsigned of) { return pick(of) == 0; }
  Type some_type(bool vectors = true);
  Scalar some_integer();

  // Expressions.
  Expression value(Type type, unsigned depth = 2);
  Expression scalar_index(unsigned count, unsigned depth = 1);
  Expression condition(unsigned depth = 1);
  Expression shared_condition();
  Expression literal(Type type);
  Expression variable_of(Type type);
  Expression converted(const Expression& from, Type to);
  Expression arithmetic(Type type, unsigned depth);
  Expression mixed(Type type, unsigned depth);
  Expression function(Type type, unsigned depth);
  Expression loaded(Type type, unsigned depth);
  Expression composed(Type type, unsigned depth);
  Expression truth(Type type, unsigned depth);
  Expression reinterpreted(Type type, unsigned depth);
  Expression instance(Type type, unsigned depth);
  Expression call(const std::string& text, const std::string& name, Type type, std::vector<Expression> arguments);
  /// Finite, of moderate size, and zero has no sign: what variables hold.
  Expression tame(Expression number);
  Expression tame_value(Type type, unsigned depth = 2) { return tame(value(type, depth)); }

  // Statements.
  void line(const std::string& text) { body_ += std::string(2 * indent_, ' ') + text + "\n"; }
  void does(Execute statement) { block_->add(std::move(statement)); }
  void statements(unsigned depth, unsigned count);
  void statement(unsigned depth);
  BlockPtr nested(unsigned depth, unsigned count);
  /// What a loop repeats, with lanes that skip the rest of a round or leave.
  BlockPtr rounds(unsigned depth, bool skips, bool leaves, bool together);
  void assign();
  void assign_part();
  void compound();
  void array_store();
  void structs();
  void own_store();
  void row();
  void walk();
  void fill();
  void count();
  void count_wide();
  void own_atomic();
  void bit_fields();
  void packed_struct();
  void matrix();
  void lambda();
  void volatile_copy();
  void branch(unsigned depth);
  void choice(unsigned depth);
  void counted_loop(unsigned depth);
  void open_loop(unsigned depth);
  void leave();
  void reduce();
  void shuffle();
  void vote();
  void exchange();
  void tally();

  unsigned slot(unsigned count = 1);
  const Variable& declare(Type type, const std::string& text, bool is_writable = true);
  const Variable& some_variable(bool writable = true);
  std::string frame();
  void declarations();
  void results();
  Execute set(const Variable& variable, Expression what);
  /// Sets the variable to the value, or to a component of it.
  void receive(const Variable& variable, Expression what);

  std::mt19937 random_;
  Meetings meetings_;
  std::vector<Variable> variables_;
  std::vector<Array> arrays_, shared_;
  std::vector<Type> fields_;
  std::vector<std::vector<unsigned>> structs_;  ///< slots of the fields of each
  std::vector<std::string> struct_names_;
  std::array<Type, kRows> row_types_{};
  std::vector<FunctionConstant> constants_;
  unsigned slots_ = 0, shared_slots_ = 0, names_ = 0, indent_ = 1, loops_ = 0, switches_ = 0;
  bool together_ = true;   ///< all threads run what is written now
  bool returned_ = false;  ///< some thread may have returned
  BlockPtr block_ = std::make_shared<Block>();
  std::string head_, body_, text_;
};

}  // namespace anymetal::test
