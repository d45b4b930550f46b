#!/usr/bin/env node
import { main } from '../src/cli/run.ts';

await main(process.argv.slice(2));
