// A thread that hashes one file: takes its pieces, and answers each when the next may come. A message
// without a piece ends the file, and its answer is the digest.

import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

const hash = createHash('sha256');

parentPort?.on('message', (piece: Uint8Array | undefined) => {
  const answer = piece === undefined ? hash.digest('hex') : void hash.update(piece);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage(answer);
});
