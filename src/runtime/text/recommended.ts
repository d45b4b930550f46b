// What an output folder recommends for its generations.

import type { SourceFolder } from '../../base/files.ts';
import { maxConfigBytes } from '../../base/limits.ts';
import { parseObject, readWhole } from '../../checkpoint/json-asset.ts';
import { type GenerationConfig, readGenerationConfig } from './generation-config.ts';
import { readOutputConfig } from '../output.ts';

/** The folder's file of recommendations. */
export const generationConfigName = 'generation_config.json';

/** What generation_config.json says; without that file, what config.json says. */
export async function readRecommended(root: SourceFolder): Promise<GenerationConfig> {
  const source = await root.open(generationConfigName);
  if (source === undefined) {
    const { raw } = await readOutputConfig({ root });
    return readGenerationConfig(Object.fromEntries(raw));
  }
  const bytes = await readWhole(source, maxConfigBytes).finally(() => source.close());
  return readGenerationConfig(parseObject(generationConfigName, bytes, 'JSON_SYNTAX'));
}
