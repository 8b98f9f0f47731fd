#include "tokenizer/chat_template/expression_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "tokenizer/chat_template/filters.h"
#include "tokenizer/chat_template/runtime.h"
#include "tokenizer/chat_template/value_tests.h"

namespace accllm::chat {
namespace {

ExprPtr NewExpr(ExprKind kind, size_t offset) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->offset = offset;
  return expr;
}

template <typename... Children>
ExprPtr NewExpr(ExprKind kind, size_t offset, Children... children) {
  ExprPtr expr = NewExpr(kind, offset);
  (expr->children.push_back(std::move(children)), ...);
  return expr;
}

ExprPtr NewConst(size_t offset, Value value) {
  ExprPtr expr = NewExpr(ExprKind::kConst, offset);
  expr->constant = std::move(value);
  return expr;
}

Value TextConstant(std::string text) {
  return Value(Text{std::make_shared<const std::string>(std::move(text))});
}

bool IsAssignable(const Expr& expr) {
  if (expr.kind == ExprKind::kName) return true;
  return expr.kind == ExprKind::kTuple &&
         std::all_of(expr.children.begin(), expr.children.end(),
                     [](const ExprPtr& child) { return IsAssignable(*child); });
}

}  // namespace

Token ExpressionParser::Take() {
  Token token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool ExpressionParser::IsOperator(std::string_view text) const {
  return Current().kind == TokenKind::kOperator && Current().text == text;
}

bool ExpressionParser::IsName(std::string_view text) const {
  return Current().kind == TokenKind::kName && Current().text == text;
}

bool ExpressionParser::SkipOperator(std::string_view text) {
  if (!IsOperator(text)) return false;
  Take();
  return true;
}

bool ExpressionParser::SkipName(std::string_view text) {
  if (!IsName(text)) return false;
  Take();
  return true;
}

Status ExpressionParser::ExpectOperator(std::string_view text) {
  if (SkipOperator(text)) return {};
  return Corrupt(Current().offset, fmt::format("expected '{}'", text));
}

Result<std::string> ExpressionParser::ExpectName() {
  if (Current().kind == TokenKind::kName) return Take().text;
  return Corrupt(Current().offset, "expected a name");
}

tl::unexpected<Error> ExpressionParser::Corrupt(size_t offset, std::string_view message) const {
  return Fail(ErrorCode::kCorrupt, DescribePlace(source_, path_, offset, message));
}

tl::unexpected<Error> ExpressionParser::Unsupported(size_t offset, std::string_view message) const {
  return Fail(ErrorCode::kUnsupported, DescribePlace(source_, path_, offset, message));
}

tl::unexpected<Error> ExpressionParser::Unexpected() const {
  return Corrupt(Current().offset, "expected an expression");
}

Result<ExprPtr> ExpressionParser::Finish(ExprPtr expr) const {
  int height = 0;
  for (const ExprPtr& child : expr->children) {
    if (child != nullptr) height = std::max(height, child->height);
  }
  for (const auto& [name, child] : expr->keywords) height = std::max(height, child->height);
  expr->height = height + 1;
  if (expr->height > kMaxHeight) return Unsupported(expr->offset, "an expression is too long");
  return expr;
}

Result<ExprPtr> ExpressionParser::Expression() {
  if (nesting_ >= kMaxNesting) return Unsupported(Current().offset, "brackets are nested too deep");
  ++nesting_;
  const size_t offset = Current().offset;
  ACCLLM_ASSIGN_OR_RETURN(ExprPtr expr, Or());
  while (SkipName("if")) {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr test, Or());
    ExprPtr otherwise;
    if (SkipName("else")) {
      ACCLLM_ASSIGN_OR_RETURN(otherwise, Expression());
    }
    ACCLLM_ASSIGN_OR_RETURN(expr, Finish(NewExpr(ExprKind::kConditional, offset, std::move(expr),
                                                 std::move(test), std::move(otherwise))));
  }
  --nesting_;
  return expr;
}

bool ExpressionParser::IsTupleEnd() const {
  return Current().kind == TokenKind::kPrintEnd || Current().kind == TokenKind::kBlockEnd ||
         IsOperator(")");
}

Result<ExprPtr> ExpressionParser::Tuple(bool with_conditional, bool is_parenthesised) {
  ExprPtr tuple = NewExpr(ExprKind::kTuple, Current().offset);
  bool is_tuple = false;
  while (!IsTupleEnd()) {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr item, with_conditional ? Expression() : Or());
    tuple->children.push_back(std::move(item));
    if (!SkipOperator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && tuple->children.size() == 1) return std::move(tuple->children[0]);
  if (!is_tuple && !is_parenthesised) return Unexpected();
  return Finish(std::move(tuple));
}

Result<ExprPtr> ExpressionParser::Target(bool with_namespace) {
  const size_t offset = Current().offset;
  if (with_namespace && Current().kind == TokenKind::kName && Ahead().text == "." &&
      Ahead().kind == TokenKind::kOperator) {
    ExprPtr space = NewExpr(ExprKind::kName, offset);
    space->name = Take().text;
    Take();
    ExprPtr target = NewExpr(ExprKind::kGetAttr, offset, std::move(space));
    ACCLLM_ASSIGN_OR_RETURN(target->name, ExpectName());
    return Finish(std::move(target));
  }
  ExprPtr tuple = NewExpr(ExprKind::kTuple, offset);
  bool is_tuple = false;
  while (!IsName("in") && !IsTupleEnd()) {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr item, Primary());
    if (!IsAssignable(*item)) return Corrupt(item->offset, "this cannot be assigned to");
    tuple->children.push_back(std::move(item));
    if (!SkipOperator(",")) break;
    is_tuple = true;
  }
  if (tuple->children.empty()) return Corrupt(offset, "expected a name to assign to");
  if (!is_tuple) return std::move(tuple->children[0]);
  return Finish(std::move(tuple));
}

Result<ExprPtr> ExpressionParser::LeftAssociative(Level operand,
                                                  std::initializer_list<BinaryOperator> operators) {
  const size_t offset = Current().offset;
  ACCLLM_ASSIGN_OR_RETURN(ExprPtr left, (this->*operand)());
  while (true) {
    const auto* const found =
        std::find_if(operators.begin(), operators.end(),
                     [&](const BinaryOperator& candidate) { return IsOperator(candidate.text); });
    if (found == operators.end()) return left;
    Take();
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr right, (this->*operand)());
    ExprPtr binary = NewExpr(ExprKind::kBinary, offset, std::move(left), std::move(right));
    binary->ops = {found->op};
    ACCLLM_ASSIGN_OR_RETURN(left, Finish(std::move(binary)));
  }
}

Result<ExprPtr> ExpressionParser::Or() {
  const size_t offset = Current().offset;
  ACCLLM_ASSIGN_OR_RETURN(ExprPtr left, And());
  while (SkipName("or")) {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr right, And());
    ACCLLM_ASSIGN_OR_RETURN(
        left, Finish(NewExpr(ExprKind::kOr, offset, std::move(left), std::move(right))));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::And() {
  const size_t offset = Current().offset;
  ACCLLM_ASSIGN_OR_RETURN(ExprPtr left, Not());
  while (SkipName("and")) {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr right, Not());
    ACCLLM_ASSIGN_OR_RETURN(
        left, Finish(NewExpr(ExprKind::kAnd, offset, std::move(left), std::move(right))));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::Not() {
  const size_t offset = Current().offset;
  size_t n = 0;
  while (SkipName("not")) ++n;
  ACCLLM_ASSIGN_OR_RETURN(ExprPtr expr, Compare());
  for (size_t i = 0; i < n; ++i) {
    ACCLLM_ASSIGN_OR_RETURN(expr, Finish(NewExpr(ExprKind::kNot, offset, std::move(expr))));
  }
  return expr;
}

bool ExpressionParser::TakeComparison(Op& op) {
  static constexpr std::array<BinaryOperator, 6> kOperators = {BinaryOperator{"==", Op::kEq},
                                                               {"!=", Op::kNe},
                                                               {"<", Op::kLt},
                                                               {"<=", Op::kLe},
                                                               {">", Op::kGt},
                                                               {">=", Op::kGe}};
  for (const BinaryOperator& candidate : kOperators) {
    if (SkipOperator(candidate.text)) {
      op = candidate.op;
      return true;
    }
  }
  op = IsName("in") ? Op::kIn : Op::kNotIn;
  if (SkipName("in")) return true;
  if (!IsName("not") || Ahead().kind != TokenKind::kName || Ahead().text != "in") return false;
  Take();
  Take();
  return true;
}

Result<ExprPtr> ExpressionParser::Compare() {
  ExprPtr compare = NewExpr(ExprKind::kCompare, Current().offset);
  ACCLLM_ASSIGN_OR_RETURN(ExprPtr first, Sum());
  compare->children.push_back(std::move(first));
  Op op{};
  while (TakeComparison(op)) {
    compare->ops.push_back(op);
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr next, Sum());
    compare->children.push_back(std::move(next));
  }
  if (compare->ops.empty()) return std::move(compare->children[0]);
  return Finish(std::move(compare));
}

Result<ExprPtr> ExpressionParser::Sum() {
  return LeftAssociative(&ExpressionParser::Concat, {{"+", Op::kAdd}, {"-", Op::kSub}});
}

Result<ExprPtr> ExpressionParser::Concat() {
  ExprPtr concat = NewExpr(ExprKind::kConcat, Current().offset);
  do {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr item, Product());
    concat->children.push_back(std::move(item));
  } while (SkipOperator("~"));
  if (concat->children.size() == 1) return std::move(concat->children[0]);
  return Finish(std::move(concat));
}

Result<ExprPtr> ExpressionParser::Product() {
  return LeftAssociative(
      &ExpressionParser::Power,
      {{"*", Op::kMul}, {"/", Op::kDiv}, {"//", Op::kFloorDiv}, {"%", Op::kMod}});
}

Result<ExprPtr> ExpressionParser::Power() {
  const size_t offset = Current().offset;
  ACCLLM_ASSIGN_OR_RETURN(ExprPtr left, Unary(true));
  while (SkipOperator("**")) {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr right, Unary(true));
    ExprPtr power = NewExpr(ExprKind::kBinary, offset, std::move(left), std::move(right));
    power->ops = {Op::kPow};
    ACCLLM_ASSIGN_OR_RETURN(left, Finish(std::move(power)));
  }
  return left;
}

Result<ExprPtr> ExpressionParser::Unary(bool with_filter) {
  const size_t offset = Current().offset;
  if (nesting_ >= kMaxNesting) return Unsupported(offset, "signs are nested too deep");
  ExprPtr expr;
  if (IsOperator("-") || IsOperator("+")) {
    const ExprKind kind = Take().text == "-" ? ExprKind::kNegate : ExprKind::kPositive;
    ++nesting_;
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr operand, Unary(false));
    --nesting_;
    ACCLLM_ASSIGN_OR_RETURN(expr, Finish(NewExpr(kind, offset, std::move(operand))));
  } else {
    ACCLLM_ASSIGN_OR_RETURN(expr, Primary());
  }
  ACCLLM_ASSIGN_OR_RETURN(expr, Postfix(std::move(expr)));
  if (!with_filter) return expr;
  return FiltersAndTests(std::move(expr));
}

Result<ExprPtr> ExpressionParser::Number() {
  const Token token = Take();
  const char* const end = token.text.data() + token.text.size();
  if (token.kind == TokenKind::kFloat) {
    return NewConst(token.offset, Value(std::strtod(token.text.c_str(), nullptr)));
  }
  int64_t number = 0;
  if (std::from_chars(token.text.data(), end, number).ec != std::errc()) {
    return Unsupported(token.offset, "an integer of more than 64 bits");
  }
  return NewConst(token.offset, Value(number));
}

Result<ExprPtr> ExpressionParser::Primary() {
  const size_t offset = Current().offset;
  if (Current().kind == TokenKind::kName) {
    const std::string name = Take().text;
    if (name == "true" || name == "True") return NewConst(offset, Value(true));
    if (name == "false" || name == "False") return NewConst(offset, Value(false));
    if (name == "none" || name == "None") return NewConst(offset, Value(None{}));
    ExprPtr expr = NewExpr(ExprKind::kName, offset);
    expr->name = name;
    return expr;
  }
  if (Current().kind == TokenKind::kString) {
    std::string text;
    while (Current().kind == TokenKind::kString) text += Take().text;
    return NewConst(offset, TextConstant(std::move(text)));
  }
  if (Current().kind == TokenKind::kInteger || Current().kind == TokenKind::kFloat) {
    return Number();
  }
  if (SkipOperator("(")) {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr expr, Tuple(true, true));
    ACCLLM_RETURN_IF_ERROR(ExpectOperator(")"));
    return expr;
  }
  if (SkipOperator("[")) return List();
  if (SkipOperator("{")) return Dict();
  return Unexpected();
}

Result<ExprPtr> ExpressionParser::List() {
  ExprPtr list = NewExpr(ExprKind::kList, Current().offset);
  while (!IsOperator("]")) {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr item, Expression());
    list->children.push_back(std::move(item));
    if (!SkipOperator(",")) break;
  }
  ACCLLM_RETURN_IF_ERROR(ExpectOperator("]"));
  return Finish(std::move(list));
}

Result<ExprPtr> ExpressionParser::Dict() {
  ExprPtr dict = NewExpr(ExprKind::kDict, Current().offset);
  while (!IsOperator("}")) {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr key, Expression());
    ACCLLM_RETURN_IF_ERROR(ExpectOperator(":"));
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr value, Expression());
    dict->children.push_back(std::move(key));
    dict->children.push_back(std::move(value));
    if (!SkipOperator(",")) break;
  }
  ACCLLM_RETURN_IF_ERROR(ExpectOperator("}"));
  return Finish(std::move(dict));
}

Result<ExprPtr> ExpressionParser::Postfix(ExprPtr operand) {
  while (true) {
    if (IsOperator(".")) {
      ACCLLM_ASSIGN_OR_RETURN(operand, Attribute(std::move(operand)));
    } else if (IsOperator("[")) {
      ACCLLM_ASSIGN_OR_RETURN(operand, Subscript(std::move(operand)));
    } else if (IsOperator("(")) {
      ACCLLM_ASSIGN_OR_RETURN(operand, Call(std::move(operand)));
    } else {
      return operand;
    }
  }
}

Result<ExprPtr> ExpressionParser::Attribute(ExprPtr operand) {
  const size_t offset = operand->offset;
  Take();
  if (Current().kind == TokenKind::kInteger) {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr index, Number());
    return Finish(NewExpr(ExprKind::kGetItem, offset, std::move(operand), std::move(index)));
  }
  ExprPtr attribute = NewExpr(ExprKind::kGetAttr, offset, std::move(operand));
  ACCLLM_ASSIGN_OR_RETURN(attribute->name, ExpectName());
  return Finish(std::move(attribute));
}

Result<ExprPtr> ExpressionParser::Subscript(ExprPtr operand) {
  const size_t offset = operand->offset;
  Take();
  std::array<ExprPtr, 3> parts;
  size_t n_colons = 0;
  while (!IsOperator("]")) {
    if (IsOperator(",")) return Unsupported(Current().offset, "a subscript of several indices");
    if (SkipOperator(":")) {
      if (++n_colons > 2) return Corrupt(offset, "a slice with too many colons");
    } else if (parts.at(n_colons) != nullptr) {
      return Corrupt(Current().offset, "expected ']'");
    } else {
      ACCLLM_ASSIGN_OR_RETURN(parts.at(n_colons), Expression());
    }
  }
  Take();
  if (n_colons == 0) {
    if (parts[0] == nullptr) return Corrupt(offset, "an empty subscript");
    return Finish(NewExpr(ExprKind::kGetItem, offset, std::move(operand), std::move(parts[0])));
  }
  return Finish(NewExpr(ExprKind::kSlice, offset, std::move(operand), std::move(parts[0]),
                        std::move(parts[1]), std::move(parts[2])));
}

Status ExpressionParser::CallArguments(Expr& call) {
  Take();
  while (!IsOperator(")")) {
    if (IsOperator("*") || IsOperator("**")) {
      return Unsupported(Current().offset, "arguments by * and ** are not supported");
    }
    if (Current().kind == TokenKind::kName && Ahead().kind == TokenKind::kOperator &&
        Ahead().text == "=") {
      std::string name = Take().text;
      Take();
      ACCLLM_ASSIGN_OR_RETURN(ExprPtr value, Expression());
      call.keywords.emplace_back(std::move(name), std::move(value));
    } else {
      if (!call.keywords.empty()) {
        return Corrupt(Current().offset, "a positional argument behind a named one");
      }
      ACCLLM_ASSIGN_OR_RETURN(ExprPtr value, Expression());
      call.children.push_back(std::move(value));
    }
    if (!SkipOperator(",")) break;
  }
  return ExpectOperator(")");
}

Result<ExprPtr> ExpressionParser::Call(ExprPtr callee) {
  const size_t offset = callee->offset;
  ExprPtr call = NewExpr(ExprKind::kCall, offset, std::move(callee));
  ACCLLM_RETURN_IF_ERROR(CallArguments(*call));
  return Finish(std::move(call));
}

Result<ExprPtr> ExpressionParser::FiltersAndTests(ExprPtr operand) {
  while (true) {
    if (SkipOperator("|")) {
      ACCLLM_ASSIGN_OR_RETURN(operand, Filter(std::move(operand)));
    } else if (SkipName("is")) {
      ACCLLM_ASSIGN_OR_RETURN(operand, Test(std::move(operand)));
    } else if (IsOperator("(")) {
      ACCLLM_ASSIGN_OR_RETURN(operand, Call(std::move(operand)));
    } else {
      return operand;
    }
  }
}

Result<ExprPtr> ExpressionParser::Filters(ExprPtr operand, bool starts_inline) {
  while (starts_inline || SkipOperator("|")) {
    starts_inline = false;
    ACCLLM_ASSIGN_OR_RETURN(operand, Filter(std::move(operand)));
  }
  return operand;
}

Result<ExprPtr> ExpressionParser::Filter(ExprPtr operand) {
  ExprPtr filter = NewExpr(ExprKind::kFilter, Current().offset, std::move(operand));
  ACCLLM_ASSIGN_OR_RETURN(filter->name, ExpectName());
  if (!IsFilter(filter->name)) {
    return Unsupported(filter->offset, fmt::format("there is no filter '{}'", filter->name));
  }
  if (IsOperator("(")) ACCLLM_RETURN_IF_ERROR(CallArguments(*filter));
  return Finish(std::move(filter));
}

Result<ExprPtr> ExpressionParser::Test(ExprPtr operand) {
  const bool is_negated = SkipName("not");
  ExprPtr test = NewExpr(ExprKind::kTest, Current().offset, std::move(operand));
  ACCLLM_ASSIGN_OR_RETURN(test->name, ExpectName());
  if (!IsTest(test->name)) {
    return Unsupported(test->offset, fmt::format("there is no test '{}'", test->name));
  }
  const TokenKind next = Current().kind;
  if (IsName("is")) return Corrupt(test->offset, "tests cannot be chained");
  const bool is_word_behind = IsName("else") || IsName("or") || IsName("and");
  if (IsOperator("(")) {
    ACCLLM_RETURN_IF_ERROR(CallArguments(*test));
  } else if ((next == TokenKind::kName && !is_word_behind) || next == TokenKind::kString ||
             next == TokenKind::kInteger || next == TokenKind::kFloat || IsOperator("[") ||
             IsOperator("{")) {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr argument, Primary());
    ACCLLM_ASSIGN_OR_RETURN(argument, Postfix(std::move(argument)));
    test->children.push_back(std::move(argument));
  }
  ACCLLM_ASSIGN_OR_RETURN(test, Finish(std::move(test)));
  if (!is_negated) return test;
  const size_t offset = test->offset;
  return Finish(NewExpr(ExprKind::kNot, offset, std::move(test)));
}

}  // namespace accllm::chat
