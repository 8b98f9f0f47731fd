// Drives the binary as a user does: arguments in, stdout, stderr and exit code out.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/testing/read_file.h"
#include "checkpoint/testing/checkpoint_writer.h"
#include "tokenizer/testing/json_builder.h"

namespace accllm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::ReadFile;

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;

  Json json() const { return Json::parse(out); }
};

// The type of a tensor in the output of inspect.
std::string TypeOf(const Json& inspected, const std::string& name) {
  for (const Json& tensor : inspected["tensors"]) {
    if (tensor["name"] == name) return tensor["type"];
  }
  return "missing";
}

// The first tag of a page that is not closed in its turn; "" if there is none.
std::string UnbalancedTag(const std::string& html) {
  std::vector<std::string> open;
  for (size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const size_t end = html.find('>', at);
    if (end == std::string::npos) return html.substr(at);
    std::string tag = html.substr(at + 1, end - at - 1);
    const std::string name =
        tag.substr(tag[0] == '/' ? 1 : 0, tag.find_first_of(" \n") - (tag[0] == '/' ? 1 : 0));
    if (tag[0] == '!' || tag.back() == '/') continue;
    if (tag[0] != '/') {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return tag;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

// A folder with a tiny checkpoint, packed and synthetic models, made once for all tests.
class Workspace {
 public:
  Workspace() : folder_(fs::temp_directory_path() / fmt::format("accllm_cli_{}", getpid())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    setenv("ACCLLM_CONFIG", "none", 1);  // not the developer's own settings
    ModelConfig config = testing::TinyConfig();
    config.vocab_size = 4096;
    config.max_position_embeddings = 64;
    const Status status = testing::WriteCheckpoint(Path("tiny"), config);
    if (!status) throw std::runtime_error(status.error().ToString());
    fs::copy_file(fs::path(ACCLLM_SOURCE_DIR) / "models/books-6m/tokenizer.model",
                  Path("tiny/tokenizer.model"));
    Write("text.txt", TestText());
  }
  ~Workspace() { fs::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
  }

  // Runs `WRAPPER accllm ARGUMENTS` in the folder, through a shell; WRAPPER may set variables.
  Outcome Run(const std::string& arguments, const std::string& wrapper = "") const {
    const std::string command = fmt::format("cd '{}' && {} '{}' {} >out 2>err </dev/null",
                                            folder_.string(), wrapper, ACCLLM_BINARY, arguments);
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadFile(Path("out")),
            ReadFile(Path("err"))};
  }

 private:
  static std::string TestText() {
    std::string text;
    for (int i = 0; i < 60; ++i) {
      text += fmt::format("Line {} speaks of the whale, the sea and {} sailors.\n", i, 7 * i % 31);
    }
    return text;
  }

  fs::path folder_;
};

// A wrapper: sends SIGINT to the command a moment after it has installed its handler.
const std::string kInterrupted =
    "bash -c '\"$@\" & "
    "for i in {1..200}; do grep -q \"SigCgt:.*[2367abef]$\" /proc/$!/status && break; sleep 0.1; "
    "done; sleep 0.3; kill -INT $!; wait $!' interrupted";

class Cli : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    workspace_ = std::make_unique<Workspace>();
    const Outcome made = Run("compress tiny -o tiny.acc --recipe rtn --window 28 --sinks 4");
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  static void TearDownTestSuite() { workspace_.reset(); }

  static Outcome Run(const std::string& arguments, const std::string& wrapper = "") {
    return workspace_->Run(arguments, wrapper);
  }

  // Runs with --json, expects success and returns the object.
  static Json RunJson(const std::string& arguments) {
    const Outcome outcome = Run(arguments + " --json");
    EXPECT_EQ(outcome.exit_code, 0) << arguments << "\n" << outcome.err;
    Json json = Json::parse(outcome.out, nullptr, false);
    EXPECT_TRUE(json.is_object()) << arguments << "\n" << outcome.out;
    return json;
  }

  // Expects exit code `code` and `part` in a one-line error that names the verb.
  static void ExpectError(const std::string& arguments, int code, const std::string& part,
                          const std::string& wrapper = "") {
    const Outcome outcome = Run(arguments, wrapper);
    EXPECT_EQ(outcome.exit_code, code) << arguments << "\n" << outcome.err;
    EXPECT_NE(outcome.err.find("error: "), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.out, "") << arguments;
  }

  static std::unique_ptr<Workspace> workspace_;
};

std::unique_ptr<Workspace> Cli::workspace_;

constexpr const char* kVerbs[] = {"compress", "generate", "eval",     "bench", "inspect",
                                  "verify",   "synth",    "tokenize", "export"};

TEST_F(Cli, HelpNamesEveryVerbAndExitCode) {
  const Outcome help = Run("--help");
  EXPECT_EQ(help.exit_code, 0);
  for (const char* verb : kVerbs) EXPECT_NE(help.out.find(verb), std::string::npos) << verb;
  EXPECT_NE(help.out.find("130  interrupted"), std::string::npos) << help.out;
  EXPECT_EQ(Run("help").out, help.out);
}

TEST_F(Cli, EveryVerbHasHelpWithExamplesAndJson) {
  for (const char* verb : kVerbs) {
    const Outcome help = Run(fmt::format("{} --help", verb));
    EXPECT_EQ(help.exit_code, 0) << verb;
    EXPECT_NE(help.out.find(fmt::format("Examples:\n  accllm {}", verb)), std::string::npos)
        << help.out;
    EXPECT_NE(help.out.find("--json"), std::string::npos) << verb;
  }
}

TEST_F(Cli, VersionIsPrinted) {
  const Outcome version = Run("--version");
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.out.rfind("accllm ", 0), 0U) << version.out;
}

TEST_F(Cli, UsageErrorsExitWith2) {
  ExpectError("", 2, "A subcommand is required");
  ExpectError("compose", 2, "compose");
  for (const char* verb : kVerbs) {
    ExpectError(fmt::format("{} x --no-such-flag", verb), 2,
                fmt::format("accllm {}: error:", verb));
  }
  ExpectError("generate tiny.acc", 2, "--prompt");
  ExpectError("generate tiny.acc -p a --prompt-tokens 1", 2, "more than one prompt");
  ExpectError("generate tiny.acc -p a -n zero", 2, "-n");
  ExpectError("generate tiny.acc -p a --temp -1", 2, "--temp");
  ExpectError("generate tiny.acc -p a --window none", 2, "--window");
  ExpectError("generate tiny.acc -p a --context 9", 2, "--context");
  ExpectError("generate tiny.acc -p a --window all -n 100", 2, "context of 64");
  ExpectError("generate tiny.acc --prompt-tokens 4096", 2, "vocabulary");
  ExpectError("eval tiny.acc --text text.txt --stream --window-tokens 8", 2, "exclude");
  ExpectError("eval tiny.acc --text text.txt --recompute-samples 2", 2, "--stream");
  ExpectError("eval tiny --text text.txt --precision w", 2, "--precision");
  ExpectError("bench tiny.acc -p 0 -n 0", 2, "nothing to measure");
  ExpectError("bench tiny -t 2", 2, "one thread");
  ExpectError("bench tiny.acc --format xml", 2, "--format");
  ExpectError("synth --shape gpt-9 -o g.acc", 2, "llama-2-7b");
  ExpectError("verify tiny.acc", 2, "--json", "ACCLLM_JSON=perhaps");
}

TEST_F(Cli, CompressUsageErrors) {
  ExpectError("compress tiny -o new.acc", 2, "--calibration");
  ExpectError("compress tiny -o tiny.acc --recipe rtn", 2, "--force");
  ExpectError("compress tiny -o new.acc --recipe best", 2, "--recipe");
  ExpectError("compress tiny -o new.acc --recipe rtn --keep-dense 'layers.0.*=w5'", 2, "w5");
  ExpectError("compress tiny -o new.acc --recipe rtn --text text.txt", 2, "--compare");
  ExpectError("compress tiny -o new --compare", 2, "--text");
  ExpectError("compress tiny -o new --compare --text text.txt", 2, "--calibration");
  ExpectError("compress tiny -o new.acc --recipe rtn --keep-dense w4", 2, "not a rule");
  ExpectError("compress tiny -o none/new.acc --recipe rtn", 3, "no folder");
  workspace_->Write("half.acc.partial", "");
  ExpectError("compress tiny -o half.acc --recipe rtn", 2, "--resume");
}

TEST_F(Cli, TokenizeShowsIdsAndPieces) {
  for (const char* model : {"tiny", "tiny.acc", "tiny/tokenizer.model"}) {
    const Json json = RunJson(fmt::format("tokenize {} -p 'the whale</s>' --parse-special", model));
    ASSERT_EQ(json["tokens"].size(), json["pieces"].size());
    EXPECT_EQ(json["tokens"].back(), 2) << model;
    EXPECT_EQ(json["pieces"].back(), "</s>");
    const Json plain = RunJson(fmt::format("tokenize {} -p 'the whale</s>' --bos", model));
    EXPECT_EQ(plain["tokens"].front(), 1);
    EXPECT_NE(plain["tokens"].back(), 2);
    workspace_->Write(
        "ids.txt", fmt::format("{}", fmt::join(plain["tokens"].get<std::vector<int32_t>>(), ",")));
    EXPECT_EQ(RunJson(fmt::format("tokenize {} --text ids.txt --decode", model))["text"],
              "the whale</s>");
  }
  EXPECT_EQ(Run("tokenize tiny -p 'a'").out, RunJson("tokenize tiny -p a")["tokens"][0].dump() +
                                                 "\t\xE2\x96\x81"
                                                 "a\n");
  EXPECT_EQ(Run("tokenize tiny").out, "");  // nothing on stdin
  ExpectError("tokenize tiny -p a --text text.txt", 2, "more than one text");
  ExpectError("tokenize tiny -p a --decode", 2, "'a'");
  ExpectError("tokenize tiny -p 1 --decode --bos", 2, "--decode");
  ExpectError("tokenize none -p 1", 3, "none");
  ExpectError("tokenize text.txt -p 1", 4, "text.txt");
}

// A folder's tokenizer.json comes first, is stored without white space and says whether texts start
// with BOS.
TEST_F(Cli, TokenizerJsonTravelsThroughThePackedFile) {
  const fs::path folder = workspace_->Path("json");
  fs::copy(workspace_->Path("tiny"), folder);
  const std::string bytes = testing::LlamaJson().Bytes();
  workspace_->Write("json/tokenizer.json", bytes);
  ASSERT_EQ(Run("compress json -o json.acc --recipe rtn").exit_code, 0);
  EXPECT_LT(RunJson("inspect json.acc")["tokenizer_bytes"], bytes.size());
  EXPECT_EQ(RunJson("inspect json.acc")["provenance"]["add_bos_token"], true);
  for (const char* model : {"json", "json.acc", "json/tokenizer.json"}) {
    EXPECT_EQ(RunJson(fmt::format("tokenize {} -p 'ab a'", model))["tokens"], Json({264, 263}));
  }
  EXPECT_EQ(Run("verify json.acc").exit_code, 0);
  testing::TestJson without_bos;
  workspace_->Write("json/tokenizer.json", without_bos.Bytes());
  ASSERT_EQ(Run("compress json -o json.acc --recipe rtn --force").exit_code, 0);
  EXPECT_EQ(RunJson("inspect json.acc")["provenance"]["add_bos_token"], false);
  // What is not supported gives way to the other file; what is damaged does not.
  testing::TestJson odd;
  odd.normalizer = R"({"type":"Lowercase"})";
  workspace_->Write("json/tokenizer.json", odd.Bytes());
  EXPECT_EQ(RunJson("tokenize json -p 'ab a'"), RunJson("tokenize tiny -p 'ab a'"));
  fs::remove(folder / "tokenizer.model");
  ExpectError("tokenize json -p a", 4, "normalizer");
  workspace_->Write("json/tokenizer.json", "{");
  ExpectError("tokenize json -p a", 4, "json/tokenizer.json");
}

TEST_F(Cli, MissingInputsExitWith3) {
  ExpectError("inspect none.acc", 3, "none.acc");
  ExpectError("verify none.acc", 3, "none.acc");
  ExpectError("bench none.acc", 3, "none.acc");
  ExpectError("generate none.acc -p a", 3, "none.acc");
  ExpectError("generate tiny.acc --prompt-file none.txt", 3, "none.txt");
  ExpectError("eval tiny.acc --text none.txt", 3, "none.txt");
  ExpectError("eval tiny.acc --text text.txt --against none", 3, "none");
  ExpectError("compress none -o new.acc --recipe rtn", 3, "none");
}

TEST_F(Cli, DamagedInputsExitWith4) {
  std::string bytes = ReadFile(workspace_->Path("tiny.acc"));
  ASSERT_GT(bytes.size(), 100000U);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  workspace_->Write("damaged.acc", bytes);
  ExpectError("verify damaged.acc", 4, "damaged.acc");
  ExpectError("verify damaged.acc --json", 4, "damaged.acc");
  workspace_->Write("short.acc", bytes.substr(0, 1000));
  ExpectError("inspect short.acc", 4, "short.acc");
  ExpectError("verify text.txt", 4, "text.txt");
}

TEST_F(Cli, OptionsCanComeFromTheEnvironment) {
  const Outcome outcome =
      Run("bench tiny.acc -p 0 -n 2 --repetitions 1 --json", "ACCLLM_THREADS=2");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["rows"][0]["threads"], 2);
  ExpectError("generate tiny.acc -p a -n 1", 2, "--threads", "ACCLLM_THREADS=many");
  ExpectError("bench tiny.acc", 2, "ACCLLM_ISA", "ACCLLM_ISA=mmx");
  // The command line wins.
  const Outcome both =
      Run("bench tiny.acc -p 0 -n 2 --repetitions 1 --json -t 1", "ACCLLM_THREADS=2");
  ASSERT_EQ(both.exit_code, 0) << both.err;
  EXPECT_EQ(both.json()["rows"][0]["threads"], 1);
}

TEST_F(Cli, CompressReportsWhatItWrote) {
  const Json report = RunJson(
      "compress tiny -o joint.acc --calibration text.txt --lines --samples 4 --sample-tokens 32 "
      "--recipe joint --keep-dense 'layers.0.*=w8'");
  EXPECT_EQ(report["file_bytes"], fs::file_size(workspace_->Path("joint.acc")));
  EXPECT_EQ(report["layers"].size(), 14U);
  for (const Json& layer : report["layers"]) {
    EXPECT_GE(layer["relative_error"], 0.0);
    EXPECT_LT(layer["relative_error"], 1.0);
  }
  EXPECT_EQ(Run("verify joint.acc").exit_code, 0);
  const Json inspected = RunJson("inspect joint.acc");
  EXPECT_NEAR(inspected["bits_per_linear_weight"], report["bits_per_linear_weight"], 1e-9);
  // The default window fills the trained context.
  EXPECT_EQ(inspected["attention"], Json({{"sinks", 4}, {"window", 60}}));
  EXPECT_EQ(TypeOf(inspected, "layers.0.mlp.up_proj"), "w8");
  EXPECT_EQ(TypeOf(inspected, "layers.1.mlp.up_proj"), "w2-2:4");
}

TEST_F(Cli, CompressForAPersonShowsATable) {
  const Outcome outcome = Run("compress tiny -o again.acc --recipe rtn");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("layer 1"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("bits per linear weight"), std::string::npos) << outcome.out;
  EXPECT_EQ(Run("compress tiny -o again.acc --recipe rtn --force").exit_code, 0);
}

constexpr const char* kCompare =
    "compress tiny --compare --calibration text.txt --text text.txt --lines "
    "--sample-tokens 32 --window-tokens 32 --max-tokens 300 --prompt 'The <sea>' "
    "--recipes magnitude-nearest,joint,dense-w3";

TEST_F(Cli, CompareMeasuresEveryRecipeAndWritesAPage) {
  const Outcome outcome = Run(fmt::format("{} -o compared", kCompare));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const char* part : {"magnitude-nearest", "joint", "dense-w3", "compared/report.html"}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << outcome.out;
  }
  const Json json = Json::parse(ReadFile(workspace_->Path("compared/report.json")));
  EXPECT_EQ(json["predicted_tokens"], 9 * 31);
  EXPECT_GT(json["float"]["measurements"]["w"]["perplexity"], 1.0);
  ASSERT_EQ(json["recipes"].size(), 3U);
  for (const Json& recipe : json["recipes"]) {
    for (const char* precision : {"w", "wa8kv4"}) {
      const Json& measured = recipe["measurements"][precision];
      EXPECT_GT(measured["perplexity"], 1.0) << recipe["name"];
      EXPECT_GT(measured["kl"], 0.0) << recipe["name"];
      EXPECT_LT(measured["top1_agreement"], 1.0) << recipe["name"];
    }
    EXPECT_EQ(recipe["relative_errors"].size(), 14U);
    EXPECT_TRUE(recipe["sample"].is_string());
    const std::string file = fmt::format("compared/{}.acc", recipe["name"].get<std::string>());
    EXPECT_EQ(recipe["file_bytes"], fs::file_size(workspace_->Path(file)));
  }
  const std::string page = ReadFile(workspace_->Path("compared/report.html"));
  EXPECT_EQ(UnbalancedTag(page), "");
  EXPECT_NE(page.find("The &lt;sea&gt;"), std::string::npos);
  EXPECT_NE(page.find("<svg"), std::string::npos);
  for (const char* foreign : {"http:", "https:", "src=", "href=", "@import", "url("}) {
    EXPECT_EQ(page.find(foreign), std::string::npos) << foreign;
  }
}

TEST_F(Cli, CompareMeasuresLikeEval) {
  const Json json = RunJson(fmt::format("{} -o measured.html", kCompare));
  EXPECT_TRUE(fs::exists(workspace_->Path("measured.html")));
  EXPECT_TRUE(fs::exists(workspace_->Path("measured.json")));
  const Json eval = RunJson(
      "eval measured.recipes/joint.acc --text text.txt --lines --window-tokens 32 --max-tokens 288 "
      "--against tiny");
  const Json& measured = json["recipes"][1]["measurements"]["wa8kv4"];
  EXPECT_NEAR(measured["perplexity"], eval["perplexity"], 1e-6);
  EXPECT_NEAR(measured["kl"], eval["kl"], 1e-9);
}

TEST_F(Cli, CompareKeepsWhatIsFinished) {
  const std::string command = fmt::format("{} -o kept", kCompare);
  ASSERT_EQ(Run(command).exit_code, 0);
  const std::string report = ReadFile(workspace_->Path("kept/report.json"));
  ExpectError(command, 2, "--resume");
  // Nothing is left to do: the very same seconds are reported.
  ASSERT_EQ(Run(command + " --resume").exit_code, 0);
  EXPECT_EQ(ReadFile(workspace_->Path("kept/report.json")), report);
  // One recipe is done anew, the others are not.
  fs::remove(workspace_->Path("kept/joint.result.json"));
  const std::string other = ReadFile(workspace_->Path("kept/dense-w3.result.json"));
  ASSERT_EQ(Run(command + " --resume").exit_code, 0);
  EXPECT_EQ(ReadFile(workspace_->Path("kept/dense-w3.result.json")), other);
  ExpectError(command + " --resume --samples 3", 2, "other options");
  workspace_->Write("kept/joint.result.json", "{");
  ExpectError(command + " --resume", 4, "joint.result.json");
  EXPECT_EQ(Run(command + " --force").exit_code, 0);
}

TEST_F(Cli, CompareGoesOnAfterCtrlC) {
  ExpectError("compress tiny --compare -o x --text text.txt --codebook free", 2, "--codebook");
  std::string text;
  for (int i = 0; i < 3000; ++i) text += fmt::format("Line {} of a longer story.\n", i);
  workspace_->Write("long.txt", text);
  const std::string command =
      "compress tiny --compare -o stopped --text long.txt --lines --recipes rtn";
  const Outcome stopped = Run(command, kInterrupted);
  ASSERT_EQ(stopped.exit_code, 130) << stopped.err;
  EXPECT_NE(stopped.err.find("--resume"), std::string::npos) << stopped.err;
  EXPECT_FALSE(fs::exists(workspace_->Path("stopped/report.html")));
  const Json json = RunJson(command + " --resume");
  EXPECT_EQ(json["recipes"][0]["name"], "magnitude-nearest");
  EXPECT_EQ(json["recipes"][0]["measurements"].size(), 2U);
}

TEST_F(Cli, GenerateIsReproducibleAndStreamsWhatJsonHolds) {
  const std::string command =
      "generate tiny.acc -p 'The sea' -n 12 --temp 0.9 --seed 3 --ignore-eos";
  const Json first = RunJson(command);
  EXPECT_EQ(first["tokens"].size(), 12U);
  EXPECT_EQ(first["stopped_by"], "length");
  EXPECT_GT(first["prompt_tokens"], 1);
  EXPECT_GT(first["tokens_per_second"], 0.0);
  EXPECT_GT(first["prefill_tokens_per_second"], 0.0);
  EXPECT_EQ(RunJson(command + " --threads 2")["tokens"], first["tokens"]);
  const Outcome plain = Run(command);
  EXPECT_EQ(plain.out, first["text"].get<std::string>() + "\n");
  EXPECT_NE(plain.err.find("token/s"), std::string::npos) << plain.err;
}

TEST_F(Cli, GenerateTakesPromptsInThreeWays) {
  workspace_->Write("prompt.txt", "The sea");
  const Json text = RunJson("generate tiny.acc -p 'The sea' -n 4");
  EXPECT_EQ(RunJson("generate tiny.acc --prompt-file prompt.txt -n 4")["tokens"], text["tokens"]);
  // Ids are taken as they are: no BOS is added.
  EXPECT_EQ(RunJson("generate tiny.acc --prompt-tokens 5,6,7 -n 4")["prompt_tokens"], 3);
}

TEST_F(Cli, GenerateAddsBosOnlyIfTheTokenizerConfigSaysSo) {
  const fs::path config = workspace_->Path("tiny/tokenizer_config.json");
  const int with_bos = RunJson("generate tiny -p 'The sea' -n 1")["prompt_tokens"];
  workspace_->Write("tiny/tokenizer_config.json", R"({"add_bos_token": false})");
  const int without_bos = RunJson("generate tiny -p 'The sea' -n 1")["prompt_tokens"];
  const Outcome packed = Run("compress tiny -o nobos.acc --recipe rtn");
  fs::remove(config);
  EXPECT_EQ(packed.exit_code, 0) << packed.err;
  EXPECT_EQ(RunJson("generate nobos.acc -p 'The sea' -n 1")["prompt_tokens"], without_bos);
  EXPECT_EQ(RunJson("generate tiny.acc -p 'The sea' -n 1")["prompt_tokens"], with_bos);
  EXPECT_EQ(with_bos, without_bos + 1);
}

TEST_F(Cli, CtrlCKeepsWhatWasGeneratedAndExitsWith130) {
  const Outcome outcome =
      Run("generate tiny.acc -p 'The sea' -n 1000000000 --ignore-eos --json", kInterrupted);
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  EXPECT_EQ(outcome.json()["stopped_by"], "interrupt");
  EXPECT_GT(outcome.json()["tokens"].size(), 1U);
  EXPECT_NE(outcome.err.find("interrupted"), std::string::npos) << outcome.err;
}

TEST_F(Cli, EvalComparesWithTheCheckpoint) {
  const Json self = RunJson("eval tiny --text text.txt --window-tokens 32 --against tiny");
  EXPECT_NEAR(self["kl"], 0.0, 1e-9);
  EXPECT_EQ(self["top1_agreement"], 1.0);
  EXPECT_NEAR(std::exp(self["mean_nll"].get<double>()), self["perplexity"], 1e-6);
  const Json packed = RunJson("eval tiny.acc --text text.txt --window-tokens 32 --against tiny");
  EXPECT_GT(packed["kl"], 0.0);
  EXPECT_EQ(packed["tokens"], self["tokens"]);
  EXPECT_EQ(packed["tokens"].get<int>() % 31, 0);
  const Json alone = RunJson("eval tiny.acc --text text.txt --window-tokens 32");
  EXPECT_EQ(alone["perplexity"], packed["perplexity"]);
  EXPECT_FALSE(alone.contains("kl"));
}

TEST_F(Cli, EvalPrecisionsDifferButAreClose) {
  const std::string command = "eval tiny.acc --text text.txt --window-tokens 32 --precision ";
  const double w = RunJson(command + "w")["mean_nll"];
  const double wa8 = RunJson(command + "wa8")["mean_nll"];
  const double wa8kv4 = RunJson(command + "wa8kv4")["mean_nll"];
  EXPECT_NE(w, wa8);
  EXPECT_NE(wa8, wa8kv4);
  EXPECT_NEAR(w, wa8kv4, 0.2);
}

TEST_F(Cli, EvalStreamReportsTenths) {
  const Json result = RunJson(
      "eval tiny.acc --text text.txt --stream --window 8 --sinks 2 --recompute-samples 2 "
      "--max-tokens 300");
  EXPECT_EQ(result["tokens"], 300);  // the first of them is predicted from BOS
  ASSERT_EQ(result["tenths"].size(), 10U);
  int tokens = 0;
  for (const Json& tenth : result["tenths"]) {
    tokens += tenth["tokens"].get<int>();
    EXPECT_GT(tenth["microseconds_per_token"], 0.0);
    EXPECT_GT(tenth["rss_bytes"], 0);
    EXPECT_GT(tenth["samples"], 0);
    EXPECT_GT(tenth["recomputed_perplexity"], 1.0);
  }
  EXPECT_EQ(tokens, 300);
}

// Bits per byte follow from the nats and the bytes of the predicted part of the text.
TEST_F(Cli, EvalBitsPerByteCountTheTextThatIsPredicted) {
  const Json result = RunJson("eval tiny.acc --text text.txt --stream --lines");
  const double bits =
      result["mean_nll"].get<double>() * result["tokens"].get<double>() / std::log(2);
  const double bytes = bits / result["bits_per_byte"].get<double>();
  const auto file_bytes = static_cast<double>(fs::file_size(workspace_->Path("text.txt")));
  EXPECT_NEAR(bytes, file_bytes, 1e-6);  // behind BOS nothing is left out
}

TEST_F(Cli, BenchMeasuresEveryThreadCountAndDepth) {
  const Json result = RunJson("bench tiny.acc -p 16 -n 4 -d 0,8 -t 1,2 --repetitions 2");
  ASSERT_EQ(result["rows"].size(), 8U);
  EXPECT_EQ(result["read_bandwidth"].size(), 2U);
  EXPECT_GT(result["read_bandwidth_gb_s"].get<double>(), 0.0);
  for (const Json& row : result["rows"]) {
    EXPECT_GT(row["tokens_per_second"], 0.0);
    const bool is_decode = row["phase"] == "decode";
    EXPECT_EQ(row["tokens"], is_decode ? 4 : 16);
    EXPECT_EQ(row[is_decode ? "gmac_per_second" : "gb_per_second"], Json());
  }
  for (const char* key : {"machine", "isa", "model", "shape"}) EXPECT_TRUE(result.contains(key));
}

TEST_F(Cli, BenchPrintsMarkdownAndCsv) {
  const std::string command = "bench tiny.acc -p 4 -n 0 -t 1 --repetitions 1";
  EXPECT_NE(Run(command).out.find("| prefill | 1 | 1 | 4 | 0 |"), std::string::npos);
  EXPECT_NE(Run(command + " --format csv").out.find("\nprefill,1,1,4,0,"), std::string::npos);
  EXPECT_EQ(RunJson("bench tiny.acc -p 0 -n 2 --sequences 1,3 --json")["rows"][1]["sequences"], 3);
  const Outcome checkpoint = Run("bench tiny -p 4 -n 2 --repetitions 1");
  EXPECT_EQ(checkpoint.exit_code, 0) << checkpoint.err;
}

TEST_F(Cli, InspectShowsFileAndCheckpoint) {
  const Json packed = RunJson("inspect tiny.acc");
  EXPECT_EQ(packed["file_bytes"], fs::file_size(workspace_->Path("tiny.acc")));
  EXPECT_EQ(packed["config"]["hidden_size"], 64);
  EXPECT_EQ(packed["attention"], Json({{"sinks", 4}, {"window", 28}}));
  EXPECT_GT(packed["padding_bytes"], 0);
  EXPECT_EQ(packed["tensors"].size(), 3U + 2U * 9U);
  EXPECT_EQ(packed["provenance"]["checkpoint"], "tiny");
  EXPECT_NE(Run("inspect tiny.acc").out.find("w2-2:4"), std::string::npos);
  EXPECT_NE(Run("inspect tiny.acc --tensors").out.find("layers.1.mlp.down_proj"),
            std::string::npos);
  EXPECT_EQ(RunJson("inspect tiny")["config"], packed["config"]);
}

TEST_F(Cli, VerifySaysWhatItChecked) {
  const Json result = RunJson("verify tiny.acc");
  EXPECT_EQ(result["intact"], true);
  EXPECT_EQ(result["tokenizer"], true);
  EXPECT_NE(Run("verify tiny.acc").out.find("intact"), std::string::npos);
}

TEST_F(Cli, AnExportedFileServesAsCheckpoint) {
  const Json made = RunJson("export tiny --gguf tiny.gguf");
  EXPECT_EQ(made["file_bytes"], fs::file_size(workspace_->Path("tiny.gguf")));
  EXPECT_EQ(made["tensors"], 3 + 2 * 9);
  EXPECT_EQ(made["has_tokenizer"], true);
  ExpectError("export tiny --gguf tiny.gguf", 2, "--gguf tiny.gguf: exists");
  ExpectError("export tiny.gguf --gguf tiny.gguf --force", 2, "is the input");
  ExpectError("export tiny", 2, "--gguf");
  ExpectError("export tiny.acc --gguf x.gguf", 4, "tiny.acc: is no GGUF file");
  EXPECT_EQ(RunJson("inspect tiny.gguf")["config"], RunJson("inspect tiny")["config"]);
  for (const char* prompt : {"-p 'Line 7 speaks'", "--prompt-tokens 5,6,7"}) {
    const auto tokens = [&](const char* model) {
      return RunJson(fmt::format("generate {} {} -n 8 --temp 0", model, prompt))["tokens"];
    };
    EXPECT_EQ(tokens("tiny.gguf"), tokens("tiny")) << prompt;
  }
  EXPECT_EQ(Run("compress tiny.gguf -o from_gguf.acc --recipe rtn --window 28").exit_code, 0);
  const Json again = RunJson("eval from_gguf.acc --text text.txt --window-tokens 32");
  EXPECT_EQ(again["perplexity"],
            RunJson("eval tiny.acc --text text.txt --window-tokens 32")["perplexity"]);
  ASSERT_TRUE(testing::WriteFile(workspace_->Path("broken.gguf"), "GGUF"));
  ExpectError("inspect broken.gguf", 4, "broken.gguf");
}

TEST_F(Cli, SynthWritesAModelThatRunsOnTokenIds) {
  const Json made = RunJson("synth --shape qwen2.5-0.5b -o synth.acc --seed 2");
  EXPECT_EQ(made["file_bytes"], fs::file_size(workspace_->Path("synth.acc")));
  ExpectError("generate synth.acc -p hello", 4, "--prompt-tokens");
  ExpectError("synth --shape qwen2.5-0.5b -o synth.acc", 2, "--force");
  const Json ids = RunJson("generate synth.acc --prompt-tokens 1,2,3 -n 2");
  EXPECT_TRUE(ids["text"].is_null());
  const Outcome plain = Run("generate synth.acc --prompt-tokens 1,2,3 -n 2");
  EXPECT_EQ(plain.out,
            fmt::format("{} {}\n", ids["tokens"][0].get<int>(), ids["tokens"][1].get<int>()));
  fs::remove(workspace_->Path("synth.acc"));
}

}  // namespace
}  // namespace accllm
