#include "settings.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <map>

#include "verbs.h"

namespace accllm::cli {
namespace {

using Strings = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

// Sets variables and takes them away again.
class Environment {
 public:
  explicit Environment(Variables values) : values_(std::move(values)) {
    for (const auto& [name, value] : values_) setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const auto& [name, value] : values_) unsetenv(name.c_str());
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  Variables values_;
};

// A verb whose command line was parsed.
class Parsed {
 public:
  explicit Parsed(Strings arguments) {
    declared_.push_back(Declare(*FindVerb(arguments.front()), *app_));
    Parse(std::move(arguments));
  }

  const OptionTable& table() const { return declared_.front().table; }

  // "" or what the parser says.
  std::string Parse(Strings arguments) {
    std::reverse(arguments.begin(), arguments.end());
    try {
      app_->parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
      return error.what();
    }
    return "";
  }

  Strings ResultsOf(const std::string& option) const {
    return table().Find(option)->option->results();
  }

 private:
  std::shared_ptr<CLI::App> app_ = MakeApp();
  std::vector<DeclaredVerb> declared_;
};

ConfigFile File(std::string_view toml) {
  auto file = ConfigFile::Parse(toml, "c.toml");
  EXPECT_TRUE(file) << file.error().ToString();
  return file ? *file : ConfigFile();
}

// What the command line `arguments` is given besides.
Strings Besides(const Strings& arguments, std::string_view toml, Variables variables = {}) {
  const Environment environment(std::move(variables));
  return Settings::Resolve(Parsed(arguments).table(), File(toml)).Arguments();
}

TEST(Settings, CommandLineThenEnvironmentThenFile) {
  const std::string_view toml = "temp = 0.1\n[chat]\nseed = 3";
  const Variables variables = {{"ACCLLM_TEMP", "0.2"}};
  EXPECT_EQ(Besides({"chat", "m"}, ""), Strings());
  EXPECT_EQ(Besides({"chat", "m"}, toml), Strings({"--temp=0.1", "--seed=3"}));
  EXPECT_EQ(Besides({"chat", "m"}, toml, variables), Strings({"--temp=0.2", "--seed=3"}));
  EXPECT_EQ(Besides({"chat", "m"}, "", variables), Strings({"--temp=0.2"}));
  EXPECT_EQ(Besides({"chat", "m", "--temp", "0.3"}, toml, variables), Strings({"--seed=3"}));
  EXPECT_EQ(Besides({"generate", "m"}, toml), Strings({"--temp=0.1"}));
  EXPECT_EQ(Besides({"verify", "m"}, toml, variables), Strings());
}

TEST(Settings, EmptyIsUnset) {
  EXPECT_EQ(Besides({"chat", "m"}, "temp = 0.1", {{"ACCLLM_TEMP", ""}}), Strings({"--temp=0.1"}));
  EXPECT_EQ(Besides({"chat", "m"}, "system = 'x'\n[chat]\nsystem = ''"), Strings());
}

TEST(Settings, ShortOptionsAndFlagsCountAsGiven) {
  EXPECT_EQ(Besides({"chat", "m", "-t", "1", "-n", "2"}, "threads = 2\nmax-new-tokens = 3"),
            Strings());
  EXPECT_EQ(Besides({"chat", "m", "--quiet"}, "[chat]\nquiet = false"), Strings());
  EXPECT_EQ(Besides({"chat", "m", "--quiet=false"}, "[chat]\nquiet = true"), Strings());
}

// Whatever a value looks like, the parser gets it as it is.
TEST(Settings, ValuesSurviveTheParser) {
  for (const std::string value : {"a b", "#1", "a,b", "[a,b]", "--temp=2", "-x", "a=b", "\"q\"",
                                  "'", "\\", "{}", "%%", "one\ntwo", "na\xC3\xAFve"}) {
    const Environment environment(Variables{{"ACCLLM_SYSTEM", value}});
    Parsed parsed({"chat", "m"});
    const Settings settings = Settings::Resolve(parsed.table(), {});
    EXPECT_EQ(parsed.Parse({"chat", settings.Arguments().at(0), "m"}), "");
    EXPECT_EQ(parsed.ResultsOf("system"), Strings({value}));
  }
}

TEST(Settings, ListsAreReplacedNotAppendedTo) {
  const std::string_view toml = "[compress]\nkeep-dense = ['a=w4', 'b=w8']";
  EXPECT_EQ(Besides({"compress", "c", "-o", "o", "--keep-dense", "c=w2"}, toml), Strings());
  Parsed parsed({"compress", "c", "-o", "o"});
  const Settings settings = Settings::Resolve(parsed.table(), File(toml));
  EXPECT_EQ(settings.Arguments(), Strings({"--keep-dense=a=w4,b=w8"}));
  EXPECT_EQ(parsed.Parse({"compress", settings.Arguments().at(0), "c", "-o", "o"}), "");
  EXPECT_EQ(parsed.ResultsOf("keep-dense"), Strings({"a=w4", "b=w8"}));
}

TEST(Settings, AListDoesNotTakeTheArgumentBehindIt) {
  Parsed parsed({"bench"});
  EXPECT_EQ(parsed.Parse({"bench", "-d", "0,1", "m", "-t", "1", "-t", "2"}), "");
  EXPECT_EQ(parsed.ResultsOf("depth"), Strings({"0", "1"}));
  EXPECT_EQ(parsed.ResultsOf("threads"), Strings({"1", "2"}));
}

TEST(Settings, RequiredOptionsAreServed) {
  Parsed parsed({"compress", "c"});
  const Settings settings = Settings::Resolve(parsed.table(), File("[compress]\noutput = 'o.acc'"));
  EXPECT_EQ(parsed.Parse({"compress", settings.Arguments().at(0), "c"}), "");
}

// Without --compare, compress has no use for what eval needs.
TEST(Settings, WhatNeedsAFlagIsLeftOutWithoutIt) {
  const std::string_view toml = "max-tokens = 9\ntext = 't'";
  EXPECT_EQ(Besides({"compress", "c"}, toml, {{"ACCLLM_PROMPT", "p"}}), Strings());
  EXPECT_EQ(Besides({"compress", "c", "--compare"}, toml), Strings({"--text=t", "--max-tokens=9"}));
  EXPECT_EQ(Besides({"compress", "c", "--compare=false"}, toml), Strings());
  EXPECT_EQ(Besides({"compress", "c"}, "text = 't'\n[compress]\ncompare = true"),
            Strings({"--compare=true", "--text=t"}));
  EXPECT_EQ(Besides({"compress", "c"}, "text = 't'\n[compress]\ncompare = true",
                    {{"ACCLLM_COMPARE", "false"}}),
            Strings({"--compare=false"}));
  EXPECT_EQ(Besides({"eval", "m"}, toml), Strings({"--text=t", "--max-tokens=9"}));
}

TEST(Settings, WhatExcludesAStrongerValueIsLeftOut) {
  const std::string_view toml = "prompt-file = 'f'\n[eval]\nwindow-tokens = 8";
  EXPECT_EQ(Besides({"generate", "m", "-p", "x"}, toml), Strings());
  EXPECT_EQ(Besides({"generate", "m"}, toml, {{"ACCLLM_PROMPT", "x"}}), Strings({"--prompt=x"}));
  EXPECT_EQ(Besides({"generate", "m"}, toml), Strings({"--prompt-file=f"}));
  EXPECT_EQ(Besides({"eval", "m", "--stream"}, toml), Strings());
  EXPECT_EQ(Besides({"eval", "m", "--stream=false"}, toml), Strings({"--window-tokens=8"}));
  // A contradiction within the file is for the verb to refuse.
  EXPECT_EQ(Besides({"tokenize", "m"}, "prompt = 'p'\ntext = 't'"),
            Strings({"--prompt=p", "--text=t"}));
}

TEST(Settings, OriginsAreNamed) {
  const Environment environment(Variables{{"ACCLLM_TEMP", "x"}});
  const Parsed parsed({"eval", "m", "--sinks", "1"});
  const Parsed chat({"chat", "m"});
  const Settings settings = Settings::Resolve(chat.table(), File("window = 8\nsinks = 2"));
  EXPECT_EQ(settings.WithOrigins("Could not convert: --temp = x"),
            "Could not convert: --temp = x (--temp: ACCLLM_TEMP in the environment)");
  EXPECT_EQ(settings.WithOrigins("--window 8: not a window"),
            "--window 8: not a window (--window: c.toml:1)");
  EXPECT_EQ(settings.WithOrigins("--sinks and --window"),
            "--sinks and --window (--window: c.toml:1; --sinks: c.toml:2)");
  EXPECT_EQ(settings.WithOrigins("--window-tokens: x"), "--window-tokens: x");
  EXPECT_EQ(Settings::Resolve(parsed.table(), File("sinks = 2")).WithOrigins("--sinks: x"),
            "--sinks: x");
}

TEST(FindConfigFile, CommandLineThenEnvironmentThenHome) {
  const Environment environment(
      {{"ACCLLM_CONFIG", "/none/env.toml"}, {"XDG_CONFIG_HOME", "/none"}});
  EXPECT_EQ(DefaultConfigPath(), "/none/accllm/config.toml");
  const auto of_line = FindConfigFile(Parsed({"chat", "m", "--config", "/none/a.toml"}).table());
  ASSERT_FALSE(of_line);
  EXPECT_EQ(of_line.error().code, ErrorCode::kNotFound);
  EXPECT_NE(of_line.error().message.find("/none/a.toml"), std::string::npos);
  const auto of_variable = FindConfigFile(Parsed({"chat", "m"}).table());
  ASSERT_FALSE(of_variable);
  EXPECT_NE(of_variable.error().message.find("/none/env.toml"), std::string::npos);
  EXPECT_TRUE(FindConfigFile(Parsed({"chat", "m", "--config", "none"}).table()));
  setenv("ACCLLM_CONFIG", "none", 1);
  EXPECT_TRUE(FindConfigFile(Parsed({"chat", "m"}).table()));
  setenv("ACCLLM_CONFIG", "", 1);
  EXPECT_TRUE(FindConfigFile(Parsed({"chat", "m"}).table()));  // a missing default is no error
}

TEST(DefaultConfigPath, FallsBackToHome) {
  const Environment environment({{"XDG_CONFIG_HOME", "relative"}, {"HOME", "/home/u"}});
  EXPECT_EQ(DefaultConfigPath(), "/home/u/.config/accllm/config.toml");
  setenv("HOME", "", 1);
  EXPECT_EQ(DefaultConfigPath(), "");
}

}  // namespace
}  // namespace accllm::cli
