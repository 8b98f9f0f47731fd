#include "compress/compress.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <random>

#include "base/float_layer.h"
#include "base/mapped_file.h"
#include "base/tensor_names.h"
#include "checkpoint/testing/checkpoint_writer.h"
#include "compress/journal.h"
#include "packed/packed_file.h"
#include "packed/packed_writer.h"
#include "reference/float_model.h"
#include "runtime/engine.h"

namespace accllm {
namespace {

namespace fs = std::filesystem;

std::vector<uint8_t> ReadAll(const std::string& path) {
  const auto file = MappedFile::Open(path);
  EXPECT_TRUE(file);
  return {file->bytes().begin(), file->bytes().end()};
}

bool Continue(const CompressProgress& /*progress*/) { return true; }

// Of the distributions that logits y stand for from those of x: [n_tokens, vocab] each.
double MeanDivergence(const std::vector<float>& x, const std::vector<float>& y, int64_t vocab) {
  const auto n = static_cast<int64_t>(x.size()) / vocab;
  double sum = 0;
  for (int64_t t = 0; t < n; ++t) {
    const Eigen::Map<const Eigen::ArrayXf> a(&x[static_cast<size_t>(t * vocab)], vocab);
    const Eigen::Map<const Eigen::ArrayXf> b(&y[static_cast<size_t>(t * vocab)], vocab);
    const Eigen::ArrayXd log_p = a.cast<double>() - std::log(a.cast<double>().exp().sum());
    const Eigen::ArrayXd log_q = b.cast<double>() - std::log(b.cast<double>().exp().sum());
    sum += (log_p.exp() * (log_p - log_q)).sum();
  }
  return sum / static_cast<double>(n);
}

class CompressTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = (fs::temp_directory_path() / fmt::format("compress_test-{}", getpid())).string();
    fs::remove_all(folder_);
    ModelConfig config = testing::TinyConfig();
    config.hidden_size = 72;  // a block and K are not multiples of each other
    ASSERT_TRUE(testing::WriteCheckpoint(folder_ + "/model", config));
    checkpoint_ = std::make_unique<Checkpoint>(*Checkpoint::Open(folder_ + "/model"));
    options_.calibration = RandomText(3000, 4);
    options_.n_samples = 12;
    options_.sample_tokens = 48;
    options_.window = {4, 60};
    options_.calibration_hash = "0123";
    options_.tune_steps = 6;
    options_.scale_steps = 7;
    options_.distill_steps = 9;
    options_.batch_tokens = 200;     // 4 sequences
    options_.add_bos_token = false;  // nor do DivergenceOf's texts start with it
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::vector<int32_t> RandomText(int64_t n_tokens, uint32_t seed) const {
    std::mt19937 rng(seed);
    const auto vocab = static_cast<unsigned>(checkpoint_->config().vocab_size);
    std::vector<int32_t> text(static_cast<size_t>(n_tokens));
    for (int32_t& token : text) token = static_cast<int32_t>(rng() % vocab);
    return text;
  }

  // KL divergence of the packed model from the checkpoint, in nats a token, on text that was not
  // calibrated on.
  double DivergenceOf(const std::string& path) const {
    constexpr int64_t kTokens = 800;
    const PackedFile packed = *PackedFile::Open(path);
    EXPECT_TRUE(packed.Verify());
    const auto real = *reference::WeightsOf(*checkpoint_);
    const auto rounded = *reference::WeightsOf(packed);
    reference::FloatModel a(*real, options_.window);
    reference::FloatModel b(*rounded, options_.window);
    const std::vector<int32_t> tokens = RandomText(kTokens, 5);
    std::vector<float> x(static_cast<size_t>(kTokens * a.vocab_size()));
    std::vector<float> y(x.size());
    EXPECT_TRUE(a.Append(tokens, kTokens, x.data()));
    EXPECT_TRUE(b.Append(tokens, kTokens, y.data()));
    return MeanDivergence(x, y, a.vocab_size());
  }

  std::string Output(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
  std::unique_ptr<Checkpoint> checkpoint_;
  CompressOptions options_;
  ThreadPool pool_{2};
};

TEST_F(CompressTest, EveryPartOfAnArchitectureSurvives) {
  ModelConfig llama = testing::TinyConfig();
  llama.has_qkv_bias = llama.has_o_bias = llama.has_mlp_bias = true;
  ModelConfig qwen3 = testing::TinyConfig();
  qwen3.architecture = "Qwen3ForCausalLM";
  qwen3.has_qk_norm = true;
  options_.recipe = **RecipeByName("joint");
  options_.keep_dense = {{"*", format::TensorType::kW8}};
  for (const ModelConfig& config : {llama, qwen3}) {
    const std::string other = Output(config.architecture);
    ASSERT_TRUE(testing::WriteCheckpoint(other, config));
    auto checkpoint = Checkpoint::Open(other);
    ASSERT_TRUE(checkpoint) << checkpoint.error().ToString();
    checkpoint_ = std::make_unique<Checkpoint>(std::move(*checkpoint));
    const std::string output = Output(config.architecture + ".acc");
    const auto report = Compress(*checkpoint_, output, options_, pool_, Continue);
    ASSERT_TRUE(report) << report.error().ToString();
    // Smoothing rescales biases and norms; 8-bit weights leave the function nearly as it was.
    EXPECT_LT(DivergenceOf(output), 0.01) << config.architecture;
  }
}

TEST_F(CompressTest, JointIsCloserToTheFloatModelThanNearest) {
  const auto error = [&](std::string_view recipe) {
    options_.recipe = **RecipeByName(recipe);
    const std::string path = Output("distance.acc");
    const auto report = Compress(*checkpoint_, path, options_, pool_, Continue);
    EXPECT_TRUE(report) << report.error().ToString();
    return DivergenceOf(path);
  };
  EXPECT_LT(error("joint"), 0.85 * error("rtn"));
  EXPECT_LT(error("joint-free"), 0.9 * error("joint"));
  // Training needs more text than one pass does.
  options_.calibration = RandomText(9000, 4);
  options_.n_samples = 144;
  options_.tune_steps = 160;
  options_.distill_steps = 160;
  options_.scale_steps = 0;
  const double blocks = error("tuned");
  EXPECT_LT(blocks, 0.95 * error("joint"));
  options_.scale_steps = 160;
  EXPECT_LT(error("tuned"), 0.97 * blocks);
  EXPECT_LT(error("distilled"), 0.9 * blocks);
}

// Steps of the whole model move the output head, in which nothing else shows that it was trained.
TEST_F(CompressTest, TheHeadIsTrainedWithTheModel) {
  const auto head = [&](std::string_view recipe) {
    options_.recipe = **RecipeByName(recipe);
    const std::string path = Output("head.acc");
    EXPECT_TRUE(Compress(*checkpoint_, path, options_, pool_, Continue));
    const auto file = PackedFile::Open(path);
    const bool is_tied = checkpoint_->config().tie_word_embeddings;
    const auto bytes = (*file->Find(is_tied ? kEmbedTokensName : kLmHeadName))->bytes;
    return std::vector<uint8_t>(bytes.begin(), bytes.end());
  };
  const std::vector<uint8_t> nearest = head("joint");
  EXPECT_NE(head("tuned"), nearest);
  EXPECT_NE(head("distilled"), nearest);
  options_.scale_steps = 0;
  EXPECT_EQ(head("tuned"), nearest);
}

class ResumeTest : public CompressTest, public ::testing::WithParamInterface<std::string_view> {};

constexpr std::string_view kWithLowRank = "-lowrank";
constexpr std::string_view kInPairs = "-pairs";

INSTANTIATE_TEST_SUITE_P(Recipes, ResumeTest,
                         ::testing::Values("joint", "tuned", "tuned-pairs", "tuned-free",
                                           "distilled", "distilled-free", "joint-lowrank",
                                           "tuned-lowrank", "distilled-lowrank"),
                         [](const auto& test) {
                           std::string name(test.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(ResumeTest, GivesTheSameBytes) {
  std::string_view recipe = GetParam();
  options_.add_bos_token = true;
  if (recipe.ends_with(kWithLowRank)) {
    recipe.remove_suffix(kWithLowRank.size());
    options_.low_rank = 5;
  }
  if (recipe.ends_with(kInPairs)) {
    recipe.remove_suffix(kInPairs.size());
    options_.tune_blocks = 2;
  }
  options_.recipe = **RecipeByName(recipe);
  ASSERT_TRUE(Compress(*checkpoint_, Output("whole.acc"), options_, pool_, Continue));
  const std::vector<uint8_t> expected = ReadAll(Output("whole.acc"));
  const std::string path = Output("resumed.acc");
  int steps = 0;
  for (int stop_after = 1;; ++stop_after) {
    // Each run may take only a few steps more than the one before.
    steps = 0;
    options_.resume = fs::exists(PackedWriter::PartialPath(path) + ".json");
    const auto result = Compress(*checkpoint_, path, options_, pool_, [&](const CompressProgress&) {
      return ++steps <= 4 * stop_after;
    });
    if (result) break;
    ASSERT_EQ(result.error().code, ErrorCode::kInterrupted);
    EXPECT_FALSE(fs::exists(path));
    // Also when not even the first block was finished.
    ASSERT_TRUE(fs::exists(PackedWriter::PartialPath(path) + ".json"));
    ASSERT_LT(stop_after, 20);
  }
  EXPECT_EQ(ReadAll(path), expected);
  // Nothing is left behind.
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_EQ(entry.path().string().find(".partial"), std::string::npos) << entry.path();
  }
}

TEST_F(CompressTest, AFreshRunTakesNothingFromAnInterruptedOne) {
  options_.recipe = **RecipeByName("distilled");
  const std::string path = Output("fresh.acc");
  ASSERT_TRUE(Compress(*checkpoint_, path, options_, pool_, Continue));
  const std::vector<uint8_t> expected = ReadAll(path);
  for (const auto& [stage, state] : {std::pair{"distilling", ".distill"}, {"tuning", ".tune0"}}) {
    const std::string_view name = stage;  // clang 14 captures no structured bindings
    int steps = 0;
    const auto stopped =
        Compress(*checkpoint_, path, options_, pool_, [&](const CompressProgress& p) {
          return p.step.find(name) == std::string::npos || ++steps < 4;
        });
    ASSERT_FALSE(stopped);
    ASSERT_TRUE(fs::exists(PackedWriter::PartialPath(path) + state));
    ASSERT_TRUE(Compress(*checkpoint_, path, options_, pool_, Continue));
    EXPECT_EQ(ReadAll(path), expected);
  }
}

TEST_F(CompressTest, ResumingWithOtherOptionsIsRefused) {
  const std::string path = Output("other.acc");
  int steps = 0;
  const auto stopped = Compress(*checkpoint_, path, options_, pool_,
                                [&](const CompressProgress&) { return ++steps <= 8; });
  ASSERT_FALSE(stopped);
  options_.resume = true;
  options_.n_samples = 11;
  const auto other = Compress(*checkpoint_, path, options_, pool_, Continue);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("other options"), std::string::npos);
  options_.n_samples = 12;
  EXPECT_TRUE(Compress(*checkpoint_, path, options_, pool_, Continue));
}

TEST_F(CompressTest, ResumingWithoutAnInterruptedRunIsAnError) {
  options_.resume = true;
  const auto result = Compress(*checkpoint_, Output("nothing.acc"), options_, pool_, Continue);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
}

TEST_F(CompressTest, ThreadsDoNotChangeTheResult) {
  options_.recipe = **RecipeByName("distilled");
  options_.low_rank = 3;
  ASSERT_TRUE(Compress(*checkpoint_, Output("two.acc"), options_, pool_, Continue));
  ThreadPool three(3);
  ASSERT_TRUE(Compress(*checkpoint_, Output("three.acc"), options_, three, Continue));
  EXPECT_EQ(ReadAll(Output("two.acc")), ReadAll(Output("three.acc")));
}

TEST_F(CompressTest, EveryTypeRunsAndTheReportCountsEverything) {
  options_.keep_dense = {
      {"*.down_proj", format::TensorType::kW4}, {"*.o_proj", format::TensorType::kF16},
      {"*.k_proj", format::TensorType::kW8},    {"*.q_proj", format::TensorType::kW2},
      {"*.up_proj", format::TensorType::kW3},   {"embed_tokens", format::TensorType::kW4}};
  for (const std::string_view recipe :
       {"magnitude-nearest", "wanda-nearest", "joint", "distilled"}) {
    options_.recipe = **RecipeByName(recipe);
    const std::string path = Output("types.acc");
    const auto report = Compress(*checkpoint_, path, options_, pool_, Continue);
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_EQ(report->layers.size(), 2U * 7);
    EXPECT_EQ(report->file_bytes, static_cast<int64_t>(fs::file_size(path)));
    EXPECT_GT(report->padding_share, 0.5);  // 72 columns in blocks of 256
    const PackedFile packed = *PackedFile::Open(path);
    EXPECT_NEAR(report->bits_per_linear_weight, packed.BitsPerLinearWeight(), 1e-12);
    EXPECT_EQ((*packed.Find("layers.1.mlp.down_proj"))->type, format::TensorType::kW4);
    auto engine = Engine::Load(packed, {{4, 60}, 0, 2, *SelectIsa(), 16});
    ASSERT_TRUE(engine);
    std::vector<float> logits(static_cast<size_t>((*engine)->vocab_size()));
    EXPECT_TRUE((*engine)->Append(std::span(options_.calibration).first(30), 1, logits.data()));
  }
}

TEST_F(CompressTest, LowRankPartsBringTheModelCloser) {
  const auto error = [&](std::string_view recipe, int64_t rank) {
    options_.recipe = **RecipeByName(recipe);
    options_.low_rank = rank;
    const std::string path = Output("low_rank.acc");
    const auto report = Compress(*checkpoint_, path, options_, pool_, Continue);
    EXPECT_TRUE(report) << report.error().ToString();
    return DivergenceOf(path);
  };
  EXPECT_LT(error("joint", 8), 0.9 * error("joint", 0));
  EXPECT_LT(error("dense-w2", 8), 0.9 * error("dense-w2", 0));
  options_.tune_steps = 20;
  EXPECT_LT(error("tuned", 8), 0.9 * error("tuned", 0));
}

TEST_F(CompressTest, EveryQuantisedLayerHasALowRankPartThatCounts) {
  options_.low_rank = 3;
  options_.keep_dense = {{"*.o_proj", format::TensorType::kF16},
                         {"*.k_proj", format::TensorType::kW8}};
  const auto report = Compress(*checkpoint_, Output("parts.acc"), options_, pool_, Continue);
  ASSERT_TRUE(report) << report.error().ToString();
  const PackedFile packed = *PackedFile::Open(Output("parts.acc"));
  EXPECT_TRUE(packed.Verify());
  int64_t bytes = 0;
  for (int64_t layer = 0; layer < packed.config().n_layers; ++layer) {
    for (const LinearKind kind : kLinearKinds) {
      const auto low_rank = *packed.ReadLowRank(LayerTensorName(layer, kind));
      ASSERT_EQ(low_rank.has_value(), kind != LinearKind::kO) << LinearName(kind);
      EXPECT_EQ(low_rank ? low_rank->rank() : 3, 3);
    }
  }
  for (const PackedTensor& tensor : packed.tensors()) {
    if (tensor.type == format::TensorType::kI8) bytes += tensor.layout.data_bytes;
  }
  EXPECT_EQ(report->low_rank_bytes, bytes);
  EXPECT_NEAR(report->bits_per_linear_weight, packed.BitsPerLinearWeight(), 1e-12);
  EXPECT_NE(packed.metadata().recipe_json.find("\"lowrank\":3"), std::string::npos);
}

TEST_F(CompressTest, LowRankErrorsSayWhatToDo) {
  const auto error = [&](std::string_view recipe, int64_t rank) {
    options_.recipe = **RecipeByName(recipe);
    options_.low_rank = rank;
    const auto result = Compress(*checkpoint_, Output("none.acc"), options_, pool_, Continue);
    EXPECT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_FALSE(fs::exists(PackedWriter::PartialPath(Output("none.acc"))));
    return result.error().ToString();
  };
  EXPECT_NE(error("rtn", 4).find("--calibration"), std::string::npos);
  EXPECT_NE(error("joint", 500).find("at most"), std::string::npos);
  EXPECT_NE(error("joint", -1).find("at least 1"), std::string::npos);
}

TEST_F(CompressTest, ASparseCheckpointKeepsItsMask) {
  auto tensors = testing::RandomTensors(checkpoint_->config(), {.dtype = DType::kF32});
  for (testing::NamedTensor& tensor : tensors) {
    if (tensor.name.find("proj") == std::string::npos) continue;
    for (size_t four = 0; four < tensor.bytes.size(); four += 16) {
      const size_t skip = four / 16 % 2;  // columns 0 and 2, or 1 and 3
      std::fill_n(tensor.bytes.begin() + static_cast<std::ptrdiff_t>(four + 4 * skip), 4, '\0');
      std::fill_n(tensor.bytes.begin() + static_cast<std::ptrdiff_t>(four + 8 + 4 * skip), 4, '\0');
    }
  }
  ASSERT_TRUE(
      testing::WriteFile(folder_ + "/model/model.safetensors", testing::SafetensorsBytes(tensors)));
  const Checkpoint sparse = *Checkpoint::Open(folder_ + "/model");
  for (const std::string_view recipe :
       {"rtn", "sparsegpt-nearest", "wanda-gptq", "joint", "distilled"}) {
    options_.recipe = **RecipeByName(recipe);
    const std::string path = Output("sparse.acc");
    const auto report = Compress(sparse, path, options_, pool_, Continue);
    ASSERT_TRUE(report) << report.error().ToString();
    const PackedFile packed = *PackedFile::Open(path);
    const FloatLayer w = *sparse.ReadLayer(1);
    for (const LinearKind kind : kLinearKinds) {
      const auto values = packed.ReadFloat(LayerTensorName(1, kind));
      const std::vector<float>& original = w.linear(kind);
      size_t n_moved = 0;
      for (size_t i = 0; i < original.size(); ++i) {
        n_moved += static_cast<size_t>((*values)[i] != 0 && original[i] == 0);
      }
      EXPECT_EQ(n_moved, 0U) << recipe << " " << LayerTensorName(1, kind);
    }
    for (const LinearReport& layer : report->layers) EXPECT_TRUE(layer.is_mask_kept) << layer.name;
  }
}

TEST_F(CompressTest, ShortCalibrationIsAnErrorThatSaysWhatToDo) {
  options_.calibration.resize(20);
  const auto result = Compress(*checkpoint_, Output("short.acc"), options_, pool_, Continue);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().remedy.find("--calibration"), std::string::npos);
}

TEST(Journal, RoundTripAndDamage) {
  const std::string path =
      (fs::temp_directory_path() / fmt::format("journal-{}.json", getpid())).string();
  Journal journal;
  journal.fingerprint = "abc";
  journal.layers_done = 3;
  journal.seconds = 1.5;
  journal.layers = {{"layers.0.mlp.up_proj", "w2-2:4", 0.1 + 0.2, true, 0.25}};
  journal.tuning = {{0.5, 0.25}, {0.1 + 0.2, 0.125}};
  ASSERT_TRUE(journal.Save(path));
  const auto loaded = Journal::Load(path);
  ASSERT_TRUE(loaded) << loaded.error().ToString();
  EXPECT_EQ(loaded->fingerprint, "abc");
  EXPECT_EQ(loaded->layers_done, 3);
  EXPECT_EQ(loaded->layers.at(0).relative_error, 0.1 + 0.2);
  EXPECT_TRUE(loaded->layers.at(0).is_mask_kept);
  ASSERT_EQ(loaded->tuning.size(), 2U);
  EXPECT_EQ(loaded->tuning[1].before, 0.1 + 0.2);
  EXPECT_EQ(loaded->tuning[1].after, 0.125);
  ASSERT_TRUE(testing::WriteFile(path, "{\"fingerprint\": 3"));
  EXPECT_EQ(Journal::Load(path).error().code, ErrorCode::kCorrupt);
  fs::remove(path);
}

}  // namespace
}  // namespace accllm
