// Peak resident memory of a prefill of 4,096 tokens above what the loaded model takes, and the size
// of the cache that it gives back, in bytes.
//
//     node bench/memory.mjs MODEL

import { openModel } from './session.mjs';

const tokens = 4096;
const model = await openModel(process.argv[2]);
await model.step(8, 0)(); // weights are touched, and packed where a kernel packs them
const loaded = process.memoryUsage.rss();
await model.step(tokens, 0)();
const peak = process.resourceUsage().maxRSS * 1024 - loaded;
console.log(JSON.stringify({ peak, cache: model.cacheBytes(tokens) }));
