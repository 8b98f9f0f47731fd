// Test strings of many kinds, the same on every run.
//
// Left out, because the JavaScript encoders differ from the format there:
// * U+FEFF and U+0085: JavaScript's \s has the first and lacks the second, Unicode's White_Space is
//   the other way round.
// * U+017F and U+212A after an apostrophe: the encoders write (?i:'s) as '[sS], though Unicode folds
//   U+017F to s (and U+212A to k).
// * Code points younger than Unicode 14: what category they have depends on each side's tables.
'use strict';

// A small generator of random numbers (mulberry32).
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const BLOCKS = [
  [0x20, 0x7e], [0x41, 0x7a], [0xa0, 0xff], [0x100, 0x17e], [0x370, 0x3ff], [0x400, 0x4ff],
  [0x531, 0x58a], [0x5b0, 0x5ea], [0x600, 0x6ff], [0x700, 0x74a], [0x900, 0x97f], [0x980, 0x9fe],
  [0xe01, 0xe3a], [0xe40, 0xe5b], [0xf00, 0xf47], [0x10a0, 0x10ff], [0x1100, 0x11ff],
  [0x1200, 0x1248], [0x13a0, 0x13f5], [0x1e00, 0x1eff], [0x1f00, 0x1fff], [0x2000, 0x206f],
  [0x20a0, 0x20bf], [0x2150, 0x218b], [0x2190, 0x23ff], [0x2460, 0x24ff], [0x2500, 0x27bf],
  [0x3040, 0x30ff], [0x3200, 0x33ff], [0x4e00, 0x9fff], [0xac00, 0xd7a3], [0xf900, 0xfa6d],
  [0xfb00, 0xfb06], [0xfb50, 0xfdff], [0xff00, 0xffef], [0x10330, 0x1034a], [0x1d100, 0x1d126],
  [0x1d400, 0x1d7ff], [0x1f300, 0x1f6d7], [0x1f900, 0x1f9ff], [0x20000, 0x2a6df],
];
const YOUNG = [
  [0x897, 0x897], [0x88f, 0x88f], [0xc5c, 0xc5c], [0xcdc, 0xcdc], [0xcf3, 0xcf3], [0xece, 0xece],
  [0x1acf, 0x1aff], [0x1b4e, 0x1b4f], [0x1b7f, 0x1b7f], [0x1c89, 0x1c8a], [0x20c1, 0x20c1],
  [0x2427, 0x2429], [0x2b96, 0x2b96], [0x2ffc, 0x2fff], [0x31e4, 0x31ef], [0xa7cb, 0xa7cf],
  [0xa7d2, 0xa7d2], [0xa7d4, 0xa7d4], [0xa7da, 0xa7dc], [0xa7f1, 0xa7f1], [0xfbc3, 0xfbd2],
  [0xfd90, 0xfd91], [0xfdc8, 0xfdce],
];
const EMOJI = [
  '👩‍👩‍👧‍👦', '👍🏽', '🏳️‍🌈', '🇩🇪', '🇯🇵🇫🇷', '👨🏿‍🚀', '❤️‍🔥', '1️⃣', '😀', '🧑‍💻', '☃️', '🫶',
];
const SPACES = [
  ' ', '  ', '   ', '\t', '\n', '\r\n', '\n\n', ' \n', '\n ', '\u00a0', '\u1680', '\u2003', '\u2028',
  '\u2029', '\u202f', '\u3000', '\r', '\v', '\f', '    ', '        ', '\u180e', '\u200b', '\u2581',
];
const WORDS = (
  'the whale and a ship of sea Call me Ishmael years ago never mind how long precisely having ' +
  'little no money in my purse nothing particular interest shore thought would sail about see ' +
  "watery part world don't I'll we've they're he'd I'm it's DON'T WE'VE O'Reilly 'tis rock'n'roll " +
  'internationalization antidisestablishmentarianism naïve café Straße größer Ärger São coração ' +
  'привет мир данные 你好 世界 東京 日本語 テスト 안녕하세요 مرحبا שלום नमस्ते ภาษาไทย Việt'
).split(' ');
const CODE = [
  'def f(x):\n    return x ** 2\n', 'for (int i = 0; i < n; ++i) {\n\tsum += a[i];\n}\n',
  '#include <vector>', 'std::vector<std::pair<int, char>>', '{"key": [1, 2.5e-3, null]}', '\\u00e9',
  'SELECT * FROM t WHERE a >= 10;', '<div class="x">&nbsp;</div>', '/* comment */ // end', '!=', '==',
  '->', '=>', '...', '----------', '========', '"""', "'''", '$HOME/.config', 'C:\\Users\\x', 'a_b-c.d',
  'https://example.org/a?b=c&d=%20#e', '//', '/\n/', 'λx→y', '≤≥≠', '[[[]]]', '@user #tag',
];

class Strings {
  constructor(seed, specials) {
    this.next = random(seed);
    this.specials = specials;
    this.kinds = [
      () => this.join(() => this.pick(WORDS), 12, () => ' '),
      () => this.join(() => this.pick(WORDS), 12, () => this.pick(SPACES)),
      () => this.join(() => this.script(), 6, () => this.pick(SPACES)),
      () => this.join(() => this.anyCodePoint(), 24, () => ''),
      () => this.join(() => this.pick(EMOJI), 6, () => this.pick(['', ' ', 'a', '!'])),
      () => this.join(() => this.combined(), 10, () => this.pick(['', '', ' '])),
      () => this.join(() => this.pick(SPACES), 12, () => this.pick(['', '', 'x', '.', '1'])),
      () => this.join(() => this.pick(CODE), 5, () => this.pick(SPACES)),
      () => this.join(() => this.number(), 6, () => this.pick([' ', ',', '.', '', '-', 'e'])),
      () => this.join(() => this.pick("'s 't 're 've 'm 'll 'd ’s 'S 'T 'RE 'x '".split(' ')), 6,
        () => this.pick(WORDS)),
      () => this.join(() => String.fromCharCode(this.below(0x20)), 8, () => this.pick(['', 'a', ' '])),
      () => this.longWord(),
      () => this.invalid(),
      () => this.join(() => this.pick(this.specials), 5,
        () => this.pick(['', ' ', 'text', '\n', '  ', '<|', '<', this.pick(this.specials).slice(0, -1)])),
    ];
  }

  below(n) { return Math.floor(this.next() * n); }
  pick(list) { return list[this.below(list.length)]; }

  join(make, n, separator) {
    let text = this.next() < 0.2 ? separator() : '';
    for (let i = this.below(n) + 1; i > 0; --i) text += make() + (i > 1 ? separator() : '');
    return this.next() < 0.2 ? text + separator() : text;
  }

  codePointIn([first, last]) {
    for (;;) {
      const c = first + this.below(last - first + 1);
      const isBad = (c >= 0xd800 && c <= 0xdfff) || [0x85, 0xfeff, 0x17f, 0x212a].includes(c) ||
        YOUNG.some(([a, b]) => c >= a && c <= b);
      if (!isBad) return String.fromCodePoint(c);
    }
  }

  anyCodePoint() { return this.codePointIn(this.next() < 0.5 ? [1, 0xfffd] : this.pick(BLOCKS)); }

  script() {
    const block = this.pick(BLOCKS);
    return Array.from({ length: 1 + this.below(10) }, () => this.codePointIn(block)).join('');
  }

  combined() {
    const base = this.pick(['a', 'e', 'o', 'A', 'q', '가', 'ㄱ', 'ש', 'ก', 'क', 'ᄀ', 'か', ' ', '1', '.']);
    const marks = ['\u0301', '\u0308', '\u0323', '\u0327', '\u0345', '\u05bc', '\u064b', '\u093c',
      '\u094d', '\u0e34', '\u1161', '\u11a8', '\u3099', '\u20dd', '\ufe0f', '\u200d'];
    let text = base;
    for (let i = this.below(5); i > 0; --i) text += this.pick(marks);
    return text;
  }

  number() {
    return Array.from({ length: 1 + this.below(9) },
      () => this.pick(['0', '1', '2', '7', '9', '٣', '५', '½', 'Ⅷ', '²', '①', '９'])).join('');
  }

  longWord() {
    const unit = this.pick(['a', 'ab', 'A', 'aA', 'é', '中', ' ', '-', '1', '▁', 'the', '\n', '😀', '\t ']);
    const n = 20 + this.below(this.next() < 0.1 ? 2000 : 200);
    return unit.repeat(Math.ceil(n / unit.length)) + this.pick(['', 'x', ' y', '\n']);
  }

  // Bytes that are mostly no UTF-8.
  invalid() {
    const bytes = Array.from({ length: 1 + this.below(20) }, () =>
      this.next() < 0.5 ? 0x20 + this.below(0x5f) : 0x80 + this.below(0x80));
    return Uint8Array.from(bytes);
  }
}

// n texts as bytes.
function makeTexts(seed, n, specials) {
  const strings = new Strings(seed, specials);
  return Array.from({ length: n }, (_, i) => {
    const text = strings.kinds[i % strings.kinds.length]();
    return typeof text === 'string' ? Buffer.from(text, 'utf8') : Buffer.from(text);
  });
}

// How both sides read bytes: every byte that belongs to no code point is one U+FFFD.
function readText(bytes) {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at];
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    try {
      text += decoder.decode(bytes.subarray(at, at + length));
      at += length;
    } catch {
      text += '\ufffd';
      at += 1;
    }
  }
  return text;
}

module.exports = { makeTexts, readText };
