// The syntax tree of a template.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/chat_template/value.h"

namespace accllm::chat {

enum class Op {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kFloorDiv,
  kMod,
  kPow,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kIn,
  kNotIn,
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

enum class ExprKind {
  kConst,        // constant
  kName,         // name
  kTuple,        // children
  kList,         // children
  kDict,         // children: key, value, key, value, ...
  kGetAttr,      // children[0].name
  kGetItem,      // children[0][children[1]]
  kSlice,        // children[0][children[1]:children[2]:children[3]], the last three may be null
  kCall,         // children[0](children[1...], keywords)
  kFilter,       // children[0]|name(children[1...], keywords)
  kTest,         // children[0] is name(children[1...], keywords)
  kNot,          // not children[0]
  kNegate,       // -children[0]
  kPositive,     // +children[0]
  kBinary,       // children[0] ops[0] children[1]
  kAnd,          // children[0] and children[1]
  kOr,           // children[0] or children[1]
  kConcat,       // children joined by ~
  kCompare,      // children[0] ops[0] children[1] ops[1] children[2] ...
  kConditional,  // children[0] if children[1] else children[2], which may be null
  kCaptured,     // the text of the block around a filter
};

struct Expr {
  ExprKind kind = ExprKind::kConst;
  size_t offset = 0;  // in the source
  int height = 1;     // of the tree below
  std::string name;
  Value constant;
  std::vector<Op> ops;
  std::vector<ExprPtr> children;
  std::vector<std::pair<std::string, ExprPtr>> keywords;
};

struct Stmt;
using Body = std::vector<std::unique_ptr<Stmt>>;

enum class StmtKind {
  kText,         // text
  kPrint,        // expr
  kIf,           // branches in order, else_body
  kFor,          // target in expr if condition: body, else_body
  kSet,          // target = expr
  kSetBlock,     // target = body, through expr if there is one
  kMacro,        // name(parameters): body
  kCallBlock,    // expr is a call; the block is its caller: parameters, body
  kFilterBlock,  // expr is a chain of filters over the captured body
  kWith,         // assignments, body
  kScope,        // body
  kBreak,
  kContinue,
};

struct Stmt {
  struct Branch {
    ExprPtr test;
    Body body;
  };
  struct Parameter {
    std::string name;
    ExprPtr otherwise;  // may be null
  };

  StmtKind kind = StmtKind::kText;
  size_t offset = 0;
  std::string text;  // or the macro's name
  ExprPtr target;
  ExprPtr expr;
  ExprPtr condition;
  std::vector<Branch> branches;
  Body body;
  Body else_body;
  std::vector<Parameter> parameters;
  std::vector<std::pair<ExprPtr, ExprPtr>> assignments;
  // Which of its special variables a macro reads.
  bool uses_caller = false;
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

}  // namespace accllm::chat
