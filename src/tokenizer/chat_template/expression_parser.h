// Expressions by recursive descent, in jinja2's order of precedence.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/chat_template/ast.h"
#include "tokenizer/chat_template/lexer.h"

namespace accllm::chat {

class ExpressionParser {
 public:
  static constexpr int kMaxHeight = 300;   // of a tree
  static constexpr int kMaxNesting = 100;  // of brackets, and of statements

  ExpressionParser(std::string_view source, const std::string& path, std::vector<Token> tokens)
      : source_(source), path_(path), tokens_(std::move(tokens)) {}

 protected:
  const Token& Current() const { return tokens_[at_]; }
  const Token& Ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  size_t at() const { return at_; }
  const std::vector<Token>& tokens() const { return tokens_; }
  Token Take();
  bool IsOperator(std::string_view text) const;
  bool IsName(std::string_view text) const;
  bool SkipOperator(std::string_view text);
  bool SkipName(std::string_view text);
  Status ExpectOperator(std::string_view text);
  Result<std::string> ExpectName();

  tl::unexpected<Error> Corrupt(size_t offset, std::string_view message) const;
  tl::unexpected<Error> Unsupported(size_t offset, std::string_view message) const;
  tl::unexpected<Error> Unexpected() const;  // the current token

  Result<ExprPtr> Expression();
  // "a" or "a, b", up to the end of the tag or a closing parenthesis.
  Result<ExprPtr> Tuple(bool with_conditional, bool is_parenthesised = false);
  // What can be assigned to: a name, a.b if `with_namespace`, or a tuple.
  Result<ExprPtr> Target(bool with_namespace);
  // "|name(...)|..." behind `operand`; if `starts_inline` the first has no "|".
  Result<ExprPtr> Filters(ExprPtr operand, bool starts_inline);

 private:
  Result<ExprPtr> Or();
  Result<ExprPtr> And();
  Result<ExprPtr> Not();
  Result<ExprPtr> Compare();
  Result<ExprPtr> Sum();
  Result<ExprPtr> Concat();
  Result<ExprPtr> Product();
  Result<ExprPtr> Power();
  Result<ExprPtr> Unary(bool with_filter);
  Result<ExprPtr> Primary();
  Result<ExprPtr> Number();
  Result<ExprPtr> List();
  Result<ExprPtr> Dict();
  Result<ExprPtr> Postfix(ExprPtr operand);
  Result<ExprPtr> FiltersAndTests(ExprPtr operand);
  Result<ExprPtr> Filter(ExprPtr operand);
  Result<ExprPtr> Test(ExprPtr operand);
  Result<ExprPtr> Attribute(ExprPtr operand);
  Result<ExprPtr> Subscript(ExprPtr operand);
  Result<ExprPtr> Call(ExprPtr callee);
  Status CallArguments(Expr& call);
  using Level = Result<ExprPtr> (ExpressionParser::*)();
  struct BinaryOperator {
    std::string_view text;
    Op op;
  };
  Result<ExprPtr> LeftAssociative(Level operand, std::initializer_list<BinaryOperator> operators);
  // Tells the operator of a comparison at the current token and skips it.
  bool TakeComparison(Op& op);
  bool IsTupleEnd() const;
  // Computes the height. Errors: kUnsupported if it is too large.
  Result<ExprPtr> Finish(ExprPtr expr) const;

  std::string_view source_;
  const std::string& path_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace accllm::chat
