#include "compiler/compile.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/file_io.h"
#include "compiler/passes.h"
#include "compiler/testing/compiled_model.h"

namespace accllm {
namespace {

using accel::ProgramFile;
using compiler::CompileOptions;
using compiler::Graph;
using compiler::Op;

CompileOptions Options(int64_t lanes = 4, int64_t slots = 2) {
  return {testing::TestTarget(lanes, slots), {4, 20}, 0};
}

std::vector<uint8_t> ReadAll(const std::string& path) {
  const MappedFile file = *MappedFile::Open(path);
  return {file.bytes().begin(), file.bytes().end()};
}

class CompileTest : public ::testing::Test {
 protected:
  CompileTest()
      : config_(testing::TinyPackedConfig()), model_(config_, testing::AcceleratorPlan(config_)) {}

  // What the graph is after a pass.
  Graph After(std::string_view pass) const {
    Graph found;
    const auto program =
        model_.Compile(Options(), [&](std::string_view name, const Graph& graph) -> Status {
          if (name == pass) found = graph;
          return {};
        });
    EXPECT_TRUE(program) << program.error().ToString();
    EXPECT_FALSE(found.operations.empty());
    return found;
  }

  ModelConfig config_;
  testing::CompiledModel model_;
};

TEST_F(CompileTest, PassesAreToldInOrder) {
  std::vector<std::string> names;
  const auto program =
      model_.Compile(Options(), [&](std::string_view name, const Graph& graph) -> Status {
        names.emplace_back(name);
        EXPECT_NE(compiler::Dump(graph).find("layers.1.mlp.down_proj"), std::string::npos);
        return {};
      });
  ASSERT_TRUE(program) << program.error().ToString();
  EXPECT_EQ(names, (std::vector<std::string>{"lower", "fuse", "schedule", "allocate", "place"}));
  // embed; 14 a layer; norm, lm_head, end
  EXPECT_EQ(program->instructions().size(), 1 + 2 * 14 + 3U);
}

TEST_F(CompileTest, TheSameModelGivesTheSameBytes) {
  ASSERT_TRUE(model_.Compile(Options()));
  const std::vector<uint8_t> first = ReadAll(model_.program_path());
  ASSERT_TRUE(model_.Compile(Options()));
  EXPECT_EQ(ReadAll(model_.program_path()), first);
}

TEST_F(CompileTest, VerifiersFindBrokenGraphs) {
  Graph graph = After("lower");
  EXPECT_FALSE(compiler::VerifyFused(graph));
  graph = After("fuse");
  EXPECT_TRUE(compiler::VerifyFused(graph));
  std::swap(graph.operations[0], graph.operations[1]);
  EXPECT_FALSE(compiler::VerifySchedule(graph));
  graph = After("schedule");
  EXPECT_TRUE(compiler::VerifySchedule(graph));
  // Attention before its keys are stored.
  const auto attend =
      std::find_if(graph.operations.begin(), graph.operations.end(),
                   [](const compiler::Operation& op) { return op.op == Op::kAttend; });
  const auto store =
      std::find_if(graph.operations.begin(), graph.operations.end(),
                   [](const compiler::Operation& op) { return op.op == Op::kStoreValues; });
  ASSERT_LT(store, attend);
  std::rotate(store, store + 1, attend + 1);
  EXPECT_FALSE(compiler::VerifySchedule(graph));

  graph = After("allocate");
  EXPECT_TRUE(compiler::VerifyAllocation(graph));
  for (compiler::Value& value : graph.values) {
    if (value.is_codes && value.home) value.home = 0;
  }
  EXPECT_TRUE(compiler::VerifyAllocation(graph));  // one buffer is enough for a pass as it is
  for (compiler::Value& value : graph.values) {
    if (!value.is_codes && value.home) value.home = 0;
  }
  EXPECT_FALSE(compiler::VerifyAllocation(graph));

  graph = After("place");
  EXPECT_TRUE(compiler::VerifyPlacement(graph));
  graph.placements[3].stripe = graph.placements[2].stripe;
  EXPECT_FALSE(compiler::VerifyPlacement(graph));
}

TEST_F(CompileTest, KeysAndValuesComeBeforeQueries) {
  const Graph graph = After("schedule");
  const auto at = [&](std::string_view name) {
    return std::find_if(graph.operations.begin(), graph.operations.end(),
                        [&](const compiler::Operation& op) { return op.name == name; }) -
           graph.operations.begin();
  };
  EXPECT_LT(at("layers.1.self_attn.k_proj"), at("layers.1.self_attn.q_proj"));
  EXPECT_LT(at("layers.1.store_k"), at("layers.1.self_attn.v_proj"));
  EXPECT_LT(at("layers.1.store_v"), at("layers.1.self_attn.q_proj"));
}

TEST_F(CompileTest, EveryTruncationAndCorruptionIsFound) {
  ASSERT_TRUE(model_.Compile(Options(2, 1)));
  std::vector<uint8_t> bytes = ReadAll(model_.program_path());
  ASSERT_TRUE(ProgramFile::Parse(bytes, "whole.accp"));
  for (size_t n = 0; n < bytes.size(); n += n < 512 ? 1 : 997) {
    ASSERT_FALSE(ProgramFile::Parse(std::span(bytes).first(n), "short.accp")) << n;
  }
  // Gaps between sections are not hashed, and hold nothing.
  for (size_t i = 0; i < bytes.size(); i += i < 512 ? 1 : 61) {
    const uint8_t before = bytes[i];
    bytes[i] ^= static_cast<uint8_t>(1U << (i % 8));
    const auto parsed = ProgramFile::Parse(bytes, "changed.accp");
    if (parsed) {
      EXPECT_EQ(before, 0) << i;
    } else {
      EXPECT_NE(parsed.error().message.find("changed.accp"), std::string::npos);
    }
    bytes[i] = before;
  }
}

// No field of an instruction or of the geometry lets a device reach outside what it has.
TEST_F(CompileTest, ProgramsOutOfRangeAreRefused) {
  const auto program = model_.Compile(Options());
  ASSERT_TRUE(program) << program.error().ToString();
  const auto check = [&](const isa::Geometry& g, std::span<const isa::Instruction> code) {
    return accel::CheckProgram(g, code, "test.accp").has_value();
  };
  const std::vector<isa::Instruction> code(program->instructions().begin(),
                                           program->instructions().end());
  ASSERT_TRUE(check(program->geometry(), code));
  constexpr size_t kGeometryFields = 22;
  for (size_t field = 0; field < kGeometryFields; ++field) {
    isa::Geometry g = program->geometry();
    const uint32_t huge = 0xFFFFFFF0U;
    std::memcpy(reinterpret_cast<uint8_t*>(&g) + 4 * field, &huge, 4);
    // More memory does no harm.
    const bool is_harmless = &g.stripes == reinterpret_cast<uint32_t*>(&g) + field;
    EXPECT_EQ(check(g, code), is_harmless) << "field " << field;
  }
  const auto opcode = [](const isa::Instruction& i) { return static_cast<isa::Opcode>(i.opcode); };
  for (size_t i = 0; i < code.size(); ++i) {
    const bool is_linear = opcode(code[i]) == isa::Opcode::kLinear;
    const bool has_address = is_linear || opcode(code[i]) == isa::Opcode::kNorm;
    const bool has_cache =
        opcode(code[i]) == isa::Opcode::kStoreKv || opcode(code[i]) == isa::Opcode::kAttend;
    const auto refuses = [&](uint32_t isa::Instruction::*field) {
      std::vector<isa::Instruction> changed = code;
      changed[i].*field = 0xFFFFFFFFU;
      return !check(program->geometry(), changed);
    };
    EXPECT_TRUE(refuses(&isa::Instruction::opcode)) << i;
    if (has_address) {
      EXPECT_TRUE(refuses(&isa::Instruction::address)) << i;
    }
    if (is_linear) {
      EXPECT_TRUE(refuses(&isa::Instruction::format)) << i;
      EXPECT_TRUE(refuses(&isa::Instruction::rows)) << i;
      EXPECT_TRUE(refuses(&isa::Instruction::blocks)) << i;
      EXPECT_TRUE(refuses(&isa::Instruction::source)) << i;
      EXPECT_TRUE(refuses(&isa::Instruction::epilogue)) << i;
    }
    if (opcode(code[i]) == isa::Opcode::kStoreKv) {
      EXPECT_TRUE(refuses(&isa::Instruction::source)) << i;
      // Only keys have norms.
      std::vector<isa::Instruction> normed = code;
      normed[i].has_bias = 1;
      const bool is_key = code[i].source == static_cast<uint32_t>(isa::Vector::kKey);
      EXPECT_EQ(check(program->geometry(), normed), is_key) << i;
    }
    if (has_cache) {
      EXPECT_TRUE(refuses(&isa::Instruction::keys)) << i;
      EXPECT_TRUE(refuses(&isa::Instruction::values)) << i;
    }
  }
  // Constants lie within the image, and what is written behind it.
  isa::Geometry g = program->geometry();
  g.output_address = 0;
  EXPECT_FALSE(check(g, code));
  g = program->geometry();
  --g.image_stripes;
  EXPECT_FALSE(check(g, code));
  g.image_stripes += 2;
  EXPECT_FALSE(check(g, code));
  EXPECT_FALSE(check(program->geometry(), std::span(code).first(code.size() - 1)));  // no end
  EXPECT_FALSE(check(program->geometry(), {}));
}

// Those of another version would be refused at once: `program_seeds` writes them anew.
TEST(Program, SeedsOfTheFuzzerAreAccepted) {
  for (const char* seed : {"window", "formats", "wide", "full"}) {
    const auto program =
        ProgramFile::Open(fmt::format("{}/fuzz/corpus/program/{}.accp", ACCLLM_SOURCE_DIR, seed));
    EXPECT_TRUE(program) << program.error().ToString();
  }
}

TEST_F(CompileTest, WhatDoesNotFitIsNamed) {
  CompileOptions options = Options();
  options.target.channel_bytes = 1 << 12;
  auto program = model_.Compile(options);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(program.error().message.find("weights"), std::string::npos);
  EXPECT_NE(program.error().remedy.find("smaller model"), std::string::npos);

  options = Options();
  options.window.window = 1 << 22;
  program = model_.Compile(options);
  ASSERT_FALSE(program);
  EXPECT_NE(program.error().remedy.find("--window"), std::string::npos);

  options = Options();
  options.target.vector_bytes = 100;
  program = model_.Compile(options);
  ASSERT_FALSE(program);
  EXPECT_NE(program.error().message.find("on the chip"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(model_.program_path()));
  EXPECT_FALSE(std::filesystem::exists(model_.program_path() + ".partial"));
}

TEST(Compile, WhatTheAcceleratorDoesNotRunIsNamed) {
  const ModelConfig config = testing::TinyPackedConfig();
  const auto error_of = [&](const std::vector<TensorPlan>& plan) {
    const testing::CompiledModel model(config, plan);
    const auto program = model.Compile(Options());
    EXPECT_FALSE(program);
    return program ? Error{} : program.error();
  };
  for (const auto type :
       {format::TensorType::kF16, format::TensorType::kW3, format::TensorType::kW2Free}) {
    std::vector<TensorPlan> plan = testing::AcceleratorPlan(config);
    for (TensorPlan& tensor : plan) {
      if (tensor.name == "layers.1.mlp.up_proj") tensor.type = type;
    }
    const Error error = error_of(plan);
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    EXPECT_NE(error.message.find("layers.1.mlp.up_proj"), std::string::npos);
  }
  const Error error = error_of(testing::WithLowRank(testing::AcceleratorPlan(config), 4));
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_NE(error.message.find("low-rank"), std::string::npos);
}

TEST(Target, BundledOnesLoadAndMistakesAreNamed) {
  for (const std::string_view name : compiler::BundledTargets()) {
    EXPECT_TRUE(compiler::LoadTarget(std::string(name))) << name;
  }
  const std::string path = testing::UniquePath("target_test.toml");
  const std::string good =
      "lanes = 4\nslots = 2\nmemory = \"hbm2\"\nclock_mhz = 200.5\nchannel_bytes = "
      "1048576\nvector_bytes = 4096\n";
  const auto load = [&](const std::string& text) {
    EXPECT_TRUE(WriteFileAtomically(path, text));
    return compiler::LoadTarget(path);
  };
  const auto target = load(good);
  ASSERT_TRUE(target) << target.error().ToString();
  EXPECT_EQ(target->lanes, 4);
  EXPECT_EQ(target->clock_mhz, 200.5);
  const auto message = [&](const std::string& text) {
    const auto loaded = load(text);
    EXPECT_FALSE(loaded);
    return loaded ? std::string() : loaded.error().message;
  };
  EXPECT_NE(message(good + "lane = 3\n").find("lane: there is no such key"), std::string::npos);
  EXPECT_NE(message("lanes = 3\n" + good.substr(10)).find("lanes: must be a power of two"),
            std::string::npos);
  EXPECT_NE(message(good.substr(10)).find("lanes: must be an integer"), std::string::npos);
  EXPECT_NE(message("lanes = \n").find(":1"), std::string::npos);
  std::filesystem::remove(path);
  const auto missing = compiler::LoadTarget("u281");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().remedy.find("u280"), std::string::npos);
}

}  // namespace
}  // namespace accllm
