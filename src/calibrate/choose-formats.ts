// Chooses formats of a model's weights for a KL divergence from the exact model. A dtype's weights
// have its own format where that is close enough; else some of them are raised to the next larger
// format that is, those that cost most for their bytes.

import { ToolkitError } from '../base/errors.ts';
import type {
  FormatChoice,
  KeepRule,
  KeptFormat,
  Quantization,
  WeightFormat,
} from '../base/manifest.ts';
import type { BlockScheme } from '../ir/graph.ts';
import { keptFormat } from '../quantize/keep.ts';
import { maxMeasurements, meetTarget } from '../quantize/meet-target.ts';
import type { RoundedWeights } from '../quantize/rounded.ts';
import { formOf, type WeightForm } from '../quantize/settings.ts';
import { bytesIn, patternOf } from '../quantize/units.ts';
import { type KeptWeights, keptWeights } from './kept-weights.ts';
import { KlMeter } from './kl-meter.ts';
import type { KlFound } from './mean-divergence.ts';
import { roundWeights } from './round.ts';
import type { Rounds } from './table.ts';
import type { CalibrationTokens, TextModel } from './text.ts';
import type { Weights } from './weights.ts';

export interface Choosing {
  readonly model: TextModel;
  /** The same weights in memory that a new round of reading uses again. */
  readonly reused: { readonly weights: Weights; readonly memory: Rounds };
  readonly text: CalibrationTokens;
  /** Tensors of each product, in the order of the model. */
  readonly products: readonly (readonly string[])[];
  readonly settings: Quantization;
  readonly targetKl: number;
  /** Whether a runtime rounds inputs of products with codes. */
  readonly roundsInputs: boolean;
  /** Told of units that were measured alone, and of whole models. */
  readonly onUnit: (done: number, total: number) => void;
  readonly onWhole: (done: number, total: number) => void;
}

/** Formats from the smallest on. */
const formats = ['q4', 'q8', 'fp16'] as const satisfies readonly KeptFormat[];

/** Windows that units are measured alone on, which ranks them only. */
const rankingWindows = 2;

/** The rules of `--keep` that a choice comes to. */
export function rulesOf({ dtype, format, units }: FormatChoice): readonly KeepRule[] {
  const all: readonly KeepRule[] =
    format === ownFormat(dtype) ? [] : [{ dtype, pattern: '*', format }];
  const raised = units.filter((unit) => unit.format !== format);
  return [...all, ...raised.map((unit) => ({ dtype, pattern: unit.pattern, format: unit.format }))];
}

/** The format of a dtype's weights that no rule is for. */
function ownFormat(dtype: WeightFormat): 'q4' | 'q8' {
  return dtype === 'q8' ? 'q8' : 'q4';
}

/** A choice for each quantized dtype. */
export async function chooseFormats(
  dtypes: readonly WeightFormat[],
  choosing: Choosing,
): Promise<readonly FormatChoice[]> {
  const { heldOut, sequences } = choosing.text;
  const meter = meterOf(choosing, heldOut.length > 0 ? heldOut : sequences);
  const choices = new Map<string, FormatChoice>();
  const found: FormatChoice[] = [];
  for (const dtype of dtypes) {
    // q4 and q4f16 are one choice, unless rules are for one of them
    const key = `${ownFormat(dtype)} ${choosing.products.map((each) => ruled(dtype, each, choosing)).join()}`;
    const choice = choices.get(key) ?? (await new Chooser(dtype, meter, choosing).choose());
    choices.set(key, choice);
    found.push({ ...choice, dtype });
  }
  return found;
}

function meterOf({ model, reused, roundsInputs }: Choosing, on: readonly Int32Array[]): KlMeter {
  return new KlMeter({ ...model, weights: reused.weights }, on, roundsInputs, reused.memory);
}

/** The format that the caller's rules give a product. */
function ruled(
  dtype: WeightFormat,
  [tensor = '']: readonly string[],
  { settings: { keep = [] } }: Choosing,
): KeptFormat | undefined {
  return keptFormat(keep, dtype, tensor);
}

/** What is held against the target: other tokens of the kind may be as far as this, hardly farther. */
function costOf({ kl, standardError }: KlFound): number {
  return kl + 2 * standardError;
}

/** Formats whose models lie on either side of the target. */
interface Between {
  readonly format: KeptFormat;
  readonly raised: KeptFormat;
  readonly none: KlFound;
  readonly all: KlFound;
}

/** Chooses for a dtype. */
class Chooser {
  readonly #dtype: WeightFormat;
  readonly #meter: KlMeter;
  readonly #choosing: Choosing;
  #measured = 0;

  constructor(dtype: WeightFormat, meter: KlMeter, choosing: Choosing) {
    this.#dtype = dtype;
    this.#meter = meter;
    this.#choosing = choosing;
  }

  async choose(): Promise<FormatChoice> {
    const { targetKl } = this.#choosing;
    let format: KeptFormat = ownFormat(this.#dtype);
    let none = await this.#measure(format, []);
    let best = none.kl;
    if (costOf(none) <= targetKl) return this.#choice({ format, raised: format, none }, none, []);
    for (const raised of formats.slice(formats.indexOf(ownFormat(this.#dtype)) + 1)) {
      const all = await this.#measure(raised, []);
      if (costOf(all) <= targetKl) return await this.#search({ format, raised, none, all });
      best = Math.min(best, all.kl);
      [format, none] = [raised, all];
    }
    throw unmet(this.#dtype, targetKl, best);
  }

  async #search(between: Between): Promise<FormatChoice> {
    const { text, products, targetKl, onUnit } = this.#choosing;
    const { format, raised, none, all } = between;
    const isFree = (tensors: readonly string[]): boolean =>
      ruled(this.#dtype, tensors, this.#choosing) === undefined;
    const free = products.filter(isFree);
    const windows = spread(text.sequences, rankingWindows);
    const alone = await meterOf(this.#choosing, windows).alone(
      free,
      this.#kept(format, []),
      (done) => onUnit(done, free.length),
    );
    const units = free.map((tensors, i) => {
      const [low, high] = [this.#bytes(format, tensors), this.#bytes(raised, tensors)];
      return { pattern: patternOf(tensors), kl: alone[i] ?? 0, bytes: high - low };
    });
    const rules = (chosen: readonly boolean[]): readonly KeepRule[] =>
      units.flatMap(({ pattern }, i) => (chosen[i] === true ? [{ pattern, format: raised }] : []));
    const met = await meetTarget(units, {
      target: targetKl,
      none,
      all,
      costOf,
      measure: (chosen) => this.#measure(format, rules(chosen)),
    });
    const chosen = units.map(({ pattern, kl, bytes }, i) => ({
      pattern,
      format: met.raised[i] === true ? raised : format,
      klAlone: rounded(kl),
      bytes,
    }));
    return this.#choice(between, met.found, chosen);
  }

  #choice(
    { format, raised, none, all }: Omit<Between, 'all'> & { readonly all?: KlFound },
    found: KlFound,
    units: FormatChoice['units'],
  ): FormatChoice {
    const { text, targetKl, onWhole } = this.#choosing;
    onWhole(this.#measured, this.#measured);
    return {
      dtype: this.#dtype,
      target: targetKl,
      format,
      raised,
      kl: rounded(found.kl),
      standardError: rounded(found.standardError),
      tokens: this.#meter.tokens,
      heldOut: text.heldOut.length > 0,
      klUnraised: rounded(none.kl),
      ...(all && { klRaised: rounded(all.kl) }),
      units,
    };
  }

  /** The settings of weights in a format, some of them in others; the caller's own rules win. */
  #settings(format: KeptFormat, rules: readonly KeepRule[]): Quantization {
    const { settings } = this.#choosing;
    return { ...settings, keep: [{ pattern: '*', format }, ...rules, ...(settings.keep ?? [])] };
  }

  #bytes(format: KeptFormat, tensors: readonly string[]): number {
    const { weights } = this.#choosing.model;
    const form = formOf(this.#dtype, tensors, this.#settings(format, []));
    const sizes = tensors.map((name) => ({
      rows: weights.rows(name),
      columns: weights.columns(name),
    }));
    return sizes.reduce((sum, size) => sum + bytesIn(form, size), 0);
  }

  #kept(format: KeptFormat, rules: readonly KeepRule[], codes?: RoundedWeights): KeptWeights {
    const { model, reused, products } = this.#choosing;
    const forms = this.#forms(this.#settings(format, rules), products);
    const formOfTensor = (name: string): WeightForm => forms.get(name) ?? 'float32';
    return keptWeights(reused.weights, {
      formOf: formOfTensor,
      engine: model.engine,
      rounded: codes,
    });
  }

  #forms(settings: Quantization, products: Choosing['products']): ReadonlyMap<string, WeightForm> {
    return new Map(
      products.flat().map((name) => [name, formOf(this.#dtype, [name], settings)] as const),
    );
  }

  /** A whole model, rounded as it will be written. */
  async #measure(format: KeptFormat, rules: readonly KeepRule[]): Promise<KlFound> {
    const { model, text, products, settings, onWhole } = this.#choosing;
    onWhole(this.#measured, maxMeasurements + formats.length);
    const forms = this.#forms(this.#settings(format, rules), products);
    const schemes = new Map<string, BlockScheme>();
    for (const [name, form] of forms) if (typeof form === 'object') schemes.set(name, form);
    const codes =
      settings.method === 'gptq'
        ? await roundWeights({ ...model, sequences: text.sequences, onRounded: () => {} }, schemes)
        : undefined;
    const found = await this.#meter.measure(this.#kept(format, rules, codes));
    this.#measured++;
    return found;
  }
}

/** Some of the windows, from the whole length. */
function spread<T>(all: readonly T[], count: number): readonly T[] {
  return all.filter(
    (_, i) => Math.floor(((i + 1) * count) / all.length) > Math.floor((i * count) / all.length),
  );
}

/** For reading; JSON has no infinite number. */
function rounded(value: number): number {
  return Number(Math.min(value, Number.MAX_VALUE).toPrecision(4));
}

function unmet(dtype: WeightFormat, targetKl: number, best: number): ToolkitError {
  if (best === Number.POSITIVE_INFINITY) {
    return new ToolkitError('WEIGHT_OVERFLOW', 'what quantized weights give is finite', {
      where: { dtype },
      fix: 'check that the checkpoint holds finite weights only',
    });
  }
  return new ToolkitError('TARGET_UNMET', 'no format of the weights meets the KL divergence', {
    where: { dtype, 'target-kl': targetKl, best: rounded(best) },
    fix: 'ask for a larger one, or try --accuracy-level 0',
  });
}
