// Who rounds rows to blocks: the calling thread, or threads that share its memory.

import { type BlockJob, roundRows } from './round-rows.ts';

export interface BlockEngine {
  /** Rounds rows of a weight, all of them. */
  readonly roundBlocks: (job: BlockJob, rows: number) => Promise<void>;
  /** Memory of so many bytes that those who do the work see. */
  readonly memory: (bytes: number) => ArrayBuffer | SharedArrayBuffer;
}

/** The calling thread alone. */
export const callingThread: BlockEngine = {
  roundBlocks: (job, rows) => {
    roundRows(job, 0, rows);
    return Promise.resolve();
  },
  memory: (bytes) => new ArrayBuffer(bytes),
};
