// Completion scripts for shells, generated from the option tables.
#pragma once

#include <string>
#include <vector>

#include "verbs.h"

namespace accllm::cli {

// bash, zsh, fish.
std::vector<std::string> CompletionShells();

// `shell` is one of CompletionShells().
std::string CompletionScript(const std::string& shell);

// What a shell offers for the value of an option or for an argument.
enum class Completes { kNothing, kFiles, kChoices };
Completes CompletionOf(const OptionEntry& entry);

// One file each, completion_bash.cc and so on.
std::string BashCompletion(const std::vector<DeclaredVerb>& verbs);
std::string ZshCompletion(const std::vector<DeclaredVerb>& verbs);
std::string FishCompletion(const std::vector<DeclaredVerb>& verbs);

// In single quotes for a shell in which a quote inside becomes `quote`.
std::string ShellQuoted(const std::string& text, std::string_view quote);

}  // namespace accllm::cli
