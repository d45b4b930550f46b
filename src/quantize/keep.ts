// Rules that keep some weights of a quantized format in another format.
//
//   [DTYPE:]PATTERN=FORMAT     embeddings=q8    layers.*.mlp.Wi=fp16    q4:head=q8
//
// A pattern is held against the names of the checkpoint's tensors without `model.` and `.weight`; a
// `*` stands for any characters, dots too. `embeddings` is the token table, and with it the head's
// projection where the two are tied; `head` is every other weight of the head. Later rules win.

import { ToolkitError } from '../base/errors.ts';
import {
  isQuantized,
  type KeepRule,
  type KeptFormat,
  keptFormats,
  type WeightFormat,
  weightFormats,
} from '../base/manifest.ts';

/** Names that stand for others. */
const aliases: ReadonlyMap<string, readonly string[]> = new Map([
  ['embeddings', ['embeddings.tok_embeddings']],
  ['head', ['lm_head.dense', 'decoder', 'head.dense', 'classifier']],
]);

const patternRule = /^[A-Za-z0-9_.*]+$/;
const ruleForm = /^(?:([^:=]*):)?([^:=]*)=([^:=]*)$/;

/** Reads a rule; one that is malformed is USAGE. */
export function parseKeepRule(text: string): KeepRule {
  const [, dtype, pattern = '', format = ''] = ruleForm.exec(text.trim()) ?? [];
  if (!patternRule.test(pattern)) {
    throw refused('a rule of --keep is PATTERN=FORMAT', text, 'write as embeddings=q8');
  }
  const rule = { pattern, format: formatOf(format, text) };
  return dtype === undefined ? rule : { dtype: dtypeOf(dtype, text), ...rule };
}

function formatOf(name: string, rule: string): KeptFormat {
  const found = keptFormats.find((each) => each === name);
  if (found !== undefined) return found;
  throw refused(`a rule of --keep names a format of ${keptFormats.join(', ')}`, rule);
}

function dtypeOf(name: string, rule: string): WeightFormat {
  const found = weightFormats.find((each) => each === name);
  if (found !== undefined && isQuantized(found)) return found;
  const names = weightFormats.filter(isQuantized).join(', ');
  throw refused(`a rule of --keep is of a quantized dtype, one of ${names}`, rule);
}

/** A rule as it is read. */
export function printKeepRule({ dtype, pattern, format }: KeepRule): string {
  return `${dtype === undefined ? '' : `${dtype}:`}${pattern}=${format}`;
}

/** A tensor as patterns know it. */
export function weightName(tensor: string): string {
  return tensor.replace(/^model\./, '').replace(/\.weight$/, '');
}

/** Whether a pattern means a tensor of the checkpoint. */
export function matchesWeight(pattern: string, tensor: string): boolean {
  const name = weightName(tensor);
  return (aliases.get(pattern) ?? [pattern]).some((glob) => matchesGlob(glob, name));
}

// Not a regular expression: many stars would make it try every way to share out the name.
function matchesGlob(glob: string, name: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  const last = rest.pop();
  if (last === undefined) return glob === name;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at + last.length <= name.length;
}

/** The format that rules give a tensor within a dtype; undefined where it is the dtype's own. */
export function keptFormat(
  rules: readonly KeepRule[],
  dtype: WeightFormat,
  tensor: string,
): KeptFormat | undefined {
  const fits = (rule: KeepRule): boolean =>
    (rule.dtype ?? dtype) === dtype && matchesWeight(rule.pattern, tensor);
  return rules.findLast(fits)?.format;
}

/** Refuses rules that mean nothing for a model; a product's weights are made of some `tensors`. */
export function checkKeep(
  rules: readonly KeepRule[],
  dtypes: readonly WeightFormat[],
  products: readonly (readonly string[])[],
): void {
  const quantized = dtypes.filter(isQuantized);
  for (const rule of rules) {
    const used = quantized.some((dtype) => dtype === (rule.dtype ?? dtype));
    if (!used) {
      const fix = `add --dtype ${rule.dtype ?? 'q4'}`;
      throw refused('a rule of --keep is of a quantized dtype of the run', rule, fix);
    }
    if (!products.some((tensors) => tensors.some((each) => matchesWeight(rule.pattern, each)))) {
      const names = [...new Set(products.flat().map(weightName))];
      const some = names.filter((name) => !/^layers\.[1-9]/.test(name)).join(', ');
      const fix = `the weights are ${some}, and so on`;
      throw refused('a pattern of --keep matches a weight that is quantized', rule, fix);
    }
  }
  for (const dtype of quantized) {
    for (const tensors of products) refuseSplit(rules, dtype, tensors);
  }
}

function refuseSplit(
  rules: readonly KeepRule[],
  dtype: WeightFormat,
  tensors: readonly string[],
): void {
  const formats = tensors.map((tensor) => keptFormat(rules, dtype, tensor) ?? dtype);
  if (new Set(formats).size < 2) return;
  const found = tensors.map((tensor, i) => `${weightName(tensor)}=${formats[i] ?? ''}`);
  throw new ToolkitError('USAGE', 'weights that one product holds are kept in one format', {
    where: { weights: found, dtype },
    fix: 'give them one rule of --keep',
  });
}

function refused(sentence: string, rule: KeepRule | string, fix?: string): ToolkitError {
  const keep = typeof rule === 'string' ? rule : printKeepRule(rule);
  return new ToolkitError('USAGE', sentence, {
    where: { keep },
    ...(fix !== undefined && { fix }),
  });
}
