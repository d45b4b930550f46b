// Loaded into a process that is measured: leaves its peak resident memory, in kB, in a file, and
// behind it what the peak was at each note that the command printed.

import { writeFileSync } from 'node:fs';

const peaks = [];
const write = process.stderr.write.bind(process.stderr);
process.stderr.write = (chunk, ...rest) => {
  if (String(chunk).includes('note: ')) peaks.push(peak());
  return write(chunk, ...rest);
};

process.on('exit', () => {
  writeFileSync(process.env.PEAK_FILE, [peak(), ...peaks].join(' '));
});

function peak() {
  return process.resourceUsage().maxRSS;
}
