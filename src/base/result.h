// Errors as values: every fallible function of the library returns Result<T>.
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace accllm {

// What kind of thing went wrong. Each code has one documented line here and one exit code in the
// CLI.
enum class ErrorCode {
  kInvalidArgument,  // a flag, option or function argument is out of range or contradicts another
  kNotFound,         // a file, tensor or field that must exist does not
  kIo,               // the operating system refused to open, read, write or map something
  kCorrupt,          // a file is damaged: truncated, overlapping, out of range, or its hash differs
  kUnsupported,      // a well-formed input that this build does not handle
  kOutOfMemory,      // an allocation that the input asks for was refused
  kNumeric,          // a computation produced NaN or infinity, or a matrix is not positive definite
  kInterrupted,      // the user asked to stop; what is done so far is kept
};

struct Error {
  ErrorCode code = ErrorCode::kInvalidArgument;
  std::string message;  // what is wrong and where: names the file, field or flag
  std::string remedy;   // what to do about it; may be empty

  // "message; remedy", the form shown to users.
  std::string ToString() const { return remedy.empty() ? message : message + "; " + remedy; }
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> Fail(ErrorCode code, std::string message, std::string remedy = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(remedy)});
}

}  // namespace accllm

#define ACCLLM_CONCAT_INNER(a, b) a##b
#define ACCLLM_CONCAT(a, b) ACCLLM_CONCAT_INNER(a, b)

// Evaluates a Status expression and returns its error from the enclosing function, if any.
#define ACCLLM_RETURN_IF_ERROR(expr)                             \
  do {                                                           \
    auto accllm_status = (expr);                                 \
    if (!accllm_status) {                                        \
      return ::tl::unexpected(std::move(accllm_status).error()); \
    }                                                            \
  } while (false)

// `ACCLLM_ASSIGN_OR_RETURN(auto x, F());`: x = *F(), or returns F's error from the enclosing
// function.
#define ACCLLM_ASSIGN_OR_RETURN(decl, expr) \
  ACCLLM_ASSIGN_OR_RETURN_IMPL(ACCLLM_CONCAT(accllm_result_, __LINE__), decl, expr)
#define ACCLLM_ASSIGN_OR_RETURN_IMPL(result, decl, expr) \
  auto result = (expr);                                  \
  if (!result) {                                         \
    return ::tl::unexpected(std::move(result).error());  \
  }                                                      \
  decl = std::move(*result)
