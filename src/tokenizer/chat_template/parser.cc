#include "tokenizer/chat_template/parser.h"

#include <algorithm>
#include <initializer_list>

#include "tokenizer/chat_template/expression_parser.h"

namespace accllm::chat {
namespace {

class Parser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Result<Body> Run() {
    ACCLLM_ASSIGN_OR_RETURN(Body body, Statements({}));
    if (Current().kind != TokenKind::kEnd) return Corrupt(Current().offset, "an unexpected tag");
    return body;
  }

 private:
  using StmtPtr = std::unique_ptr<Stmt>;
  using Names = std::initializer_list<std::string_view>;

  static StmtPtr NewStmt(StmtKind kind, size_t offset) {
    auto stmt = std::make_unique<Stmt>();
    stmt->kind = kind;
    stmt->offset = offset;
    return stmt;
  }

  Status ExpectEnd(TokenKind kind) {
    if (Current().kind != kind) return Corrupt(Current().offset, "expected the end of the tag");
    Take();
    return {};
  }

  // Up to a tag of `ends`, whose begin is skipped: the current token is its name. Without `ends` up
  // to the end of the template.
  Result<Body> Statements(Names ends) {
    Body body;
    if (nesting_ >= kMaxNesting) return Unsupported(Current().offset, "tags are nested too deep");
    ++nesting_;
    while (Current().kind != TokenKind::kEnd) {
      const Token token = Take();
      if (token.kind == TokenKind::kData) {
        body.push_back(NewStmt(StmtKind::kText, token.offset));
        body.back()->text = token.text;
      } else if (token.kind == TokenKind::kPrintBegin) {
        body.push_back(NewStmt(StmtKind::kPrint, token.offset));
        ACCLLM_ASSIGN_OR_RETURN(body.back()->expr, Tuple(true));
        ACCLLM_RETURN_IF_ERROR(ExpectEnd(TokenKind::kPrintEnd));
      } else {
        if (std::any_of(ends.begin(), ends.end(), [&](auto end) { return IsName(end); })) {
          --nesting_;
          return body;
        }
        ACCLLM_ASSIGN_OR_RETURN(StmtPtr stmt, Statement(token.offset));
        body.push_back(std::move(stmt));
        ACCLLM_RETURN_IF_ERROR(ExpectEnd(TokenKind::kBlockEnd));
      }
    }
    if (ends.size() > 0) {
      return Corrupt(Current().offset, fmt::format("expected '{}'", *(ends.end() - 1)));
    }
    return body;
  }

  // The end of the current tag, then statements up to one of `ends`.
  Result<Body> BodyUpTo(Names ends) {
    SkipOperator(":");
    ACCLLM_RETURN_IF_ERROR(ExpectEnd(TokenKind::kBlockEnd));
    return Statements(ends);
  }

  // The same, and skips the name of the one end.
  Result<Body> WholeBody(std::string_view end) {
    ACCLLM_ASSIGN_OR_RETURN(Body body, BodyUpTo({end}));
    Take();
    return body;
  }

  Result<StmtPtr> Statement(size_t offset) {
    ACCLLM_ASSIGN_OR_RETURN(const std::string tag, ExpectName());
    if (tag == "if") return If(offset);
    if (tag == "for") return For(offset);
    if (tag == "set") return Set(offset);
    if (tag == "macro") return Macro(offset);
    if (tag == "call") return CallBlock(offset);
    if (tag == "filter") return FilterBlock(offset);
    if (tag == "with") return With(offset);
    if (tag == "print") return Print(offset);
    if (tag == "generation") {
      StmtPtr stmt = NewStmt(StmtKind::kScope, offset);
      ACCLLM_ASSIGN_OR_RETURN(stmt->body, WholeBody("endgeneration"));
      return stmt;
    }
    if (tag == "break" || tag == "continue") {
      if (n_loops_ == 0) return Corrupt(offset, fmt::format("'{}' outside of a loop", tag));
      return NewStmt(tag == "break" ? StmtKind::kBreak : StmtKind::kContinue, offset);
    }
    if (tag.starts_with("end") || tag == "else" || tag == "elif") {
      return Corrupt(offset, fmt::format("an unexpected '{}'", tag));
    }
    return Unsupported(offset, fmt::format("the tag '{}' is not supported", tag));
  }

  Result<StmtPtr> Print(size_t offset) {
    StmtPtr stmt = NewStmt(StmtKind::kPrint, offset);
    ACCLLM_ASSIGN_OR_RETURN(stmt->expr, Expression());
    return stmt;
  }

  Result<StmtPtr> If(size_t offset) {
    StmtPtr stmt = NewStmt(StmtKind::kIf, offset);
    while (true) {
      Stmt::Branch& branch = stmt->branches.emplace_back();
      ACCLLM_ASSIGN_OR_RETURN(branch.test, Tuple(false));
      ACCLLM_ASSIGN_OR_RETURN(branch.body, BodyUpTo({"elif", "else", "endif"}));
      const std::string end = Take().text;
      if (end == "endif") return stmt;
      if (end == "else") break;
    }
    ACCLLM_ASSIGN_OR_RETURN(stmt->else_body, WholeBody("endif"));
    return stmt;
  }

  Result<StmtPtr> For(size_t offset) {
    StmtPtr stmt = NewStmt(StmtKind::kFor, offset);
    ACCLLM_ASSIGN_OR_RETURN(stmt->target, Target(false));
    if (!SkipName("in")) return Corrupt(Current().offset, "expected 'in'");
    ACCLLM_ASSIGN_OR_RETURN(stmt->expr, Tuple(false));
    if (SkipName("if")) {
      ACCLLM_ASSIGN_OR_RETURN(stmt->condition, Expression());
    }
    if (IsName("recursive")) {
      return Unsupported(Current().offset, "recursive loops are not supported");
    }
    ++n_loops_;
    ACCLLM_ASSIGN_OR_RETURN(stmt->body, BodyUpTo({"else", "endfor"}));
    --n_loops_;
    if (Take().text == "endfor") return stmt;
    ACCLLM_ASSIGN_OR_RETURN(stmt->else_body, WholeBody("endfor"));
    return stmt;
  }

  static ExprPtr Captured(size_t offset) {
    auto expr = std::make_unique<Expr>();
    expr->kind = ExprKind::kCaptured;
    expr->offset = offset;
    return expr;
  }

  Result<StmtPtr> Set(size_t offset) {
    ACCLLM_ASSIGN_OR_RETURN(ExprPtr target, Target(true));
    if (SkipOperator("=")) {
      StmtPtr stmt = NewStmt(StmtKind::kSet, offset);
      stmt->target = std::move(target);
      ACCLLM_ASSIGN_OR_RETURN(stmt->expr, Tuple(true));
      return stmt;
    }
    StmtPtr stmt = NewStmt(StmtKind::kSetBlock, offset);
    stmt->target = std::move(target);
    ACCLLM_ASSIGN_OR_RETURN(stmt->expr, Filters(Captured(offset), false));
    ACCLLM_ASSIGN_OR_RETURN(stmt->body, WholeBody("endset"));
    return stmt;
  }

  Status Parameters(Stmt& stmt) {
    ACCLLM_RETURN_IF_ERROR(ExpectOperator("("));
    while (!IsOperator(")")) {
      Stmt::Parameter& parameter = stmt.parameters.emplace_back();
      ACCLLM_ASSIGN_OR_RETURN(parameter.name, ExpectName());
      if (SkipOperator("=")) {
        ACCLLM_ASSIGN_OR_RETURN(parameter.otherwise, Expression());
      } else if (stmt.parameters.size() > 1 &&
                 stmt.parameters[stmt.parameters.size() - 2].otherwise != nullptr) {
        return Corrupt(Current().offset, "a parameter without default behind one with default");
      }
      if (!SkipOperator(",")) break;
    }
    return ExpectOperator(")");
  }

  // The body of a macro; a loop around it is not its own.
  Status MacroBody(Stmt& stmt, std::string_view end) {
    const size_t begin = at();
    const int n_loops = std::exchange(n_loops_, 0);
    ACCLLM_ASSIGN_OR_RETURN(stmt.body, WholeBody(end));
    n_loops_ = n_loops;
    for (size_t i = begin; i < at(); ++i) {
      if (tokens()[i].kind != TokenKind::kName) continue;
      stmt.uses_caller |= tokens()[i].text == "caller";
      stmt.uses_varargs |= tokens()[i].text == "varargs";
      stmt.uses_kwargs |= tokens()[i].text == "kwargs";
    }
    return {};
  }

  Result<StmtPtr> Macro(size_t offset) {
    StmtPtr stmt = NewStmt(StmtKind::kMacro, offset);
    ACCLLM_ASSIGN_OR_RETURN(stmt->text, ExpectName());
    ACCLLM_RETURN_IF_ERROR(Parameters(*stmt));
    ACCLLM_RETURN_IF_ERROR(MacroBody(*stmt, "endmacro"));
    return stmt;
  }

  Result<StmtPtr> CallBlock(size_t offset) {
    StmtPtr stmt = NewStmt(StmtKind::kCallBlock, offset);
    stmt->text = "caller";
    if (IsOperator("(")) ACCLLM_RETURN_IF_ERROR(Parameters(*stmt));
    ACCLLM_ASSIGN_OR_RETURN(stmt->expr, Expression());
    if (stmt->expr->kind != ExprKind::kCall) return Corrupt(offset, "expected a call");
    ACCLLM_RETURN_IF_ERROR(MacroBody(*stmt, "endcall"));
    return stmt;
  }

  Result<StmtPtr> FilterBlock(size_t offset) {
    StmtPtr stmt = NewStmt(StmtKind::kFilterBlock, offset);
    ACCLLM_ASSIGN_OR_RETURN(stmt->expr, Filters(Captured(offset), true));
    ACCLLM_ASSIGN_OR_RETURN(stmt->body, WholeBody("endfilter"));
    return stmt;
  }

  Result<StmtPtr> With(size_t offset) {
    StmtPtr stmt = NewStmt(StmtKind::kWith, offset);
    while (Current().kind != TokenKind::kBlockEnd) {
      if (!stmt->assignments.empty()) ACCLLM_RETURN_IF_ERROR(ExpectOperator(","));
      ACCLLM_ASSIGN_OR_RETURN(ExprPtr target, Target(false));
      ACCLLM_RETURN_IF_ERROR(ExpectOperator("="));
      ACCLLM_ASSIGN_OR_RETURN(ExprPtr value, Expression());
      stmt->assignments.emplace_back(std::move(target), std::move(value));
    }
    ACCLLM_ASSIGN_OR_RETURN(stmt->body, WholeBody("endwith"));
    return stmt;
  }

  int nesting_ = 0;  // of tags
  int n_loops_ = 0;  // around the current statement, in the same macro
};

}  // namespace

Result<Body> ParseTemplate(std::string_view source, const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(source, path));
  return Parser(source, path, std::move(tokens)).Run();
}

}  // namespace accllm::chat
