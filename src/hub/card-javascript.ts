// How a model card says to use its models from JavaScript. A test takes these lines out of a card
// and runs them.

import type { Task } from '../base/config.ts';
import type { Usage } from './card-usage.ts';

/** Lines of the program, not of this file: names by the module that has them. */
function imports(names: Readonly<Record<string, string>>): string {
  return Object.entries(names)
    .map(([module, name]) => `import { ${name} } from '${module}';`)
    .join('\n');
}

/** transformers.js: pipelines, where it has one for the model type. */
export function transformersJs({ id, task, dtype, text }: Usage): string {
  const programs: Readonly<Record<Task, string>> = {
    'text-generation': `\
${imports({ '@huggingface/transformers': 'pipeline' })}

const generator = await pipeline('text-generation', '${id}', { dtype: '${dtype}' });
const [{ generated_text }] = await generator('${text}', { max_new_tokens: 20 });
console.log(generated_text);`,
    'feature-extraction': `\
${imports({ '@huggingface/transformers': 'pipeline' })}

const extractor = await pipeline('feature-extraction', '${id}', { dtype: '${dtype}' });
const states = await extractor('${text}');
console.log(states.dims); // [1, tokens, hidden size]`,
    'text-classification': `\
${imports({ '@huggingface/transformers': 'AutoModel, AutoTokenizer, softmax' })}

// not a pipeline: that for text-classification does not know the model type
const tokenizer = await AutoTokenizer.from_pretrained('${id}');
const model = await AutoModel.from_pretrained('${id}', { dtype: '${dtype}' });
const { logits } = await model(await tokenizer('${text}'));
console.log(softmax(logits.data)); // one probability for each label`,
  };
  return programs[task];
}

/** onnxruntime-node on a copy of the repository. */
export function onnxRuntimeJs(usage: Usage): string {
  const { name, file, task, text } = usage;
  return `\
${imports({
  'node:fs/promises': 'readFile',
  '@huggingface/tokenizers': 'Tokenizer',
  'onnxruntime-node': 'InferenceSession, Tensor',
})}

const read = async (file) => JSON.parse(await readFile(\`./${name}/\${file}\`, 'utf8'));
const tokenizer = new Tokenizer(await read('tokenizer.json'), await read('tokenizer_config.json'));
const model = await InferenceSession.create('./${name}/${file}');
const row = (ids) => new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]);

const { ids } = tokenizer.encode('${text}');
${task === 'text-generation' ? onnxRuntimeLoop(usage) : onnxRuntimeForward(task)}`;
}

function onnxRuntimeLoop({ half }: Usage): string {
  const empty = half
    ? `new Tensor('float16', new Uint16Array(), [1, shape[1], 0, shape[3]])`
    : `new Tensor('float32', [], [1, shape[1], 0, shape[3]])`;
  return `\
let cache = model.inputMetadata
  .filter(({ name }) => name.startsWith('past_key_values.'))
  .map(({ name, shape }) => [name, ${empty}]);
let step = ids;
for (let count = 0; count < 20; count++) {
  const feeds = { input_ids: row(step), attention_mask: row(ids.map(() => 1)) };
  if (model.inputNames.includes('num_logits_to_keep')) {
    feeds.num_logits_to_keep = new Tensor('int64', [1n], []);
  }
  const outputs = await model.run({ ...feeds, ...Object.fromEntries(cache) });
  const logits = outputs.logits.data.slice(-outputs.logits.dims[2]);
  step = [logits.indexOf(logits.reduce((a, b) => Math.max(a, b)))];
  ids.push(...step);
  cache = cache.map(([name]) => [name, outputs[name.replace('past_key_values', 'present')]]);
}
console.log(tokenizer.decode(ids, { skip_special_tokens: true }));`;
}

function onnxRuntimeForward(task: Task): string {
  const [output, comment] =
    task === 'text-classification'
      ? ['logits', 'one for each label']
      : ['last_hidden_state', '[1, tokens, hidden size]'];
  const shown = task === 'text-classification' ? 'data' : 'dims';
  return `\
const { ${output} } = await model.run({ input_ids: row(ids), attention_mask: row(ids.map(() => 1)) });
console.log(${output}.${shown}); // ${comment}`;
}

/** This project's own runtime, in Node on Dawn. */
export function ownRuntime({ id, task, dtype, text }: Usage): string {
  const run: Readonly<Record<Task, string>> = {
    'text-generation': `\
const [continuation] = await model.generate([ids], { maxNewTokens: 20 });
console.log(tokenizer.decode(continuation.ids));`,
    'feature-extraction': `\
const [states] = await model.embed([ids]);
console.log(states.length / ids.length); // hidden size: a row for each token`,
    'text-classification': `\
const [labels] = await model.classify([ids]);
console.log(labels[0]); // the likeliest label and its score`,
  };
  return `\
${imports({ 'modernbert-onnx': 'dawn, fetchOutput, hubAddress, load, openDevice, openTokenizer' })}

const device = await openDevice(await dawn()); // in a browser: openDevice(navigator.gpu)
const output = await fetchOutput(hubAddress('${id}'));
const model = await load(output, { device, dtype: '${dtype}' });
const tokenizer = await openTokenizer(output.root);
const ids = tokenizer.encode('${text}');
${run[task]}
await model.close();
device.destroy();`;
}
