// `convert --verify`: holds the models against reference outputs while they are not yet published.
// Where nobody recorded outputs, the oracle computes them from the checkpoint.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { openFolder } from '../checkpoint/file-source.ts';
import type { Proof, Subject } from '../convert.ts';
import { writeGolden } from '../validate/golden.ts';
import { oracleGolden } from '../validate/oracle-golden.ts';
import { goldenName, verify, type NamedGolden, type Verified } from '../verify.ts';
import type { Context } from './command.ts';
import { openGolden } from './open-golden.ts';
import { runtimeOpener } from './open-runtime.ts';
import { startOracleThreads } from './oracle-threads.ts';
import { formatCount } from './sizes.ts';

export interface Prover {
  readonly prove: (subject: Subject) => Promise<Proof>;
  /** What was found; undefined before. */
  readonly found: () => Verified | undefined;
}

/** Prepares a proof of the models that are written to `folder`. */
export async function createProver(
  folder: string,
  goldenPath: string | undefined,
  context: Context,
): Promise<Prover> {
  const recorded = goldenPath === undefined ? undefined : await openGolden(goldenPath);
  let found: Verified | undefined;
  return {
    found: () => found,
    prove: async (subject) => {
      const golden = recorded ?? (await computeGolden(subject, context));
      const models = join(folder, 'onnx');
      const output = { root: await openFolder(folder), models: await openFolder(models) };
      found = await verify(output, subject.manifest, {
        open: runtimeOpener('auto', models, context.messages),
        golden,
        onStage: (...step) => context.progress.status(`verifying ${step.join(' ')}`),
      });
      const { verifications } = found;
      if (recorded !== undefined) return { verifications, files: [] };
      return { verifications, files: [{ name: goldenName, bytes: writeGolden(golden.golden) }] };
    },
  };
}

async function computeGolden(
  { checkpoint, config, task }: Subject,
  { messages, progress }: Context,
): Promise<NamedGolden> {
  const count = availableParallelism();
  messages.note(`computing reference outputs from the checkpoint in float64 on ${count} threads`);
  const started = performance.now();
  const threads = startOracleThreads(count);
  try {
    const golden = await oracleGolden(config, checkpoint.tensors, task, {
      linear: threads.linear,
      shared: true,
      onProgress: (done, total) => {
        progress.update({ stage: 'reference outputs', done, total, format: formatProducts });
      },
    });
    messages.note(`computed them in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return { name: 'oracle', golden };
  } finally {
    await threads.close();
  }
}

function formatProducts(count: number): string {
  return `${formatCount(Math.round(count / 1e6))} million products`;
}
