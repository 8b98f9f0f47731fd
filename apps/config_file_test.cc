#include "config_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config_sample.h"

namespace accllm::cli {
namespace {

// "VALUE @ ORIGIN" of an option; "-" if the file does not set it; the error if there is one.
std::string Read(std::string_view toml, std::string_view verb, std::string_view option) {
  const auto file = ConfigFile::Parse(toml, "c.toml");
  if (!file) return file.error().ToString();
  const ConfigValue* value = file->Find(verb, option);
  return value == nullptr ? "-" : value->text + " @ " + value->origin;
}

void ExpectError(std::string_view toml, std::string_view message) {
  const auto file = ConfigFile::Parse(toml, "c.toml");
  ASSERT_FALSE(file) << toml;
  EXPECT_EQ(file.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(file.error().ToString(), message) << toml;
}

TEST(ConfigFile, SpellsValuesAsTheCommandLineDoes) {
  EXPECT_EQ(Read("threads = 2", "chat", "threads"), "2 @ c.toml:1");
  EXPECT_EQ(Read("[chat]\n\ntemp = 0.7", "chat", "temp"), "0.7 @ c.toml:3");
  EXPECT_EQ(Read("[chat]\ntemp = 1.0", "chat", "temp"), "1 @ c.toml:2");
  EXPECT_EQ(Read("[chat]\nseed = 0x10", "chat", "seed"), "16 @ c.toml:2");
  EXPECT_EQ(Read("[chat]\nquiet = true", "chat", "quiet"), "true @ c.toml:2");
  EXPECT_EQ(Read("[chat]\nquiet = false", "chat", "quiet"), "false @ c.toml:2");
  EXPECT_EQ(Read("window = 1020", "chat", "window"), "1020 @ c.toml:1");
  EXPECT_EQ(Read("window = 'all'", "chat", "window"), "all @ c.toml:1");
  EXPECT_EQ(Read("[bench]\nthreads = [1, 2]", "bench", "threads"), "1,2 @ c.toml:2");
  EXPECT_EQ(Read("[bench]\nthreads = '1,2'", "bench", "threads"), "1,2 @ c.toml:2");
  EXPECT_EQ(Read("[compress]\nkeep-dense = ['a.*=w4', 'b=w8']", "compress", "keep-dense"),
            "a.*=w4,b=w8 @ c.toml:2");
  EXPECT_EQ(Read("[compress]\nkeep-dense = []", "compress", "keep-dense"), " @ c.toml:2");
}

TEST(ConfigFile, KeepsStringsWhole) {
  EXPECT_EQ(Read(R"([chat]
system = "Say \"#1\", not = [x]  "  # a comment)",
                 "chat", "system"),
            "Say \"#1\", not = [x]   @ c.toml:2");
  EXPECT_EQ(Read("[chat]\nsystem = \"\"\"\none\ntwo\"\"\"", "chat", "system"),
            "one\ntwo @ c.toml:2");
  EXPECT_EQ(Read("[chat]\nsystem = 'na\xC3\xAFve'", "chat", "system"), "na\xC3\xAFve @ c.toml:2");
}

TEST(ConfigFile, TablesWinOverTheTop) {
  const std::string_view toml = "threads = 2\ntemp = 0.5\n[chat]\nthreads = 3\n";
  EXPECT_EQ(Read(toml, "chat", "threads"), "3 @ c.toml:4");
  EXPECT_EQ(Read(toml, "chat", "temp"), "0.5 @ c.toml:2");
  EXPECT_EQ(Read(toml, "eval", "threads"), "2 @ c.toml:1");
  EXPECT_EQ(Read(toml, "eval", "temp"), "-");  // has no such option
  EXPECT_EQ(Read(toml, "verify", "threads"), "-");
  EXPECT_EQ(Read("chat.threads = 3", "chat", "threads"), "3 @ c.toml:1");
}

TEST(ConfigFile, UnderscoresServeAsDashes) {
  EXPECT_EQ(Read("max_new_tokens = 9", "chat", "max-new-tokens"), "9 @ c.toml:1");
  ExpectError("max_new_tokens = 9\nmax-new-tokens = 9",
              "c.toml:1: max_new_tokens is set a second time; keep one of them");
}

// --decode is a number of tokens in bench and a flag in tokenize.
TEST(ConfigFile, TopLevelHoldsWhereTheTypeFits) {
  EXPECT_EQ(Read("decode = 64", "bench", "decode"), "64 @ c.toml:1");
  EXPECT_EQ(Read("decode = 64", "tokenize", "decode"), "-");
  EXPECT_EQ(Read("decode = true", "bench", "decode"), "-");
  EXPECT_EQ(Read("decode = true", "tokenize", "decode"), "true @ c.toml:1");
}

TEST(ConfigFile, NamesUnknownKeysAndVerbs) {
  ExpectError("tmep = 1",
              "c.toml:1: there is no option 'tmep' to set for any verb; "
              "did you mean temp?");
  ExpectError("[eval]\ntest = 1",
              "c.toml:2: there is no option 'test' to set for eval; "
              "did you mean text?");
  ExpectError("\n[chat]\nx = 1",
              "c.toml:3: there is no option 'x' to set for chat; "
              "accllm help --config lists what can be set");
  ExpectError("[chta]\ntemp = 1",
              "c.toml:1: there is no verb 'chta' for the table [chta]; did you mean chat?");
  ExpectError("[xyz]",
              "c.toml:1: there is no verb 'xyz' for the table [xyz]; "
              "accllm --help lists the verbs");
  // Arguments and what only the command line has.
  for (const char* key : {"MODEL", "config", "help", "version"}) {
    EXPECT_FALSE(ConfigFile::Parse(std::string(key) + " = 'x'", "c.toml")) << key;
    EXPECT_FALSE(ConfigFile::Parse("[chat]\n" + std::string(key) + " = 'x'", "c.toml")) << key;
  }
  EXPECT_FALSE(ConfigFile::Parse("[help]\nman = true", "c.toml"));
}

TEST(ConfigFile, NamesWrongTypes) {
  const std::string_view one = "give a string or a number";
  for (const char* value : {"true", "2026-01-01", "12:00:00", "[1]", "[]", "[[1]]"}) {
    ExpectError(std::string("[chat]\ntemp = ") + value,
                fmt::format("c.toml:2: temp cannot take such a value; {}", one));
  }
  ExpectError("[chat]\ntemp = { a = 1 }",
              fmt::format("c.toml:2: temp cannot take such a value; {}", one));
  ExpectError("[chat.temp]\na = 1",
              fmt::format("c.toml:1: temp cannot take such a value; {}", one));
  ExpectError("[chat]\nquiet = 1", "c.toml:2: quiet cannot take such a value; give true or false");
  ExpectError("[bench]\nthreads = [1, true]",
              "c.toml:2: threads cannot take such a value; "
              "give a string, a number or an array of them");
  ExpectError("chat = 3",
              "c.toml:1: there is no option 'chat' to set for any verb; "
              "accllm help --config lists what can be set");
  EXPECT_FALSE(ConfigFile::Parse("[[chat]]\ntemp = 1", "c.toml"));
}

TEST(ConfigFile, NamesTheLineOfASyntaxError) {
  const auto file = ConfigFile::Parse("threads = 2\n[chat\ntemp = 1\n", "c.toml");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(file.error().message.rfind("c.toml:2: ", 0), 0U) << file.error().message;
  EXPECT_FALSE(ConfigFile::Parse("a = 1\na = 2\n", "c.toml"));
  EXPECT_FALSE(ConfigFile::Parse("system = '\xFF'", "c.toml"));
  EXPECT_TRUE(ConfigFile::Parse("", "c.toml"));
}

TEST(ConfigFile, ReadsAFile) {
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("accllm_config_{}.toml", getpid());
  EXPECT_EQ(ConfigFile::Read(path).error().code, ErrorCode::kNotFound);
  std::ofstream(path) << "threads = 2\n";
  const auto file = ConfigFile::Read(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(file) << file.error().ToString();
  EXPECT_EQ(file->Find("chat", "threads")->origin, fmt::format("{}:1", path.string()));
  EXPECT_FALSE(ConfigFile::Read(std::filesystem::temp_directory_path()));
}

// The sample as it is sets nothing; with its defaults uncommented it is valid.
TEST(ConfigSample, IsAConfigurationFile) {
  std::string sample = ConfigSample();
  EXPECT_EQ(Read(sample, "chat", "temp"), "-");
  const size_t chat = sample.find("[chat]");
  ASSERT_NE(chat, std::string::npos);
  for (const std::string setting : {"top-k = 0", "json = false", "system = \"TEXT\""}) {
    const size_t at = sample.find("# " + setting, chat);
    ASSERT_NE(at, std::string::npos) << setting;
    sample.erase(at, 2);
  }
  EXPECT_EQ(Read(sample, "chat", "top-k").substr(0, 4), "0 @ ");
  EXPECT_EQ(Read(sample, "chat", "system").substr(0, 7), "TEXT @ ");
  for (size_t at = 0; at < sample.size(); at = sample.find('\n', at) + 1) {
    EXPECT_LE(sample.find('\n', at) - at, 100U) << sample.substr(at, 110);
  }
}

}  // namespace
}  // namespace accllm::cli
