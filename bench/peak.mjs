// Loaded into a process that is measured: leaves its peak resident memory, in kB, in a file.

import { writeFileSync } from 'node:fs';

process.on('exit', () => {
  writeFileSync(process.env.PEAK_FILE, String(process.resourceUsage().maxRSS));
});
