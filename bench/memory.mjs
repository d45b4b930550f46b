// Peak resident memory of a prefill of 4,096 tokens above what the loaded model takes, in bytes.
//
//     node bench/memory.mjs MODEL

import { openModel } from './session.mjs';

const model = await openModel(process.argv[2]);
await model.run(model.feeds(8, 0)); // weights are touched, and packed where a kernel packs them
const loaded = process.memoryUsage.rss();
await model.run(model.feeds(4096, 0));
console.log(process.resourceUsage().maxRSS * 1024 - loaded);
