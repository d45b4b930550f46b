// The least that a conversion with checked files does: reads a file through an 8 MiB buffer, hashes
// what it reads and what it writes, writes, and makes it durable.
//
//     node bench/loop.mjs SOURCE TARGET

import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';

const [source, target] = process.argv.slice(2);
const input = openSync(source, 'r');
const output = openSync(target, 'w');
const buffer = Buffer.allocUnsafe(8 * 2 ** 20);
const [read, written] = [createHash('sha256'), createHash('sha256')];
for (;;) {
  const length = readSync(input, buffer, 0, buffer.length, null);
  if (length === 0) break;
  const chunk = buffer.subarray(0, length);
  read.update(chunk);
  written.update(chunk);
  for (let at = 0; at < length;) at += writeSync(output, chunk, at);
}
fsyncSync(output);
closeSync(output);
read.digest('hex');
written.digest('hex');
