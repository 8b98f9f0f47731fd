#include "config_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/file_io.h"
#include "nearest_name.h"
#include "verbs.h"

namespace accllm::cli {
namespace {

constexpr int64_t kMaxConfigBytes = int64_t{1} << 20;

// A string or a number; nothing for anything else.
std::optional<std::string> SpellScalar(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  return std::nullopt;
}

// The value of an option of the kind of `entry` as the command line spells it; nothing if the node
// is of no such type.
std::optional<std::string> Spell(const toml::node& node, const OptionEntry& entry) {
  if (entry.kind == ValueKind::kFlag) {
    const auto* flag = node.as_boolean();
    return flag == nullptr ? std::nullopt : std::optional(flag->get() ? "true" : "false");
  }
  const toml::array* array = node.as_array();
  if (array == nullptr || !entry.is_list) return SpellScalar(node);
  std::string text;
  for (const toml::node& element : *array) {
    const auto spelt = SpellScalar(element);
    if (!spelt) return std::nullopt;
    text += fmt::format("{}{}", text.empty() ? "" : ",", *spelt);
  }
  return text;
}

std::string_view Expected(const OptionEntry& entry) {
  if (entry.kind == ValueKind::kFlag) return "true or false";
  if (entry.is_list) return "a string, a number or an array of them";
  return "a string or a number";
}

std::string Suggestion(std::string_view name, const std::vector<std::string>& names,
                       std::string_view otherwise) {
  const std::string nearest = NearestName(name, names);
  return nearest.empty() ? std::string(otherwise) : fmt::format("did you mean {}?", nearest);
}

}  // namespace

class ConfigReader {
 public:
  explicit ConfigReader(const std::string& path) : path_(path) {}

  Result<ConfigFile> Read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      if (!node.is_table()) ACCLLM_RETURN_IF_ERROR(ReadValue(verbs_, "", key, node));
    }
    for (const auto& [key, node] : root) {
      if (const toml::table* table = node.as_table()) {
        ACCLLM_RETURN_IF_ERROR(ReadTable(key, *table));
      }
    }
    return std::move(file_);
  }

 private:
  std::string Place(const toml::key& key) const {
    return fmt::format("{}:{}", path_, key.source().begin.line);
  }

  tl::unexpected<Error> FailAt(const toml::key& key, std::string_view what,
                               std::string remedy) const {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}", Place(key), what),
                std::move(remedy));
  }

  Status ReadTable(const toml::key& name, const toml::table& table) {
    const auto verb = std::find_if(verbs_.begin(), verbs_.end(), [&](const DeclaredVerb& declared) {
      return declared.verb->name == name.str();
    });
    if (verb == verbs_.end()) {
      std::vector<std::string> names;
      for (const DeclaredVerb& declared : verbs_) names.emplace_back(declared.verb->name);
      return FailAt(name, fmt::format("there is no verb '{0}' for the table [{0}]", name.str()),
                    Suggestion(name.str(), names, "accllm --help lists the verbs"));
    }
    for (const auto& [key, node] : table) {
      ACCLLM_RETURN_IF_ERROR(ReadValue({&*verb, 1}, verb->verb->name, key, node));
    }
    return {};
  }

  // A key of the table `table`, or of the top if that is "", for those of `verbs` that have it.
  Status ReadValue(std::span<const DeclaredVerb> verbs, std::string_view table,
                   const toml::key& key, const toml::node& node) {
    std::string name(key.str());
    std::replace(name.begin(), name.end(), '_', '-');
    if (!seen_.emplace(table, name).second) {
      return FailAt(key, fmt::format("{} is set a second time", key.str()), "keep one of them");
    }
    const OptionEntry* refused = nullptr;
    bool is_taken = false;
    for (const DeclaredVerb& verb : verbs) {
      const OptionEntry* entry = verb.table.Find(name);
      if (entry == nullptr || !entry->is_in_file()) continue;
      auto text = Spell(node, *entry);
      if (!text) {
        refused = entry;
        continue;
      }
      is_taken = true;
      file_.values_[{std::string(verb.verb->name), name}] = {std::move(*text), Place(key)};
    }
    if (is_taken) return {};
    if (refused == nullptr) return UnknownKey(verbs, table, key);
    return FailAt(key, fmt::format("{} cannot take such a value", key.str()),
                  fmt::format("give {}", Expected(*refused)));
  }

  tl::unexpected<Error> UnknownKey(std::span<const DeclaredVerb> verbs, std::string_view table,
                                   const toml::key& key) const {
    std::vector<std::string> names;
    for (const DeclaredVerb& verb : verbs) {
      for (const OptionEntry& entry : verb.table.entries()) {
        if (entry.is_in_file()) names.push_back(entry.name());
      }
    }
    const std::string_view owner = table.empty() ? "any verb" : table;
    return FailAt(key, fmt::format("there is no option '{}' to set for {}", key.str(), owner),
                  Suggestion(key.str(), names, "accllm help --config lists what can be set"));
  }

  const std::string& path_;
  std::shared_ptr<CLI::App> app_ = MakeApp();
  std::vector<DeclaredVerb> verbs_ = DeclareAll(*app_);
  ConfigFile file_;
  std::set<std::pair<std::string, std::string>> seen_;  // table and option
};

Result<ConfigFile> ConfigFile::Read(const std::string& path) {
  ACCLLM_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, kMaxConfigBytes));
  return Parse(text, path);
}

Result<ConfigFile> ConfigFile::Parse(std::string_view text, const std::string& path) {
  try {
    return ConfigReader(path).Read(toml::parse(text, path));
  } catch (const toml::parse_error& error) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()),
                "correct the TOML there, or give --config none");
  }
}

const ConfigValue* ConfigFile::Find(std::string_view verb, std::string_view option) const {
  const auto found = values_.find(std::pair(std::string(verb), std::string(option)));
  return found == values_.end() ? nullptr : &found->second;
}

}  // namespace accllm::cli
