// accllm chat: a conversation.
#include <unistd.h>

#include <memory>

#include "base/file_io.h"
#include "chat_console.h"
#include "chat_input.h"
#include "console.h"
#include "draft_source.h"
#include "model_source.h"
#include "options.h"
#include "runtime/chat_session.h"
#include "sampler_flags.h"
#include "verbs.h"
#include "watched_model.h"

namespace accllm::cli {
namespace {

struct ChatFlags {
  std::string model;
  std::string system;
  std::string template_file;
  int64_t max_new_tokens = 512;
  SamplerOptions sampler;
  RunFlags run;
  bool ignore_eos = false;
  bool quiet = false;
  bool json = false;
};

// Of --template, or what came with the model; nothing if there is none.
Result<std::optional<ChatTemplate>> LoadTemplate(const ChatFlags& flags,
                                                 const ModelSource& source) {
  std::string text = source.text().chat_template;
  std::string path = source.path() + ": chat template";
  if (!flags.template_file.empty()) {
    path = flags.template_file;
    ACCLLM_ASSIGN_OR_RETURN(text, ReadTextFile(path, ChatTemplate::kMaxSourceBytes));
  }
  if (text.empty()) return std::optional<ChatTemplate>();
  ACCLLM_ASSIGN_OR_RETURN(ChatTemplate chat_template, ChatTemplate::Parse(std::move(text), path));
  return std::optional<ChatTemplate>(std::move(chat_template));
}

ChatOptions SessionOptions(const ChatFlags& flags, const ModelSource& source,
                           const EngineOptions& engine, DraftModel* draft_model) {
  const Tokenizer& tokenizer = *source.tokenizer();
  const TextSettings& text = source.text();
  ChatOptions options;
  options.bos_token = text.bos_token.empty() ? tokenizer.Piece(tokenizer.bos_id()) : text.bos_token;
  options.eos_token = text.eos_token.empty() ? tokenizer.Piece(tokenizer.eos_id()) : text.eos_token;
  options.bos_id = source.starts_with_bos() ? source.config().bos_token_id : -1;
  options.max_new_tokens = flags.max_new_tokens;
  options.sampler = flags.sampler;
  options.max_draft = flags.run.draft;
  options.draft_model = draft_model;
  if (engine.window.window == AttentionWindow::kAll) options.max_tokens = engine.max_tokens;
  if (flags.ignore_eos) return options;
  options.stop_tokens = source.config().eos_token_ids;
  options.stop_tokens.insert(options.stop_tokens.end(), text.eos_token_ids.begin(),
                             text.eos_token_ids.end());
  if (tokenizer.eos_id() >= 0) options.stop_tokens.push_back(tokenizer.eos_id());
  return options;
}

Json Settings(const ChatFlags& flags) {
  return {{"model", NameOfPath(flags.model)}, {"temp", flags.sampler.temperature},
          {"top_k", flags.sampler.top_k},     {"top_p", flags.sampler.top_p},
          {"min_p", flags.sampler.min_p},     {"seed", flags.sampler.seed}};
}

Status RunChat(const ChatFlags& flags) {
  ACCLLM_RETURN_IF_ERROR(CheckSamplerOptions(flags.sampler));
  ACCLLM_ASSIGN_OR_RETURN(ModelSource source, ModelSource::Open(flags.model));
  ACCLLM_ASSIGN_OR_RETURN(const Tokenizer* tokenizer,
                          source.RequireTokenizer("a chat needs one; generate runs on token ids"));
  ACCLLM_ASSIGN_OR_RETURN(std::optional<ChatTemplate> chat_template, LoadTemplate(flags, source));
  const bool has_template = chat_template.has_value();
  ACCLLM_ASSIGN_OR_RETURN(const EngineOptions engine, flags.run.Engine(source));
  ACCLLM_ASSIGN_OR_RETURN(const std::unique_ptr<LanguageModel> model, source.LoadModel(engine));
  ACCLLM_ASSIGN_OR_RETURN(DraftSource draft, DraftSource::Open(flags.run, source, *model));
  WatchedModel watched(*model, WatchedModel::GoesOnUnlessInterrupted);
  ChatSession session(watched, *tokenizer, std::move(chat_template),
                      SessionOptions(flags, source, engine, draft.model()));
  if (!flags.system.empty()) ACCLLM_RETURN_IF_ERROR(session.SetSystem(flags.system));
  ChatConsoleOptions options;
  options.window = engine.window;
  options.max_tokens = engine.max_tokens;
  options.json = flags.json;
  options.quiet = flags.quiet;
  options.is_terminal = isatty(STDIN_FILENO) == 1 && !flags.json;
  options.settings = Settings(flags);
  if (!has_template && !flags.quiet) {
    PrintNote("the model has no chat template: it continues what you type");
  }
  KeepRunningOnInterrupt();
  ChatConsole console(session, options);
  if (!options.is_terminal) {
    PipedInput input;
    return console.Run(input);
  }
  if (!flags.quiet) PrintNote("/help lists the commands; Ctrl-D leaves");
  TerminalInput input;
  return console.Run(input);
}

}  // namespace

VerbBody DeclareChat(OptionTable& table) {
  auto flags = std::make_shared<ChatFlags>();
  table.Positional("MODEL", flags->model, "Packed file (.acc), checkpoint folder or GGUF file");
  table.Value("--system", "TEXT", flags->system, "The system message");
  table.Value("--template", "FILE", flags->template_file,
              "Chat template to use instead of the model's own");
  table
      .Value("-n,--max-new-tokens", "N", flags->max_new_tokens,
             "Tokens to generate in one answer, at most")
      .Positive();
  DeclareSampler(table, flags->sampler);
  flags->run.DeclareAttention(table);
  flags->run.DeclareContext(table);
  flags->run.DeclareThreads(table);
  flags->run.DeclareEngine(table);
  flags->run.DeclareDraft(table);
  flags->run.DeclareDraftModel(table);
  table.Flag("--ignore-eos", flags->ignore_eos,
             "End an answer only at the template's own end of a turn");
  table.Flag("--quiet", flags->quiet, "No line of figures behind an answer");
  table.Flag("--json", flags->json, "Print one JSON object a turn on stdout");
  table.Examples({"accllm chat model.acc --temp 0.7 --top-p 0.9",
                  "accllm chat model.acc --system \"Answer in one sentence.\" --window 1020",
                  "accllm chat model.acc --json < questions.txt"});
  return [flags] { return RunChat(*flags); };
}

}  // namespace accllm::cli
