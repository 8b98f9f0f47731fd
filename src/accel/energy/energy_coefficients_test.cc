#include "accel/energy/energy_coefficients.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "accel/energy/toml_fields.h"

namespace accllm::accel {
namespace {

const std::string kSpecFile = ACCLLM_SOURCE_DIR "/spec/accelerator/energy.toml";

std::string SpecText() {
  auto text = ReadTomlText(kSpecFile);
  EXPECT_TRUE(text) << text.error().ToString();
  return text.value_or("");
}

// The specification with the first `from` behind the table's head replaced by `to`.
std::string Edited(const std::string& table, const std::string& from, const std::string& to) {
  std::string text = SpecText();
  const size_t head = text.find("[" + table + "]");
  const size_t at = text.find(from, head);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

Error ErrorOf(const std::string& text) {
  const auto coefficients = ParseEnergyCoefficients(text, "e.toml");
  EXPECT_FALSE(coefficients);
  if (coefficients) return {};
  EXPECT_FALSE(coefficients.error().remedy.empty()) << coefficients.error().message;
  return coefficients.error();
}

TEST(EnergyCoefficients, ReadsTheSpecificationInSiUnits) {
  const auto coefficients = ReadEnergyCoefficients(kSpecFile);
  ASSERT_TRUE(coefficients) << coefficients.error().ToString();
  EXPECT_DOUBLE_EQ(coefficients->device_static.value.nominal, 4.2);
  EXPECT_DOUBLE_EQ(coefficients->clock_ff.value.low, 20e-6);
  EXPECT_DOUBLE_EQ(coefficients->hbm.value.nominal, 45e-12);
  EXPECT_DOUBLE_EQ(coefficients->hbm.value.high, 100e-12);
  EXPECT_EQ(coefficients->hbm.basis, "derived");
  EXPECT_NE(coefficients->hbm.source.find("MICRO"), std::string::npos);
}

TEST(EnergyCoefficients, NamesFileFieldAndRemedy) {
  struct Case {
    std::string text;
    ErrorCode code;
    std::string message;
  };
  const Case cases[] = {
      {Edited("hbm", "low = 31.0\n", ""), ErrorCode::kNotFound,
       "e.toml: field 'hbm.low' is missing"},
      {Edited("hbm", "low = 31.0", "low = \"31\""), ErrorCode::kCorrupt,
       "e.toml: field 'hbm.low' must be a number, found a string"},
      {Edited("hbm", "low = 31.0", "low = -1.0"), ErrorCode::kCorrupt,
       "e.toml: field 'hbm.low' is -1"},
      {Edited("hbm", "low = 31.0", "low = 46.0"), ErrorCode::kCorrupt,
       "e.toml: field 'hbm.nominal' is 45, outside of low = 46 to high = 100"},
      {Edited("hbm", "high = 100.0", "high = 44.0"), ErrorCode::kCorrupt,
       "e.toml: field 'hbm.nominal' is 45, outside of low = 31 to high = 44"},
      {Edited("hbm", "pJ/byte", "pJ/bit"), ErrorCode::kCorrupt,
       "e.toml: field 'hbm.unit' is 'pJ/bit'"},
      {Edited("hbm", "derived", "guessed"), ErrorCode::kCorrupt,
       "e.toml: field 'hbm.basis' is 'guessed'"},
      {Edited("hbm", "unit =", "untis ="), ErrorCode::kCorrupt,
       "e.toml: field 'hbm.untis' is not known"},
      {Edited("hbm", "[hbm]", "[hbm2]"), ErrorCode::kCorrupt, "e.toml: field 'hbm2' is not known"},
      {SpecText() + "source2 = \"\"\n", ErrorCode::kCorrupt,
       "e.toml: field 'uram.source2' is not known"},
      {"hbm = 3", ErrorCode::kNotFound, "e.toml: field 'device_static' is missing"},
      {"device_static = 3", ErrorCode::kCorrupt,
       "e.toml: field 'device_static' must be an object, found an integer"},
  };
  for (const Case& bad : cases) {
    const Error error = ErrorOf(bad.text);
    EXPECT_EQ(error.message, bad.message);
    EXPECT_EQ(error.code, bad.code) << bad.message;
  }
}

TEST(EnergyCoefficients, RefusesAnEmptySource) {
  const std::string text = Edited("uram", "source = \"", "source = \"\" # ");
  EXPECT_EQ(ErrorOf(text).message, "e.toml: field 'uram.source' is empty");
}

TEST(EnergyCoefficients, NamesTheLineThatIsNoToml) {
  const Error error = ErrorOf("[hbm]\nlow = = 3\n");
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_EQ(error.message.rfind("e.toml:2: ", 0), 0u) << error.message;
}

TEST(EnergyCoefficients, NamesTheFileThatIsNotThere) {
  const auto coefficients = ReadEnergyCoefficients("/nowhere/energy.toml");
  ASSERT_FALSE(coefficients);
  EXPECT_EQ(coefficients.error().code, ErrorCode::kNotFound);
  EXPECT_NE(coefficients.error().message.find("/nowhere/energy.toml"), std::string::npos);
}

}  // namespace
}  // namespace accllm::accel
