// Runs a syntax tree.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/chat_template/ast.h"
#include "tokenizer/chat_template/runtime.h"

namespace accllm::chat {

class Interpreter {
 public:
  using Variables = std::vector<std::pair<std::string, Value>>;

  // `runtime` outlives the interpreter; `globals` are what the template starts with.
  Interpreter(Runtime& runtime, Variables globals)
      : runtime_(runtime), globals_(std::move(globals)) {}

  // What the template prints; meaningless if the runtime failed.
  std::string Run(const Body& body);

 private:
  enum class Flow { kNext, kBreak, kContinue };

  // One call of a macro, or the template itself: what its names can mean, innermost last. The
  // template's own outermost names are the globals.
  struct Frame {
    const Macro* macro = nullptr;
    std::vector<Variables> scopes;
  };

  // Statements.
  Flow Execute(const Body& body);
  Flow ExecuteOne(const Stmt& stmt);
  Flow ExecuteIf(const Stmt& stmt);
  Flow ExecuteFor(const Stmt& stmt);
  Flow ExecuteScope(const Body& body, Variables variables = {});
  Flow ExecuteWith(const Stmt& stmt);
  void ExecuteCallBlock(const Stmt& stmt);
  std::string Capture(const Body& body);
  Value CaptureThrough(const Stmt& stmt);
  // The items that the loop's condition lets through.
  Value ItemsOfLoop(const Stmt& stmt);
  Value MakeMacro(const Stmt& stmt);
  void Assign(const Expr& target, const Value& value);
  void AssignTuple(const Expr& target, const Value& value);
  void AssignAttribute(const Expr& target, const Value& value);

  // Names.
  void Define(const std::string& name, Value value);
  Value Lookup(const std::string& name) const;
  Variables VisibleLocals() const;

  // Expressions.
  Value Evaluate(const Expr& expr);
  Value EvaluateNode(const Expr& expr);
  Value EvaluateItems(const Expr& expr, SequenceKind kind);
  Value EvaluateDict(const Expr& expr);
  Value EvaluateSlice(const Expr& expr);
  Value EvaluateConcat(const Expr& expr);
  Value EvaluateCompare(const Expr& expr);
  Value EvaluateConditional(const Expr& expr);
  Value EvaluateFilter(const Expr& expr);
  Value EvaluateTest(const Expr& expr);
  Value EvaluateCall(const Expr& expr, const Value* caller);
  Arguments EvaluateArguments(const Expr& expr);

  // Calls.
  Value Call(const Value& callee, Arguments arguments);
  Value CallMacro(const std::shared_ptr<const Macro>& macro, Arguments arguments);
  // The macro's parameters and special variables. Fails if the arguments do not fit.
  void BindParameters(const Macro& macro, Arguments& arguments);

  Runtime& runtime_;
  Variables globals_;
  std::vector<Frame> frames_;
  TextBuffer* out_ = nullptr;
  const Value* captured_ = nullptr;  // what a chain of filters around a block starts from
  int depth_ = 0;                    // of Execute and Evaluate
};

}  // namespace accllm::chat
