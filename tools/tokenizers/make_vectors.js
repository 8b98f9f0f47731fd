// Lets an independent encoder encode test strings.
//
// usage: node make_vectors.js NAME PACKAGE_FOLDER OUT_FOLDER
//
// OUT_FOLDER/tokenizer.json: the vocabulary. OUT_FOLDER/vectors.bin: for each string four times a
// u32 size and data: the text, 1 byte whether special tokens are parsed, the ids as i32, and the text
// that they decode to without special tokens. All little-endian.
'use strict';

const fs = require('fs');
const path = require('path');
const { makeTexts, readText } = require('./strings.js');

const N_TEXTS = 5600;

// JavaScript's \s is not Unicode's White_Space, which the format means.
function withUnicodeSpaces(pattern) {
  return pattern.replaceAll('\\s', '\\p{White_Space}').replaceAll('\\S', '\\P{White_Space}');
}

// A tokenizer of @lenml/tokenizers, a JavaScript implementation of tokenizer.json.
function openJson(folder) {
  const json = JSON.parse(fs.readFileSync(path.join(folder, 'models/tokenizer.json'), 'utf8'));
  const config = JSON.parse(fs.readFileSync(path.join(folder, 'models/tokenizer_config.json'), 'utf8'));
  const { TokenizerLoader } = require(path.resolve(folder, '../lenml-tokenizers-3.7.2/dist/main.js'));
  const readable = structuredClone(json);
  for (const step of readable.pre_tokenizer?.pretokenizers ?? []) {
    if (step.pattern?.Regex) step.pattern.Regex = withUnicodeSpaces(step.pattern.Regex);
  }
  const tokenizer = TokenizerLoader.fromPreTrained({
    tokenizerJSON: readable, tokenizerConfig: config,
  });
  const specials = json.added_tokens.map((token) => token.content);
  return {
    json,
    specials,
    encode: (text) => tokenizer.encode(text, { add_special_tokens: false }),
    decode: (ids) =>
      tokenizer.decode(ids, { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
  };
}

// The printable characters by which byte-level vocabularies spell bytes.
function byteAlphabet() {
  const isPrintable = (b) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || (b >= 174 && b <= 255);
  let n = 0;
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(isPrintable(b) ? b : 256 + n++));
}

// Every way to make a token of two others, in the order of the tokens.
function mergesOf(ranks) {
  const merges = [];
  for (const token of ranks.keys()) {
    const ways = [];
    for (let i = 1; i < token.length; ++i) {
      const pair = [token.slice(0, i), token.slice(i)];
      if (pair.every((part) => ranks.has(part))) ways.push(pair);
    }
    ways.sort((a, b) => ranks.get(a[0]) - ranks.get(b[0]) || ranks.get(a[1]) - ranks.get(b[1]));
    merges.push(...ways);
  }
  return merges;
}

const CONTRACTION = "'(?:[sS]|[dD]|[mM]|[tT]|[lL][lL]|[vV][eE]|[rR][eE])";
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
const GPT2 =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const PATTERNS = {
  r50k_base: GPT2,
  p50k_base: GPT2,
  cl100k_base:
    `${CONTRACTION}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|` +
    '\\s+\\z|\\s*[\\r\\n]|\\s+(?!\\S)|\\s',
  o200k_base:
    `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+(?:${CONTRACTION})?|` +
    `[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*(?:${CONTRACTION})?|` +
    '\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
};

// An encoding of gpt-tokenizer; its ranks become a tokenizer.json.
function openRanks(folder, name) {
  const alphabet = byteAlphabet();
  const spell = (bytes) => Array.from(bytes, (b) => alphabet[b]).join('');
  const ranks = new Map();
  const lines = fs.readFileSync(path.join(folder, `data/${name}.tiktoken`), 'utf8').trim().split('\n');
  for (const line of lines) {
    const [base64, rank] = line.split(' ');
    ranks.set(spell(Buffer.from(base64, 'base64')), Number(rank));
  }
  const encoder = require(path.resolve(folder, `cjs/encoding/${name}.js`)).default;
  const special = encoder.specialTokensEncoder;
  const addedTokens = Array.from(special, ([content, id]) => ({
    id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true,
  }));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  const split =
    { type: 'Split', pattern: { Regex: PATTERNS[name] }, behavior: 'Isolated', invert: false };
  const json = {
    version: '1.0', truncation: null, padding: null, added_tokens: addedTokens, normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split, byteLevel] },
    post_processor: byteLevel, decoder: byteLevel,
    model: {
      type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null,
      end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: true,
      vocab: Object.fromEntries(ranks), merges: mergesOf(ranks),
    },
  };
  const specialIds = new Set(special.values());
  const specials = [...special.keys()].sort((a, b) => b.length - a.length);
  const encodePlain = (text) => encoder.encode(text, { disallowedSpecial: new Set() });
  // Its own search for special tokens finds only those at the start or right after another one (a
  // sticky expression in BytePairEncodingCore), so texts are cut at them here.
  const names = new RegExp(`(${specials.map((s) => s.replaceAll('|', '\\|')).join('|')})`, 'u');
  const encodeParsed = (text) => text.split(names).flatMap((part) =>
    (special.has(part) ? [special.get(part)] : encodePlain(part)));
  return {
    json,
    specials,
    encode: (text, parses) => (parses ? encodeParsed(text) : encodePlain(text)),
    decode: (ids) => encoder.decode(ids.filter((id) => !specialIds.has(id))),
  };
}

function main() {
  const [name, folder, out] = process.argv.slice(2);
  const canParseOnly = !(name in PATTERNS);
  const tokenizer = canParseOnly ? openJson(folder) : openRanks(folder, name);
  fs.writeFileSync(path.join(out, 'tokenizer.json'), JSON.stringify(tokenizer.json));
  const chunks = [];
  const push = (data) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(data.length);
    chunks.push(size, data);
  };
  makeTexts(1234, N_TEXTS, tokenizer.specials).forEach((bytes, i) => {
    const parses = canParseOnly || (i / 14) % 2 < 1;
    const ids = tokenizer.encode(readText(bytes), parses);
    push(bytes);
    push(Buffer.from([parses ? 1 : 0]));
    push(Buffer.from(Int32Array.from(ids).buffer));
    push(Buffer.from(tokenizer.decode(ids), 'utf8'));
  });
  // Complete or not there at all: the file tells that the folder is done.
  fs.writeFileSync(path.join(out, 'vectors.partial'), Buffer.concat(chunks));
  fs.renameSync(path.join(out, 'vectors.partial'), path.join(out, 'vectors.bin'));
  console.log(`wrote ${path.join(out, 'vectors.bin')}: ${N_TEXTS} texts`);
}

main();
