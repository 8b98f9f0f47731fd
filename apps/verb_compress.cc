// accllm compress: from a checkpoint to one packed file.
#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/process_info.h"
#include "base/tensor_names.h"
#include "compare_run.h"
#include "compress/compress.h"
#include "console.h"
#include "model_source.h"
#include "options.h"
#include "output_file.h"
#include "packed/packed_writer.h"
#include "packed/tensor_layout.h"
#include "text_source.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

struct CompressFlags {
  std::string checkpoint;
  std::string output;
  std::string recipe{DefaultRecipe().name};
  std::string codebook = "2:4";
  std::string calibration;
  bool lines = false;
  int64_t samples = CompressOptions{}.n_samples;
  int64_t sample_tokens = 0;
  int64_t tune_steps = CompressOptions{}.tune_steps;
  int64_t tune_blocks = CompressOptions{}.tune_blocks;
  int64_t scale_steps = CompressOptions{}.scale_steps;
  int64_t distill_steps = CompressOptions{}.distill_steps;
  int64_t batch_tokens = CompressOptions{}.batch_tokens;
  int64_t low_rank = 0;
  RunFlags run;
  std::vector<std::string> keep_dense;
  double bits = 0;
  std::vector<std::string> bits_types;
  bool resume = false;
  bool force = false;
  bool json = false;
  // With --compare only.
  bool compare = false;
  std::vector<std::string> recipes;
  std::string text;
  int64_t max_tokens = 0;
  int64_t window_tokens = 0;
  std::string prompt;
};

constexpr int64_t kCompareTokens = 16384;
// One of each kind: pruning from the plainest to the best, and what is not pruned.
constexpr std::array<std::string_view, 7> kCompareRecipes = {
    "magnitude-gptq", "wanda-gptq", "sparsegpt-gptq", "joint", "tuned", "dense-w2", "dense-w4"};

// "layers.0.*=w4"
Result<KeepDense> ParseKeepDense(const std::string& rule) {
  const size_t equals = rule.rfind('=');
  const std::string remedy = "write PATTERN=TYPE with type w2, w3, w4, w8 or f16: 'layers.0.*=w4'";
  if (equals == std::string::npos || equals == 0) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("--keep-dense {}: not a rule", rule),
                remedy);
  }
  const auto type = TensorTypeFromLabel(rule.substr(equals + 1));
  const bool is_dense = type && *type != format::TensorType::kF32 && !IsCoded(*type);
  if (!is_dense) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("--keep-dense {}: '{}' is no dense type", rule, rule.substr(equals + 1)),
        remedy);
  }
  return KeepDense{rule.substr(0, equals), *type};
}

// Those that are named, in the order of a budget.
std::vector<format::TensorType> BudgetTypes(const std::vector<std::string>& names) {
  std::vector<format::TensorType> types;
  std::copy_if(kBudgetTypes.begin(), kBudgetTypes.end(), std::back_inserter(types),
               [&](format::TensorType type) {
                 return std::find(names.begin(), names.end(), TensorTypeLabel(type)) != names.end();
               });
  return types;
}

// Whether to go on with an interrupted run. Errors: kInvalidArgument if there is one and the user
// did not say what to do.
Result<bool> DecideResume(const CompressFlags& flags) {
  const std::string partial = PackedWriter::PartialPath(flags.output);
  std::error_code error;
  if (!std::filesystem::exists(partial, error)) return false;
  if (!flags.resume && !flags.force) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("an interrupted run left {}", partial),
                "give --resume to go on with it or --force to start anew");
  }
  return flags.resume;
}

Status ReadCalibration(const CompressFlags& flags, const CheckpointSource& source,
                       const Recipe& recipe, CompressOptions& options) {
  if (!recipe.calibrates() || !options.calibration.empty()) return {};
  if (flags.calibration.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("recipe {} needs a calibration text", recipe.name),
                "give --calibration FILE, some 100 kB of text like the model's own, or recipe "
                "magnitude-nearest");
  }
  const LoadedTokenizer& tokenizer = source.tokenizer;
  if (!tokenizer.tokenizer) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("{}: not found; calibration needs it", tokenizer.path),
                "put tokenizer.json or tokenizer.model there, or use recipe magnitude-nearest");
  }
  ACCLLM_ASSIGN_OR_RETURN(TokenizedText text,
                          TokenizeFile(*tokenizer.tokenizer, flags.calibration, flags.lines));
  options.calibration = std::move(text.tokens);
  options.calibration_source = NameOfPath(flags.calibration);
  options.calibration_hash = text.xxh3;
  return {};
}

// All but recipe and calibration.
Result<CompressOptions> MakeOptions(const CompressFlags& flags, const CheckpointSource& source) {
  CompressOptions options;
  ACCLLM_ASSIGN_OR_RETURN(options.window,
                          flags.run.Attention(DefaultAttention(source.checkpoint->config())));
  for (const std::string& rule : flags.keep_dense) {
    ACCLLM_ASSIGN_OR_RETURN(KeepDense keep, ParseKeepDense(rule));
    options.keep_dense.push_back(std::move(keep));
  }
  options.bits = flags.bits;
  if (!flags.bits_types.empty()) options.bits_types = BudgetTypes(flags.bits_types);
  options.n_samples = flags.samples;
  options.sample_tokens = flags.sample_tokens;
  options.tune_steps = flags.tune_steps;
  options.tune_blocks = flags.tune_blocks;
  options.scale_steps = flags.scale_steps;
  options.distill_steps = flags.distill_steps;
  options.batch_tokens = flags.batch_tokens;
  options.low_rank = flags.low_rank;
  options.tokenizer_bytes = source.tokenizer.bytes;
  options.add_bos_token = source.tokenizer.add_bos_token;
  options.text_json = source.text.ToJson();
  options.source = NameOfPath(flags.checkpoint);
  return options;
}

// What the matrices under the budget are estimated to cost together: with the recipe's types, and
// with the chosen ones.
struct BudgetLoss {
  double before = 0;
  double after = 0;
};

BudgetLoss LossOf(const CompressReport& report) {
  BudgetLoss sum;
  for (const BudgetChoice& choice : report.budget) {
    sum.before += choice.base_loss;
    sum.after += choice.loss;
  }
  return sum;
}

Json BudgetJson(const CompressFlags& flags, const CompressReport& report) {
  if (report.budget.empty()) return nullptr;
  Json matrices = Json::array();
  for (const BudgetChoice& choice : report.budget) {
    matrices.push_back({{"name", choice.name},
                        {"type", choice.type},
                        {"divergence_before", choice.base_loss},
                        {"divergence", choice.loss}});
  }
  const BudgetLoss loss = LossOf(report);
  return {{"bits", flags.bits},
          {"estimated_divergence_before", loss.before},
          {"estimated_divergence", loss.after},
          {"matrices", std::move(matrices)}};
}

Json ReportJson(const CompressFlags& flags, const CompressReport& report) {
  Json layers = Json::array();
  for (const LinearReport& layer : report.layers) {
    layers.push_back({{"name", layer.name},
                      {"type", layer.type},
                      {"relative_error", layer.relative_error},
                      {"mask_kept", layer.is_mask_kept},
                      {"seconds", layer.seconds}});
  }
  Json tuning = Json::array();
  for (const TuneReport& block : report.tuning) {
    tuning.push_back({{"error_before", block.before}, {"error_after", block.after}});
  }
  return {{"file", flags.output},
          {"recipe", flags.recipe},
          {"file_bytes", report.file_bytes},
          {"checkpoint_bytes", report.checkpoint_bytes},
          {"ratio",
           static_cast<double>(report.checkpoint_bytes) / static_cast<double>(report.file_bytes)},
          {"bits_per_linear_weight", report.bits_per_linear_weight},
          {"padding_share", report.padding_share},
          {"low_rank", {{"rank", flags.low_rank}, {"bytes", report.low_rank_bytes}}},
          {"seconds", report.seconds},
          {"budget", BudgetJson(flags, report)},
          {"tuning", std::move(tuning)},
          {"distillation",
           {{"divergence_before", report.distillation.before},
            {"divergence_after", report.distillation.after}}},
          {"resumed_layers", report.resumed_layers},
          {"layers", std::move(layers)}};
}

// What `cell` says of every linear layer: a row a block, a column a kind.
std::string LayerTable(const CompressReport& report, int64_t n_layers, std::string_view title,
                       const std::function<std::string(const LinearReport&)>& cell) {
  std::vector<std::string> header = {std::string(title)};
  for (const std::string_view name : kLinearNames) {
    header.emplace_back(name.substr(name.find('.') + 1));
  }
  std::vector<std::vector<std::string>> rows = {header};
  for (int64_t layer = 0; layer < n_layers; ++layer) {
    std::vector<std::string> row = {fmt::format("layer {}", layer)};
    row.resize(header.size(), "-");
    for (const LinearReport& linear : report.layers) {
      for (size_t i = 0; i < kLinearKinds.size(); ++i) {
        if (linear.name == LayerTensorName(layer, kLinearKinds[i])) row[i + 1] = cell(linear);
      }
    }
    rows.push_back(std::move(row));
  }
  return FormatTable(rows);
}

// How many matrices were 2:4 sparse already.
std::string MaskKept(const CompressReport& report) {
  const auto n = std::count_if(report.layers.begin(), report.layers.end(),
                               [](const LinearReport& layer) { return layer.is_mask_kept; });
  return n == 0 ? "no, the checkpoint is dense"
                : fmt::format("in {} of {} matrices, sparse already", n, report.layers.size());
}

std::string LowRankParts(const CompressFlags& flags, const CompressReport& report) {
  if (report.low_rank_bytes == 0) return "none";
  return fmt::format("rank {}, {} of the bits above", flags.low_rank,
                     FormatBytes(report.low_rank_bytes));
}

std::string ReportText(const CompressFlags& flags, const CompressReport& report, int64_t n_layers) {
  const double ratio =
      static_cast<double>(report.checkpoint_bytes) / static_cast<double>(report.file_bytes);
  // Output errors in percent, and types where they differ by plan.
  std::string tables = LayerTable(report, n_layers, "error %", [](const LinearReport& linear) {
    return fmt::format("{:.2f}", 100 * linear.relative_error);
  });
  std::vector<std::pair<std::string, std::string>> fields = {{"file", flags.output}};
  if (!report.budget.empty()) {
    tables += "\n" + LayerTable(report, n_layers, "type",
                                [](const LinearReport& linear) { return linear.type; });
    const BudgetLoss loss = LossOf(report);
    fields.emplace_back(
        "budget", fmt::format("{} bits; estimated divergence from the float model {:.4f} nats a "
                              "token, {:.4f} without",
                              flags.bits, loss.after, loss.before));
  }
  fields.insert(fields.end(),
                {
                    {"size", fmt::format("{} ({:.1f} times smaller than the checkpoint's {})",
                                         FormatBytes(report.file_bytes), ratio,
                                         FormatBytes(report.checkpoint_bytes))},
                    {"bits per linear weight",
                     fmt::format("{:.4f} ({:.2f} % padding)", report.bits_per_linear_weight,
                                 100 * report.padding_share)},
                    {"mask kept", MaskKept(report)},
                    {"low-rank parts", LowRankParts(flags, report)},
                });
  if (report.distillation.before > 0) {
    fields.emplace_back("divergence on the calibration text",
                        fmt::format("{:.4f} nats a token from the float model, {:.4f} before the "
                                    "model was trained as a whole",
                                    report.distillation.after, report.distillation.before));
  }
  fields.emplace_back("time", FormatSeconds(report.seconds));
  return tables + "\n" + FormatFields(fields);
}

Status RunOne(const CompressFlags& flags, const CheckpointSource& source, CompressOptions options) {
  ACCLLM_RETURN_IF_ERROR(CheckOutput(flags.output, flags.force));
  ACCLLM_ASSIGN_OR_RETURN(const Recipe* named, RecipeByName(flags.recipe));
  ACCLLM_ASSIGN_OR_RETURN(const Recipe* recipe, WithCodebook(*named, flags.codebook));
  options.recipe = *recipe;
  ACCLLM_ASSIGN_OR_RETURN(options.resume, DecideResume(flags));
  ACCLLM_RETURN_IF_ERROR(ReadCalibration(flags, source, *recipe, options));
  ThreadPool pool(flags.run.n_threads());
  CompressReport report;
  {
    Progress progress("compressing");
    auto result = Compress(*source.checkpoint, flags.output, options, pool,
                           [&](const CompressProgress& state) {
                             progress.Update(state.share, state.step);
                             return !Interrupted();
                           });
    if (!result && result.error().code == ErrorCode::kInterrupted) {
      return tl::unexpected(InterruptedError("the same command with --resume goes on"));
    }
    if (!result) return tl::unexpected(result.error());
    report = std::move(*result);
  }
  return flags.json ? PrintJson(ReportJson(flags, report))
                    : PrintText(ReportText(flags, report, source.checkpoint->config().n_layers));
}

Status CheckFlags(const CompressFlags& flags) {
  const bool has_compare_flags = !flags.recipes.empty() || !flags.text.empty() ||
                                 flags.max_tokens > 0 || flags.window_tokens > 0 ||
                                 !flags.prompt.empty();
  if (!flags.compare && has_compare_flags) {
    return Fail(ErrorCode::kInvalidArgument,
                "--recipes, --text, --max-tokens, --window-tokens and --prompt need --compare",
                "give --compare too");
  }
  if (flags.compare && flags.codebook != "2:4") {
    return Fail(ErrorCode::kInvalidArgument, "--codebook goes with one recipe, not with --compare",
                "name them in --recipes: joint,joint-free");
  }
  if (flags.compare && flags.bits > 0) {
    return Fail(ErrorCode::kInvalidArgument, "--bits goes with one recipe, not with --compare",
                "leave one of the two out");
  }
  if (flags.compare && flags.low_rank > 0) {
    return Fail(ErrorCode::kInvalidArgument, "--lowrank goes with one recipe, not with --compare",
                "compress once with and once without, and compare them with eval");
  }
  if (flags.compare && flags.text.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "--compare needs a text to predict",
                "give --text FILE, other than the calibration text");
  }
  return {};
}

Status RunAll(const CompressFlags& flags, const CheckpointSource& source, CompressOptions options) {
  CompareTask task;
  std::vector<std::string> names = flags.recipes;
  if (names.empty()) names.assign(kCompareRecipes.begin(), kCompareRecipes.end());
  for (const std::string& name : names) {
    ACCLLM_ASSIGN_OR_RETURN(const Recipe* recipe, RecipeByName(name));
    if (std::find(task.recipes.begin(), task.recipes.end(), recipe) != task.recipes.end()) continue;
    ACCLLM_RETURN_IF_ERROR(ReadCalibration(flags, source, *recipe, options));
    task.recipes.push_back(recipe);
  }
  task.checkpoint = flags.checkpoint;
  task.output = flags.output;
  task.compress = std::move(options);
  task.text = flags.text;
  task.by_lines = flags.lines;
  task.max_tokens = flags.max_tokens > 0 ? flags.max_tokens : kCompareTokens;
  task.window_tokens = flags.window_tokens;
  task.prompt = flags.prompt;
  task.n_threads = flags.run.n_threads();
  task.resume = flags.resume;
  task.force = flags.force;
  task.json = flags.json;
  return RunCompare(task, source);
}

Status RunCompress(const CompressFlags& flags) {
  KeepFreedMemory();
  ACCLLM_RETURN_IF_ERROR(CheckFlags(flags));
  ACCLLM_ASSIGN_OR_RETURN(const CheckpointSource source, OpenCheckpoint(flags.checkpoint));
  ACCLLM_ASSIGN_OR_RETURN(CompressOptions options, MakeOptions(flags, source));
  return flags.compare ? RunAll(flags, source, std::move(options))
                       : RunOne(flags, source, std::move(options));
}

void DeclareBudget(OptionTable& table, CompressFlags& flags) {
  const OptionRef bits =
      table
          .Value("--bits", "X", flags.bits,
                 "Bits that a linear weight may take on average, scales, tables and padding "
                 "counted: matrices that suffer most become w2, w3, w4 or w8; --keep-dense fixes "
                 "others")
          .NoDefault()
          .Positive();
  const OptionRef types =
      table
          .Value("--bits-types", "A,B,C", flags.bits_types,
                 "With --bits: what matrices may become; default: w2,w3,w4,w8 (the accelerator has "
                 "no w3)")
          .NoDefault();
  std::vector<std::string> labels;
  for (const format::TensorType type : kBudgetTypes) labels.emplace_back(TensorTypeLabel(type));
  table.OneOf(types, std::move(labels));
  table.OnlyWith(bits, {types});
}

void DeclareCompare(OptionTable& table, CompressFlags& flags) {
  const OptionRef compare = table.Flag(
      "--compare", flags.compare,
      "Compress with several recipes, measure each against the float checkpoint, and write "
      "a page; --output is a folder or a page FILE.html");
  table.OnlyWith(
      compare,
      {table
           .Value("--recipes", "A,B,C", flags.recipes,
                  "With --compare: the recipes; default: magnitude-gptq, wanda-gptq, "
                  "sparsegpt-gptq, joint, tuned, dense-w2, dense-w4")
           .NoDefault(),
       table.Value("--text", "FILE", flags.text, "With --compare: the text to predict"),
       table
           .Value("--max-tokens", "N", flags.max_tokens,
                  fmt::format("With --compare: stop after N tokens of the text; default: {}",
                              kCompareTokens))
           .NoDefault()
           .Positive(),
       table
           .Value("--window-tokens", "N", flags.window_tokens,
                  "With --compare: predict in windows of N tokens; default: the model's context, "
                  "at most 2048")
           .NoDefault()
           .InRange(2, 1 << 30),
       table.Value(
           "--prompt", "TEXT", flags.prompt,
           "With --compare: what each model continues; default: the first words of the text")});
}

}  // namespace

VerbBody DeclareCompress(OptionTable& table) {
  auto flags = std::make_shared<CompressFlags>();
  table.Positional("CHECKPOINT", flags->checkpoint,
                   "Folder with config.json, safetensors and a tokenizer, or GGUF file");
  table.Value("-o,--output", "FILE", flags->output, "Packed file to write (.acc)").Required();
  std::vector<std::string> recipes;
  for (const Recipe& recipe : Recipes()) recipes.emplace_back(recipe.name);
  table.OneOf(table.Value("--recipe", "NAME", flags->recipe,
                          "How to prune and round; joint takes a small part of the time of tuned, "
                          "which trains every block: {}"),
              std::move(recipes), {"rtn"});
  table.OneOf(table.Value("--codebook", "KIND", flags->codebook,
                          "What 2-bit codes stand for, with recipe joint, tuned or distilled: 2:4 "
                          "sparse fours (the accelerator runs only these), or a table that each "
                          "tensor learns: {}"),
              {"2:4", "free"});
  table.Value("--calibration", "FILE", flags->calibration,
              "Text to calibrate on; all recipes but magnitude-nearest need one");
  table.Flag("--lines", flags->lines, "Encode each line by itself, then a newline token");
  table.Value("--samples", "N", flags->samples, "Samples taken evenly from the calibration text")
      .Positive();
  table
      .Value("--sample-tokens", "N", flags->sample_tokens,
             "Tokens of a sample; default: the model's context, at most 512")
      .NoDefault()
      .Positive();
  table
      .Value("--tune-steps", "N", flags->tune_steps,
             "With recipe tuned or distilled: steps of gradient descent on each group of blocks")
      .Positive();
  table
      .Value("--tune-blocks", "N", flags->tune_blocks,
             "With recipe tuned or distilled: neighbouring blocks of a group, trained together")
      .Positive();
  table
      .Value("--scale-steps", "N", flags->scale_steps,
             "With recipe tuned: steps of gradient descent on scales, norms and output head of the "
             "whole model, after its blocks; 0: none")
      .NonNegative();
  table
      .Value("--distill-steps", "N", flags->distill_steps,
             "With recipe distilled: steps of gradient descent on the whole model")
      .Positive();
  table.Value("--batch-tokens", "N", flags->batch_tokens, "Tokens of one step of gradient descent")
      .Positive();
  table
      .Value("--lowrank", "R", flags->low_rank,
             "Store beside every quantised linear layer an 8-bit product of rank R that makes up "
             "for some of what the codes lose; its bits count; default: none")
      .NoDefault()
      .Positive();
  flags->run.DeclareAttention(table, "the rest of the trained context", "4");
  table.Value(
      "--keep-dense", "PATTERN=TYPE", flags->keep_dense,
      "Keep tensors whose name matches the glob as w2, w3, w4, w8 or f16; repeatable, the last "
      "match wins");
  DeclareBudget(table, *flags);
  DeclareCompare(table, *flags);
  table.Flag("--resume", flags->resume, "Go on with an interrupted run, if there is one");
  table.Flag("--force", flags->force, "Overwrite an existing file");
  flags->run.DeclareThreads(table);
  table.Json(flags->json);
  table.Examples(
      {"accllm compress models/books-6m -o books.acc --calibration text.txt",
       "accllm compress models/books-6m -o soon.acc --calibration text.txt --recipe joint",
       "accllm compress llama-2-7b -o llama.acc --calibration text.txt --resume",
       "accllm compress models/books-6m -o plain.acc --recipe magnitude-nearest "
       "--keep-dense 'layers.0.*=w4'",
       "accllm compress models/books-6m --compare -o recipes --calibration text.txt "
       "--text book.txt"});
  return [flags] { return RunCompress(*flags); };
}

}  // namespace accllm::cli
