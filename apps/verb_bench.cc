// accllm bench: prefill and decode speed, beside what the machine could do at most.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/block_codec.h"
#include "base/cpu_topology.h"
#include "base/process_info.h"
#include "base/split_mix64.h"
#include "base/thread_pool.h"
#include "console.h"
#include "kernels/attention/attention.h"
#include "model_source.h"
#include "options.h"
#include "runtime/machine_limits.h"
#include "verbs.h"
#include "watched_model.h"

namespace accllm::cli {
namespace {

constexpr int64_t kBandwidthBytes = int64_t{512} << 20;
constexpr uint64_t kTokenSeed = 1;

struct BenchFlags {
  std::string model;
  int64_t prefill = 512;
  int64_t decode = 64;
  std::vector<int64_t> depths;
  std::vector<int> threads;
  std::vector<int64_t> sequences;
  int repetitions = 3;
  std::string format = "md";
  RunFlags run;
  bool json = false;
};

bool IsDecode(const char* phase) { return std::string_view(phase) == "decode"; }

struct BenchRow {
  const char* phase;
  int threads;
  int64_t sequences;  // that are decoded together
  int64_t tokens;     // of each
  int64_t depth;
  double tokens_per_second;  // median, of all sequences
  double stddev;
  double per_token;  // decode: bytes read from memory at least; prefill: multiply-adds of weights
  // Of the machine, a second, with these threads: the median of what was measured before and after
  // each run. 0: not known.
  double limit;

  bool is_decode() const { return IsDecode(phase); }
  double per_second() const { return per_token * tokens_per_second; }
};

struct Report {
  std::string machine;
  std::string isa;
  std::string model;
  std::string shape;
  std::vector<BenchRow> rows;
};

// A loaded model and what it reads for one token.
struct Subject {
  std::unique_ptr<LanguageModel> model;
  Engine* engine = nullptr;  // `model`, if it is one
  int64_t weight_bytes = 0;
  int64_t weights = 0;  // of the linear layers
  int64_t kv_bytes_per_visible = 0;
  int64_t max_visible = 0;

  double BytesPerToken(int64_t depth, int64_t n_sequences) const {
    return static_cast<double>(weight_bytes) / static_cast<double>(n_sequences) +
           static_cast<double>(kv_bytes_per_visible * std::min(depth, max_visible));
  }
};

int64_t LinearWeights(const ModelConfig& c) {
  int64_t weights = 0;
  for (const LinearKind kind : kLinearKinds) {
    const LinearShape shape = ShapeOfLinear(c, kind);
    weights += c.n_layers * shape.rows * shape.cols;
  }
  return weights;
}

Result<Subject> LoadSubject(ModelSource& source, const EngineOptions& options) {
  const ModelConfig& c = source.config();
  const AttentionWindow& window = options.window;
  const int64_t heads = 2 * c.n_layers * c.n_kv_heads;  // keys and values
  Subject subject;
  subject.weights = LinearWeights(c);
  subject.max_visible =
      window.window == AttentionWindow::kAll ? INT64_MAX : window.n_sinks + window.window;
  if (!source.is_packed()) {
    ACCLLM_ASSIGN_OR_RETURN(subject.model, source.LoadFloat(window));
    subject.weight_bytes =
        (subject.weights + c.vocab_size * c.hidden_size) * int64_t{sizeof(float)};
    subject.kv_bytes_per_visible = heads * c.head_dim * int64_t{sizeof(float)};
    return subject;
  }
  ACCLLM_ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, source.LoadEngine(options));
  subject.weight_bytes = engine->model().BytesPerToken();
  subject.kv_bytes_per_visible = heads * kernels::KvRowBytes(c.head_dim);
  subject.engine = engine.get();
  subject.model = std::move(engine);
  return subject;
}

std::vector<int32_t> RandomTokens(int64_t n, int64_t vocab_size) {
  uint64_t state = kTokenSeed;
  std::vector<int32_t> tokens(static_cast<size_t>(n));
  for (int32_t& token : tokens) {
    token = static_cast<int32_t>(SplitMix64(state) % static_cast<uint64_t>(vocab_size));
  }
  return tokens;
}

struct Phase {
  const char* name;
  int64_t tokens;         // that are timed
  int64_t step;           // tokens of one call
  int64_t sequences = 1;  // that run together
};

// Tokens a second of one run: `depth` tokens first, untimed, then the phase.
Result<double> RunOnce(LanguageModel& model, const Phase& phase, int64_t depth,
                       std::span<const int32_t> tokens) {
  std::vector<float> logits(static_cast<size_t>(model.vocab_size()));
  model.Reset();
  ACCLLM_RETURN_IF_ERROR(model.Append(tokens.first(static_cast<size_t>(depth)), 0, nullptr));
  const double start = MonotonicSeconds();
  for (int64_t done = 0; done < phase.tokens; done += phase.step) {
    const auto part =
        tokens.subspan(static_cast<size_t>(depth + done), static_cast<size_t>(phase.step));
    ACCLLM_RETURN_IF_ERROR(model.Append(part, 1, logits.data()));
  }
  return static_cast<double>(phase.tokens) / (MonotonicSeconds() - start);
}

// Texts of an engine at one depth, which decode together. Each run goes on where the last one
// ended: filling a long cache takes longer than what is measured.
class Texts {
 public:
  // `watch` returns false to stop; everything given must outlive the texts.
  Texts(Engine& engine, const Phase& phase, int64_t depth, std::span<const int32_t> tokens,
        const std::function<bool()>& watch)
      : engine_(engine), phase_(phase), depth_(depth), tokens_(tokens), watch_(watch) {}

  // Tokens a second of the next run.
  Result<double> Run() {
    if (texts_.empty()) ACCLLM_RETURN_IF_ERROR(Fill());
    std::vector<Engine::Sequence*> all;
    for (Engine::Sequence& text : texts_) all.push_back(&text);
    std::vector<float> logits(texts_.size() * static_cast<size_t>(engine_.vocab_size()));
    const double start = MonotonicSeconds();
    for (int64_t done = 0; done < phase_.tokens; ++done) {
      if (!watch_()) return tl::unexpected(InterruptedError("nothing is kept"));
      const std::vector<int32_t> next(texts_.size(), tokens_[static_cast<size_t>(depth_ + done)]);
      ACCLLM_RETURN_IF_ERROR(engine_.AppendTogether(all, next, logits.data()));
    }
    return static_cast<double>(phase_.tokens * phase_.sequences) / (MonotonicSeconds() - start);
  }

 private:
  Status Fill() {
    for (int64_t i = 0; i < phase_.sequences; ++i) {
      ACCLLM_ASSIGN_OR_RETURN(Engine::Sequence text, engine_.NewSequence());
      for (int64_t at = 0; at < depth_; at += WatchedModel::kPiece) {
        if (!watch_()) return tl::unexpected(InterruptedError("nothing is kept"));
        const auto n = static_cast<size_t>(std::min(WatchedModel::kPiece, depth_ - at));
        ACCLLM_RETURN_IF_ERROR(
            engine_.AppendTo(text, tokens_.subspan(static_cast<size_t>(at), n), 0, nullptr));
      }
      texts_.push_back(std::move(text));
    }
    return {};
  }

  Engine& engine_;
  const Phase& phase_;
  int64_t depth_;
  std::span<const int32_t> tokens_;
  const std::function<bool()>& watch_;
  std::vector<Engine::Sequence> texts_;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double StandardDeviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  double mean = 0;
  for (const double v : values) mean += v / static_cast<double>(values.size());
  double square = 0;
  for (const double v : values) square += (v - mean) * (v - mean);
  return std::sqrt(square / static_cast<double>(values.size() - 1));
}

// How far the whole benchmark is, in runs.
struct Meter {
  Progress progress{"benchmark"};
  double total = 0;
  double done = 0;
};

std::vector<Phase> PhasesOf(const BenchFlags& flags) {
  std::vector<Phase> phases;
  if (flags.prefill > 0) phases.push_back({"prefill", flags.prefill, flags.prefill});
  if (flags.decode == 0) return phases;
  for (const int64_t n : flags.sequences) phases.push_back({"decode", flags.decode, 1, n});
  return phases;
}

// One phase at one depth: what was measured so far.
struct Measured {
  int64_t depth = 0;
  std::vector<int32_t> tokens;
  std::optional<Texts> texts;  // of decoding on an engine
  std::vector<double> speeds;
  std::vector<double> limits;  // before and after each run
};

// All phases and depths with one number of threads. Depths take turns, so that what else the
// machine does meets all of them.
Status BenchThreads(const BenchFlags& flags, ModelSource& source, const EngineOptions& options,
                    Meter& meter, Report& report) {
  ThreadPool pool(options.n_threads);
  std::optional<ReadBandwidth> reader;  // half a gigabyte: only if it is needed
  if (flags.decode > 0) {
    ACCLLM_ASSIGN_OR_RETURN(reader, ReadBandwidth::Create(pool, options.isa, kBandwidthBytes));
  }
  const auto limit_of = [&](bool is_decode) -> Result<double> {
    if (is_decode) return reader->Measure();
    return source.is_packed() ? MeasureDotPeak(pool, options.isa) : 0;
  };
  ACCLLM_ASSIGN_OR_RETURN(const Subject subject, LoadSubject(source, options));
  std::string what;
  const std::function<bool()> watch = [&] {
    meter.progress.Update(meter.done / meter.total, what);
    return !Interrupted();
  };
  WatchedModel model(*subject.model, [&](int64_t, int64_t) { return watch(); });
  for (const Phase& phase : PhasesOf(flags)) {
    const bool is_decode = IsDecode(phase.name);
    std::vector<Measured> all(flags.depths.size());
    for (size_t i = 0; i < all.size(); ++i) {
      Measured& at = all[i];
      at.depth = flags.depths[i];
      at.tokens = RandomTokens(at.depth + phase.tokens, source.config().vocab_size);
      if (is_decode && subject.engine != nullptr) {
        at.texts.emplace(*subject.engine, phase, at.depth, at.tokens, watch);
      }
    }
    const auto run = [&](Measured& at) -> Status {
      ACCLLM_ASSIGN_OR_RETURN(const double before, limit_of(is_decode));
      ACCLLM_ASSIGN_OR_RETURN(const double speed, at.texts
                                                      ? at.texts->Run()
                                                      : RunOnce(model, phase, at.depth, at.tokens));
      ACCLLM_ASSIGN_OR_RETURN(const double after, limit_of(is_decode));
      at.speeds.push_back(speed);
      at.limits.insert(at.limits.end(), {before, after});
      return {};
    };
    for (int i = 0; i < flags.repetitions; ++i) {
      for (Measured& at : all) {
        what = fmt::format("{} of {} text(s) at depth {}, {} thread(s), run {}", phase.name,
                           phase.sequences, at.depth, options.n_threads, i + 1);
        ACCLLM_RETURN_IF_ERROR(run(at));
        ++meter.done;
      }
    }
    for (const Measured& at : all) {
      const int64_t n_runs = at.texts ? flags.repetitions : 1;  // one behind the other
      const double per_token =
          is_decode ? subject.BytesPerToken(at.depth + n_runs * phase.tokens / 2, phase.sequences)
                    : static_cast<double>(subject.weights);
      report.rows.push_back({phase.name, options.n_threads, phase.sequences, phase.tokens, at.depth,
                             Median(at.speeds), StandardDeviation(at.speeds), per_token,
                             Median(at.limits)});
    }
  }
  return {};
}

Json ReportJson(const Report& report) {
  Json rows = Json::array();
  std::map<int, double> bandwidths;  // by threads: the best of all rows
  for (const BenchRow& row : report.rows) {
    const bool is_decode = row.is_decode();
    const auto in_units = [](bool is_known, double x) { return is_known ? Json(x) : Json(); };
    rows.push_back(
        {{"phase", row.phase},
         {"threads", row.threads},
         {"sequences", row.sequences},
         {"tokens", row.tokens},
         {"depth", row.depth},
         {"tokens_per_second", row.tokens_per_second},
         {"stddev", row.stddev},
         {"bytes_per_token", in_units(is_decode, row.per_token)},
         {"gb_per_second", in_units(is_decode, row.per_second() / 1e9)},
         {"read_gb_per_second", in_units(is_decode, row.limit / 1e9)},
         {"gmac_per_second", in_units(!is_decode, row.per_second() / 1e9)},
         {"peak_gmac_per_second", in_units(!is_decode && row.limit > 0, row.limit / 1e9)}});
    if (is_decode) bandwidths[row.threads] = std::max(bandwidths[row.threads], row.limit / 1e9);
  }
  Json list = Json::array();
  double best = 0;
  for (const auto& [threads, bandwidth] : bandwidths) {
    list.push_back({{"threads", threads}, {"gb_per_second", bandwidth}});
    best = std::max(best, bandwidth);
  }
  return {{"machine", report.machine},
          {"isa", report.isa},
          {"model", report.model},
          {"shape", report.shape},
          {"read_bandwidth_gb_s", best},
          {"read_bandwidth", list},
          {"rows", rows}};
}

std::string ReportCsv(const Report& report) {
  std::string text =
      "phase,threads,sequences,tokens,depth,tokens_per_second,stddev,bytes_per_token,gb_per_second,"
      "read_bandwidth_gb_s,gmac_per_second,peak_gmac_per_second,isa,model\n";
  for (const BenchRow& row : report.rows) {
    text += fmt::format("{},{},{},{},{},{:.3f},{:.3f},", row.phase, row.threads, row.sequences,
                        row.tokens, row.depth, row.tokens_per_second, row.stddev);
    text += row.is_decode()
                ? fmt::format("{:.0f},{:.3f},{:.3f},,", row.per_token, row.per_second() / 1e9,
                              row.limit / 1e9)
                : fmt::format(",,,{:.3f},{:.3f}", row.per_second() / 1e9, row.limit / 1e9);
    text += fmt::format(",{},\"{}\"\n", report.isa, report.model);
  }
  return text;
}

std::string ReportMarkdown(const Report& report) {
  std::string text = fmt::format(
      "{} ({}), {}, {}\n\n"
      "| phase | threads | texts | tokens | depth | token/s | rate | limit | share |\n"
      "|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
      report.model, report.shape, report.machine, report.isa);
  for (const BenchRow& row : report.rows) {
    const char* unit = row.is_decode() ? "GB/s" : "GMAC/s";
    text += fmt::format("| {} | {} | {} | {} | {} | {:.2f} ± {:.2f} | {:.1f} {} ", row.phase,
                        row.threads, row.sequences, row.tokens, row.depth, row.tokens_per_second,
                        row.stddev, row.per_second() / 1e9, unit);
    text += row.limit > 0 ? fmt::format("| {:.1f} {} | {:.0f} % |\n", row.limit / 1e9, unit,
                                        100 * row.per_second() / row.limit)
                          : "| | |\n";
  }
  return text;
}

// Fills in defaults and refuses what cannot be measured.
Status Complete(BenchFlags& flags, const ModelSource& source) {
  if (flags.prefill == 0 && flags.decode == 0) {
    return Fail(ErrorCode::kInvalidArgument, "--prefill 0 and --decode 0 leave nothing to measure",
                "make one of them positive");
  }
  if (flags.depths.empty()) flags.depths = {0};
  if (flags.sequences.empty()) flags.sequences = {1};
  if (source.is_packed()) {
    if (flags.threads.empty()) flags.threads = {ThisCpuTopology().n_threads()};
    return {};
  }
  if (flags.sequences != std::vector<int64_t>{1}) {
    return Fail(ErrorCode::kInvalidArgument, "--sequences: a checkpoint runs one text at a time",
                "leave it out, or compress the checkpoint first");
  }
  if (flags.threads.empty()) flags.threads = {1};
  if (flags.threads != std::vector<int>{1}) {
    return Fail(ErrorCode::kInvalidArgument, "--threads: a checkpoint runs on one thread",
                "leave it out, or compress the checkpoint first");
  }
  return {};
}

std::string ShapeOf(const ModelConfig& c) {
  return fmt::format("{} layers, hidden {}, FFN {}, {}/{} heads, vocabulary {}", c.n_layers,
                     c.hidden_size, c.intermediate_size, c.n_heads, c.n_kv_heads, c.vocab_size);
}

Status RunBench(BenchFlags flags) {
  ACCLLM_ASSIGN_OR_RETURN(ModelSource source, ModelSource::Open(flags.model));
  ACCLLM_RETURN_IF_ERROR(Complete(flags, source));
  EngineOptions options;
  ACCLLM_ASSIGN_OR_RETURN(options.window, flags.run.Attention(source.attention()));
  ACCLLM_ASSIGN_OR_RETURN(options.isa, SelectIsa());
  options.chunk =
      std::max(flags.run.chunk, *std::max_element(flags.sequences.begin(), flags.sequences.end()));
  options.max_tokens = *std::max_element(flags.depths.begin(), flags.depths.end()) +
                       std::max(flags.prefill, flags.decode * flags.repetitions);
  Report report{MachineName(),
                std::string(source.is_packed() ? IsaName(options.isa) : "float"),
                NameOfPath(flags.model),
                ShapeOf(source.config()),
                {}};
  {
    Meter meter;
    meter.total =
        static_cast<double>(flags.threads.size() * flags.depths.size() * PhasesOf(flags).size()) *
        flags.repetitions;
    for (const int threads : flags.threads) {
      options.n_threads = threads;
      ACCLLM_RETURN_IF_ERROR(BenchThreads(flags, source, options, meter, report));
    }
  }
  if (flags.json || flags.format == "json") return PrintJson(ReportJson(report));
  return PrintText(flags.format == "csv" ? ReportCsv(report) : ReportMarkdown(report));
}

}  // namespace

VerbBody DeclareBench(OptionTable& table) {
  auto flags = std::make_shared<BenchFlags>();
  table.Positional("MODEL", flags->model, "Packed file (.acc), checkpoint folder or GGUF file");
  table.Value("-p,--prefill", "N", flags->prefill, "Tokens of the prompt; 0: no prefill")
      .InRange(0, 1 << 24);
  table.Value("-n,--decode", "N", flags->decode, "Tokens to decode; 0: no decode")
      .InRange(0, 1 << 24);
  table
      .Value("-d,--depth", "D[,D]", flags->depths,
             "Tokens appended before, untimed; a list measures each, in turns; runs of --decode "
             "follow one another; default: 0")
      .InRange(0, 1 << 24);
  table
      .Value("-t,--threads", "T[,T]", flags->threads,
             "Threads; a list measures each; default: one per core")
      .InRange(1, 1024);
  table
      .Value("--sequences", "S[,S]", flags->sequences,
             "Texts that are decoded together in one pass over the weights; a list measures each; "
             "default: 1")
      .InRange(1, 64);
  table
      .Value("--repetitions", "R", flags->repetitions,
             "Runs of each measurement; the median counts")
      .InRange(1, 1000);
  table.OneOf(table.Value("--format", "NAME", flags->format, "How to print the result: {}"),
              {"md", "json", "csv"});
  flags->run.DeclareAttention(table);
  flags->run.DeclareEngine(table);
  table.Json(flags->json);
  table.Examples({"accllm bench model.acc", "accllm bench model.acc -p 512 -n 128 -d 0,2048 -t 1,2",
                  "accllm bench synth7b.acc -p 0 -n 64 --format csv"});
  return [flags] { return RunBench(*flags); };
}

}  // namespace accllm::cli
