// npm run bench -- convert | run | gpu | quantize | gptq        prints the tables that the README quotes

const [name] = process.argv.slice(2);
const benches = {
  convert: () => import('./convert.mjs'),
  run: () => import('./run.mjs'),
  gpu: () => import('./gpu.mjs'),
  quantize: () => import('./quantize.mjs'),
  gptq: () => import('./gptq.mjs'),
};
const load = benches[name];
if (load === undefined) {
  console.error(`usage: npm run bench -- ${Object.keys(benches).join(' | ')}`);
  process.exit(2);
}
await (await load()).default();
