// The half of the interpreter that is about expressions.
#include <algorithm>

#include "tokenizer/chat_template/builtins.h"
#include "tokenizer/chat_template/filters.h"
#include "tokenizer/chat_template/format_value.h"
#include "tokenizer/chat_template/interpreter.h"
#include "tokenizer/chat_template/methods.h"
#include "tokenizer/chat_template/operators.h"
#include "tokenizer/chat_template/value_tests.h"

namespace accllm::chat {
namespace {

constexpr int kMaxDepth = 1500;  // of evaluations inside each other: bounds the stack

}  // namespace

Value Interpreter::Evaluate(const Expr& expr) {
  if (!runtime_.Spend()) return {};
  if (depth_ >= kMaxDepth) return runtime_.Unsupported("the template recurses too deep");
  ++depth_;
  runtime_.set_at(expr.offset);
  Value value = EvaluateNode(expr);
  --depth_;
  return value;
}

Value Interpreter::EvaluateNode(const Expr& expr) {
  const auto child = [&](size_t i) { return Evaluate(*expr.children[i]); };
  switch (expr.kind) {
    case ExprKind::kConst:
      return expr.constant;
    case ExprKind::kName:
      return Lookup(expr.name);
    case ExprKind::kTuple:
      return EvaluateItems(expr, SequenceKind::kTuple);
    case ExprKind::kList:
      return EvaluateItems(expr, SequenceKind::kList);
    case ExprKind::kDict:
      return EvaluateDict(expr);
    case ExprKind::kGetAttr:
      return GetAttribute(runtime_, child(0), expr.name);
    case ExprKind::kGetItem: {
      const Value object = child(0);
      return GetItem(runtime_, object, child(1));
    }
    case ExprKind::kSlice:
      return EvaluateSlice(expr);
    case ExprKind::kCall:
      return EvaluateCall(expr, nullptr);
    case ExprKind::kFilter:
      return EvaluateFilter(expr);
    case ExprKind::kTest:
      return EvaluateTest(expr);
    case ExprKind::kNot:
      return Value(!IsTrue(child(0)));
    case ExprKind::kNegate:
    case ExprKind::kPositive: {
      const Value operand = child(0);
      if (operand.is_undefined()) return runtime_.UndefinedError(operand);
      if (!operand.is_number()) {
        return runtime_.TypeError(
            fmt::format("bad operand type for a sign: '{}'", TypeName(operand)));
      }
      return expr.kind == ExprKind::kNegate
                 ? Negate(runtime_, operand)
                 : Arithmetic(runtime_, Op::kAdd, Value(int64_t{0}), operand);
    }
    case ExprKind::kBinary: {
      const Value left = child(0);
      const Value right = child(1);
      runtime_.set_at(expr.offset);
      return Arithmetic(runtime_, expr.ops[0], left, right);
    }
    case ExprKind::kAnd: {
      Value left = child(0);
      return IsTrue(left) ? child(1) : left;
    }
    case ExprKind::kOr: {
      Value left = child(0);
      return IsTrue(left) ? left : child(1);
    }
    case ExprKind::kConcat:
      return EvaluateConcat(expr);
    case ExprKind::kCompare:
      return EvaluateCompare(expr);
    case ExprKind::kConditional:
      return EvaluateConditional(expr);
    case ExprKind::kCaptured:
      return *captured_;
  }
  return {};
}

Value Interpreter::EvaluateItems(const Expr& expr, SequenceKind kind) {
  std::vector<Value> items;
  items.reserve(expr.children.size());
  for (const ExprPtr& child : expr.children) items.push_back(Evaluate(*child));
  return runtime_.MakeSequence(std::move(items), kind);
}

Value Interpreter::EvaluateDict(const Expr& expr) {
  std::vector<std::pair<Value, Value>> entries;
  for (size_t i = 0; i + 1 < expr.children.size(); i += 2) {
    Value key = Evaluate(*expr.children[i]);
    Value value = Evaluate(*expr.children[i + 1]);
    if (!AddEntry(runtime_, entries, std::move(key), std::move(value))) return {};
  }
  return runtime_.MakeMapping(std::move(entries));
}

Value Interpreter::EvaluateSlice(const Expr& expr) {
  const Value object = Evaluate(*expr.children[0]);
  const auto bound = [&](size_t i) {
    return expr.children[i] == nullptr ? Value(None{}) : Evaluate(*expr.children[i]);
  };
  const Value start = bound(1);
  const Value stop = bound(2);
  const Value step = bound(3);
  return Slice(runtime_, object, start, stop, step);
}

Value Interpreter::EvaluateConcat(const Expr& expr) {
  TextBuffer out(runtime_);
  for (const ExprPtr& child : expr.children) AppendText(runtime_, Evaluate(*child), out);
  return runtime_.MakeText(out.Take());
}

Value Interpreter::EvaluateCompare(const Expr& expr) {
  Value left = Evaluate(*expr.children[0]);
  for (size_t i = 0; i < expr.ops.size(); ++i) {
    Value right = Evaluate(*expr.children[i + 1]);
    if (!Compare(runtime_, expr.ops[i], left, right)) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Interpreter::EvaluateConditional(const Expr& expr) {
  if (IsTrue(Evaluate(*expr.children[1]))) return Evaluate(*expr.children[0]);
  if (expr.children[2] != nullptr) return Evaluate(*expr.children[2]);
  return UndefinedBecause("the inline if-expression evaluated to false and no else was defined");
}

Arguments Interpreter::EvaluateArguments(const Expr& expr) {
  Arguments arguments;
  for (size_t i = 1; i < expr.children.size(); ++i) {
    arguments.positional.push_back(Evaluate(*expr.children[i]));
  }
  for (const auto& [name, value] : expr.keywords) {
    arguments.keywords.emplace_back(name, Evaluate(*value));
  }
  runtime_.set_at(expr.offset);
  return arguments;
}

Value Interpreter::EvaluateFilter(const Expr& expr) {
  const Value operand = Evaluate(*expr.children[0]);
  const Arguments arguments = EvaluateArguments(expr);
  return runtime_.failed() ? Value() : ApplyFilter(runtime_, expr.name, operand, arguments);
}

Value Interpreter::EvaluateTest(const Expr& expr) {
  const Value operand = Evaluate(*expr.children[0]);
  const Arguments arguments = EvaluateArguments(expr);
  if (runtime_.failed()) return {};
  return Value(ApplyTest(runtime_, expr.name, operand, arguments));
}

Value Interpreter::EvaluateCall(const Expr& expr, const Value* caller) {
  const Value callee = Evaluate(*expr.children[0]);
  Arguments arguments = EvaluateArguments(expr);
  if (caller != nullptr) arguments.keywords.emplace_back("caller", *caller);
  return runtime_.failed() ? Value() : Call(callee, std::move(arguments));
}

Value Interpreter::Call(const Value& callee, Arguments arguments) {
  if (const auto* macro = callee.As<std::shared_ptr<const Macro>>()) {
    return CallMacro(*macro, std::move(arguments));
  }
  if (const auto* method = callee.As<std::shared_ptr<const Method>>()) {
    return CallMethod(runtime_, **method, arguments);
  }
  if (const Builtin* builtin = callee.As<Builtin>()) {
    return CallBuiltin(runtime_, *builtin, arguments);
  }
  if (callee.is_undefined()) return runtime_.UndefinedError(callee);
  return runtime_.TypeError(fmt::format("'{}' object is not callable", TypeName(callee)));
}

Value Interpreter::CallMacro(const std::shared_ptr<const Macro>& macro, Arguments arguments) {
  if (static_cast<int>(frames_.size()) > runtime_.limits().max_depth) {
    return runtime_.Unsupported("macros call each other too deep");
  }
  Frame frame;
  frame.macro = macro.get();
  frame.scopes.emplace_back();
  frames_.push_back(std::move(frame));
  TextBuffer buffer(runtime_);
  TextBuffer* const outer = std::exchange(out_, &buffer);
  BindParameters(*macro, arguments);
  Execute(macro->definition->body);
  out_ = outer;
  frames_.pop_back();
  return runtime_.MakeText(buffer.Take());
}

void Interpreter::BindParameters(const Macro& macro, Arguments& arguments) {
  const Stmt& definition = *macro.definition;
  const auto& parameters = definition.parameters;
  auto& keywords = arguments.keywords;
  if (!frames_.back().scopes.empty() && definition.kind == StmtKind::kMacro) {
    Define(definition.text, Value(std::make_shared<const Macro>(macro)));
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    const std::string& name = parameters[i].name;
    const auto keyword = std::find_if(keywords.begin(), keywords.end(),
                                      [&](const auto& entry) { return entry.first == name; });
    if (i < arguments.positional.size()) {
      Define(name, arguments.positional[i]);
    } else if (keyword != keywords.end()) {
      Define(name, keyword->second);
      keywords.erase(keyword);
    } else if (parameters[i].otherwise != nullptr) {
      Define(name, Evaluate(*parameters[i].otherwise));
    } else {
      Define(name, UndefinedBecause(fmt::format("parameter '{}' was not provided", name)));
    }
  }
  std::vector<Value> rest;
  for (size_t i = parameters.size(); i < arguments.positional.size(); ++i) {
    rest.push_back(arguments.positional[i]);
  }
  const auto caller = std::find_if(keywords.begin(), keywords.end(),
                                   [](const auto& entry) { return entry.first == "caller"; });
  if (definition.uses_caller) {
    const bool is_given = caller != keywords.end();
    Define("caller", is_given ? caller->second : UndefinedBecause("No caller defined"));
    if (is_given) keywords.erase(caller);
  }
  if (!definition.uses_varargs && !rest.empty()) {
    runtime_.TypeError(fmt::format("macro '{}' takes not more than {} argument(s)", definition.text,
                                   parameters.size()));
  }
  if (!definition.uses_kwargs && !keywords.empty()) {
    runtime_.TypeError(fmt::format("macro '{}' takes no keyword argument '{}'", definition.text,
                                   keywords.front().first));
  }
  if (definition.uses_varargs) {
    Define("varargs", runtime_.MakeSequence(std::move(rest), SequenceKind::kTuple));
  }
  if (!definition.uses_kwargs) return;
  std::vector<std::pair<Value, Value>> entries;
  for (auto& [name, value] : keywords) entries.emplace_back(runtime_.MakeText(name), value);
  Define("kwargs", runtime_.MakeMapping(std::move(entries)));
}

}  // namespace accllm::chat
