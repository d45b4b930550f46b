// `compare`: what smaller formats cost on a text, held against fp32 of the same folder.

import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { modelPaths } from '../base/manifest.ts';
import { type Model, modelOf } from '../base/model.ts';
import type { Runner } from '../base/runner.ts';
import { batchFor, compareModels } from '../validate/compare.ts';
import type { Context, Outcome } from './command.ts';
import type { CompareFlags } from './compare-grammar.ts';
import { comparePage } from './compare-page.ts';
import { type CompareReport, compareText } from './compare-report.ts';
import { openSubject, type Subject } from './compare-subject.ts';
import { runtimeOpener } from './open-runtime.ts';
import { checkPagePlace, writePage } from './report-files.ts';
import { formatCount } from './sizes.ts';

export async function compareCommand(
  path: string,
  flags: CompareFlags,
  context: Context,
): Promise<Outcome> {
  if (flags.html !== undefined) await checkPagePlace(flags.html);
  const subject = await openSubject(path, flags);
  const runtime = await openRunners(path, subject, flags, context);
  const report = await measure(subject, runtime, context).finally(() => closeAll(runtime));
  if (flags.html !== undefined) {
    await writePage(flags.html, comparePage(report), context.interrupts);
  }
  return { passed: true, text: compareText(report), document: { ...report } };
}

type Runners = readonly [Runner, ...Runner[]];

/** All of them at once: together they are about twice the size of fp32. */
async function openRunners(
  path: string,
  { candidates: [base, ...others] }: Subject,
  { runtime }: CompareFlags,
  { messages, progress }: Context,
): Promise<Runners> {
  const open = runtimeOpener(runtime, join(path, 'onnx'), messages);
  progress.status(`loading ${base.dtype}`);
  const runners: [Runner, ...Runner[]] = [await open(base.name)];
  try {
    for (const { dtype, name } of others) {
      progress.status(`loading ${dtype}`);
      runners.push(await open(name));
    }
    return runners;
  } catch (error) {
    await closeAll(runners);
    throw error;
  }
}

async function closeAll(runners: Runners): Promise<void> {
  for (const runner of runners) await runner.close();
}

async function measure(
  { folder, text, config, windows, candidates }: Subject,
  [first, ...rest]: Runners,
  { progress }: Context,
): Promise<CompareReport> {
  const { length, count, left } = windows;
  const toModel = (runner: Runner): Model => modelOf(runner, config, 'text-generation');
  const { base, others } = await compareModels(toModel(first), rest.map(toModel), windows, {
    batch: batchFor(length, config.vocabSize),
    onBatch: async (done) => {
      const [tokens, total] = [done * length, count * length];
      progress.update({ stage: 'tokens compared', done: tokens, total, format: formatCount });
      // signals are noticed between batches
      await setImmediate();
    },
  });
  const found = [base, ...others];
  return {
    runtime: first.name,
    folder,
    text,
    window: length,
    windows: count,
    tokens: count * length,
    left,
    models: candidates.map(({ dtype, bytes }, index) => {
      const figures = found[index] ?? { perplexity: Number.NaN };
      return { dtype, file: modelPaths[dtype], bytes, ...figures };
    }),
  };
}
