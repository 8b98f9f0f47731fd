#include "tokenizer/testing/json_builder.h"

#include <fmt/format.h>

#include "tokenizer/byte_piece.h"
#include "tokenizer/utf8.h"

namespace accllm::testing {
namespace {

// The byte's character in the alphabet of byte-level vocabularies.
std::string Spell(uint32_t byte, uint32_t* n_substitutes) {
  const bool is_printable =
      (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
  std::string text;
  AppendUtf8(is_printable ? byte : 256 + (*n_substitutes)++, &text);
  return text == "\"" || text == "\\" ? "\\" + text : text;
}

}  // namespace

TestJson::TestJson()
    : added_tokens(R"([{"id":270,"content":"<s>","special":true},
                       {"id":271,"content":"</s>","special":true},
                       {"id":272,"content":"[x]","special":false}])"),
      pre_tokenizer(R"({"type":"ByteLevel","add_prefix_space":false})") {
  std::string vocab;
  uint32_t n_substitutes = 0;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    vocab += fmt::format("\"{}\":{},", Spell(byte, &n_substitutes), byte);
  }
  model = fmt::format(R"({{"type":"BPE","vocab":{{{}"ab":256,"Ġa":257,"abc":258,"Ġab":259}},
                      "merges":["a b","Ġ a",["ab","c"],"Ġ ab"]}})",
                      vocab);
}

std::string TestJson::Bytes() const {
  return fmt::format(R"({{
  "added_tokens": {},
  "normalizer": {},
  "pre_tokenizer": {},
  "post_processor": {},
  "decoder": {},
  "model": {}
}})",
                     added_tokens, normalizer, pre_tokenizer, post_processor, decoder, model);
}

TestJson LlamaJson() {
  TestJson json;
  std::string vocab = R"("<unk>":0,"<s>":1,"</s>":2,)";
  for (int byte = 0; byte < 256; ++byte) {
    vocab += fmt::format("\"{}\":{},", PieceOfByte(static_cast<uint8_t>(byte)), byte + 3);
  }
  json.added_tokens = R"([{"id":0,"content":"<unk>","special":true},
                          {"id":1,"content":"<s>","special":true},
                          {"id":2,"content":"</s>","special":true}])";
  json.normalizer = R"({"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
                        {"type":"Replace","pattern":{"String":" "},"content":"▁"}]})";
  json.pre_tokenizer = "null";
  json.post_processor = R"({"type":"TemplateProcessing",
      "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
      "special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}})";
  json.decoder = R"({"type":"Sequence","decoders":[
      {"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},
      {"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]})";
  json.model = fmt::format(
      R"({{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,
          "vocab":{{{}"▁":259,"a":260,"b":261,"ab":262,"▁a":263,"▁ab":264}},
          "merges":["a b","▁ a","▁ ab"]}})",
      vocab);
  return json;
}

}  // namespace accllm::testing
