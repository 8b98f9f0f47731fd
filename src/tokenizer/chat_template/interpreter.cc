#include "tokenizer/chat_template/interpreter.h"

#include <algorithm>

#include "tokenizer/chat_template/format_value.h"
#include "tokenizer/chat_template/operators.h"

namespace accllm::chat {
namespace {

void SetVariable(Interpreter::Variables& variables, const std::string& name, Value value) {
  for (auto& [key, content] : variables) {
    if (key == name) {
      content = std::move(value);
      return;
    }
  }
  variables.emplace_back(name, std::move(value));
}

const Value* FindVariable(const Interpreter::Variables& variables, const std::string& name) {
  for (const auto& [key, content] : variables) {
    if (key == name) return &content;
  }
  return nullptr;
}

}  // namespace

std::string Interpreter::Run(const Body& body) {
  TextBuffer out(runtime_);
  out_ = &out;
  frames_.emplace_back();
  Execute(body);
  frames_.pop_back();
  return out.Take();
}

Interpreter::Flow Interpreter::Execute(const Body& body) {
  for (const auto& stmt : body) {
    if (runtime_.failed()) return Flow::kBreak;
    const Flow flow = ExecuteOne(*stmt);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::ExecuteOne(const Stmt& stmt) {
  runtime_.set_at(stmt.offset);
  if (!runtime_.Spend()) return Flow::kBreak;
  switch (stmt.kind) {
    case StmtKind::kText:
      out_->Append(stmt.text);
      return Flow::kNext;
    case StmtKind::kPrint:
      AppendText(runtime_, Evaluate(*stmt.expr), *out_);
      return Flow::kNext;
    case StmtKind::kIf:
      return ExecuteIf(stmt);
    case StmtKind::kFor:
      return ExecuteFor(stmt);
    case StmtKind::kSet:
      Assign(*stmt.target, Evaluate(*stmt.expr));
      return Flow::kNext;
    case StmtKind::kSetBlock:
      Assign(*stmt.target, CaptureThrough(stmt));
      return Flow::kNext;
    case StmtKind::kMacro:
      Define(stmt.text, MakeMacro(stmt));
      return Flow::kNext;
    case StmtKind::kCallBlock:
      ExecuteCallBlock(stmt);
      return Flow::kNext;
    case StmtKind::kFilterBlock:
      AppendText(runtime_, CaptureThrough(stmt), *out_);
      return Flow::kNext;
    case StmtKind::kWith:
      return ExecuteWith(stmt);
    case StmtKind::kScope:
      return ExecuteScope(stmt.body);
    case StmtKind::kBreak:
      return Flow::kBreak;
    case StmtKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::ExecuteIf(const Stmt& stmt) {
  for (const Stmt::Branch& branch : stmt.branches) {
    if (IsTrue(Evaluate(*branch.test))) return Execute(branch.body);
    if (runtime_.failed()) return Flow::kBreak;
  }
  return Execute(stmt.else_body);
}

Interpreter::Flow Interpreter::ExecuteScope(const Body& body, Variables variables) {
  frames_.back().scopes.push_back(std::move(variables));
  const Flow flow = Execute(body);
  frames_.back().scopes.pop_back();
  return flow;
}

Interpreter::Flow Interpreter::ExecuteWith(const Stmt& stmt) {
  std::vector<Value> values;
  for (const auto& [target, expr] : stmt.assignments) values.push_back(Evaluate(*expr));
  frames_.back().scopes.emplace_back();
  for (size_t i = 0; i < values.size(); ++i) Assign(*stmt.assignments[i].first, values[i]);
  const Flow flow = Execute(stmt.body);
  frames_.back().scopes.pop_back();
  return flow;
}

Value Interpreter::ItemsOfLoop(const Stmt& stmt) {
  const auto all = Iterate(runtime_, Evaluate(*stmt.expr));
  if (all == nullptr || stmt.condition == nullptr) {
    return all == nullptr ? Value() : Value(all);
  }
  std::vector<Value> items;
  for (const Value& item : all->items) {
    if (!runtime_.Spend()) break;
    frames_.back().scopes.emplace_back();
    Assign(*stmt.target, item);
    if (IsTrue(Evaluate(*stmt.condition))) items.push_back(item);
    frames_.back().scopes.pop_back();
  }
  return runtime_.MakeSequence(std::move(items));
}

Interpreter::Flow Interpreter::ExecuteFor(const Stmt& stmt) {
  const Value items = ItemsOfLoop(stmt);
  if (runtime_.failed()) return Flow::kBreak;
  const auto& sequence = *items.As<std::shared_ptr<const Sequence>>();
  if (sequence->items.empty()) return ExecuteScope(stmt.else_body);
  if (sequence->depth >= runtime_.limits().max_depth) {
    runtime_.Unsupported("a loop over values that are nested too deep");
    return Flow::kBreak;
  }
  const auto loop = std::make_shared<LoopState>(LoopState{sequence, 0});
  Flow flow = Flow::kNext;
  bool has_completed = false;  // as in jinja2, `else` also follows a loop that only continued
  while (loop->index < sequence->items.size() && flow != Flow::kBreak && runtime_.Spend()) {
    frames_.back().scopes.emplace_back();
    Define("loop", Value(loop));
    Assign(*stmt.target, sequence->items[loop->index]);
    flow = Execute(stmt.body);
    has_completed |= flow == Flow::kNext;
    frames_.back().scopes.pop_back();
    if (loop->index + 1 == sequence->items.size()) break;  // `loop` stays at the last item
    ++loop->index;
  }
  return has_completed || runtime_.failed() ? Flow::kNext : ExecuteScope(stmt.else_body);
}

std::string Interpreter::Capture(const Body& body) {
  TextBuffer buffer(runtime_);
  TextBuffer* const outer = std::exchange(out_, &buffer);
  ExecuteScope(body);
  out_ = outer;
  return buffer.Take();
}

Value Interpreter::CaptureThrough(const Stmt& stmt) {
  const Value text = runtime_.MakeText(Capture(stmt.body));
  const Value* const outer = std::exchange(captured_, &text);
  Value result = Evaluate(*stmt.expr);
  captured_ = outer;
  return result;
}

Value Interpreter::MakeMacro(const Stmt& stmt) {
  Macro macro;
  macro.definition = &stmt;
  macro.closure = VisibleLocals();
  int depth = 0;
  for (const auto& [name, value] : macro.closure) depth = std::max(depth, DepthOf(value));
  if (depth >= runtime_.limits().max_depth || !runtime_.SpendBytes(macro.closure.size() * 64)) {
    return runtime_.Unsupported("macros are nested too deep");
  }
  macro.depth = depth + 1;
  return Value(std::make_shared<const Macro>(std::move(macro)));
}

void Interpreter::ExecuteCallBlock(const Stmt& stmt) {
  const Value caller = MakeMacro(stmt);
  AppendText(runtime_, EvaluateCall(*stmt.expr, &caller), *out_);
}

void Interpreter::Assign(const Expr& target, const Value& value) {
  if (runtime_.failed()) return;
  if (target.kind == ExprKind::kName) {
    Define(target.name, value);
  } else if (target.kind == ExprKind::kGetAttr) {
    AssignAttribute(target, value);
  } else {
    AssignTuple(target, value);
  }
}

void Interpreter::AssignTuple(const Expr& target, const Value& value) {
  const auto items = Iterate(runtime_, value);
  if (items == nullptr) return;
  if (items->items.size() != target.children.size()) {
    runtime_.set_at(target.offset);
    runtime_.TypeError(
        fmt::format("{} values for {} names", items->items.size(), target.children.size()));
    return;
  }
  for (size_t i = 0; i < target.children.size(); ++i) {
    Assign(*target.children[i], items->items[i]);
  }
}

void Interpreter::AssignAttribute(const Expr& target, const Value& value) {
  const Value object = Evaluate(*target.children[0]);
  Namespace* const* space = object.As<Namespace*>();
  if (space == nullptr) {
    runtime_.TypeError("cannot assign attribute on non-namespace object");
    return;
  }
  if (runtime_.SpendBytes(target.name.size()))
    SetVariable((*space)->attributes, target.name, value);
}

void Interpreter::Define(const std::string& name, Value value) {
  Frame& frame = frames_.back();
  SetVariable(frame.scopes.empty() ? globals_ : frame.scopes.back(), name, std::move(value));
}

Value Interpreter::Lookup(const std::string& name) const {
  const Frame& frame = frames_.back();
  for (auto scope = frame.scopes.rbegin(); scope != frame.scopes.rend(); ++scope) {
    if (const Value* found = FindVariable(*scope, name)) return *found;
  }
  if (frame.macro != nullptr) {
    if (const Value* found = FindVariable(frame.macro->closure, name)) return *found;
  }
  if (const Value* found = FindVariable(globals_, name)) return *found;
  return UndefinedBecause(fmt::format("'{}' is undefined", name));
}

Interpreter::Variables Interpreter::VisibleLocals() const {
  const Frame& frame = frames_.back();
  Variables visible = frame.macro == nullptr ? Variables() : frame.macro->closure;
  for (const Variables& scope : frame.scopes) {
    for (const auto& [name, value] : scope) SetVariable(visible, name, value);
  }
  return visible;
}

}  // namespace accllm::chat
