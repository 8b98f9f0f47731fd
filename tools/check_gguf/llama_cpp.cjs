// llama.cpp as a filter: tokenises texts and continues prompts greedily.
//
// usage: node llama_cpp.cjs ADDON_FOLDER MODEL.gguf < REQUEST.json > ANSWER.json
//   request: {"texts": ["..."], "prompts": [[1, 2]], "n": 100}
//   answer:  {"tokens": [[1, 2]], "generated": [{"tokens": [3], "gaps": [0.7]}]}
// A gap is the logit of a token less that of the runner-up. The addon is the prebuilt llama.cpp of the
// npm package @node-llama-cpp/linux-x64, used without the JavaScript around it.
"use strict";
const fs = require("fs");
const path = require("path");

const [folder, modelPath] = process.argv.slice(2).map((name) => path.resolve(name));
const addon = require(path.join(folder, "llama-addon.node"));
const LOG_WARNINGS = 3;

async function loadModel() {
  addon.setLogger((level, message) => process.stderr.write(message));
  addon.setLoggerLogLevel(LOG_WARNINGS);
  addon.loadBackends(folder);
  await addon.init();
  const model = new addon.AddonModel(modelPath, {addonExports: addon, gpuLayers: 0, useMmap: true});
  if (!(await model.init())) throw new Error(`llama.cpp cannot load ${modelPath}`);
  return model;
}

async function generate(model, prompt, n) {
  const size = prompt.length + n;
  const context = new addon.AddonContext(model, {
    contextSize: size, batchSize: size, sequences: 1, flashAttention: false, threads: 1,
    kvCacheKeyType: addon.getGgmlType("F32"), kvCacheValueType: addon.getGgmlType("F32"),
  });
  if (!(await context.init())) throw new Error("llama.cpp cannot create a context");
  const sampler = new addon.AddonSampler(model);
  sampler.applyConfig({temperature: 0});
  const answer = {tokens: [], gaps: []};
  let next = prompt;
  let position = 0;
  while (answer.tokens.length < n) {
    context.initBatch(next.length);
    const [row] = context.addToBatch(
      0, position, Uint32Array.from(next), Uint32Array.from([next.length - 1]));
    await context.decodeBatch();
    position += next.length;
    const [token, probabilities] = await context.sampleToken(row, sampler, true);
    answer.tokens.push(token);
    answer.gaps.push(Math.log(probabilities[1] / probabilities[3]));
    next = [token];
  }
  sampler.dispose();
  await context.dispose();
  return answer;
}

async function main() {
  const request = JSON.parse(fs.readFileSync(0, "utf8"));
  const model = await loadModel();
  const answer = {tokens: [], generated: []};
  for (const text of request.texts) answer.tokens.push(Array.from(model.tokenize(text, false)));
  for (const prompt of request.prompts) {
    answer.generated.push(await generate(model, prompt, request.n));
  }
  fs.writeSync(1, JSON.stringify(answer));
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
