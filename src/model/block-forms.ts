// The quantized forms of one weight: rows are quantized once for each scheme, and every form that
// shares the scheme is given its part.

import { ToolkitError } from '../base/errors.ts';
import { settle } from '../base/settle.ts';
import type { TensorRef } from '../base/tensors.ts';
import type { BlockScheme, Initializer } from '../ir/graph.ts';
import type { WeightChunk } from '../ir/weights.ts';
import type { BlockEngine } from '../quantize/block-engine.ts';
import { BlockMemory } from '../quantize/block-memory.ts';
import { BlockRows } from '../quantize/block-rows.ts';
import { RoundedRows, type RoundedWeights, weightKey } from '../quantize/rounded.ts';

type Take = (form: number, chunk: WeightChunk) => Promise<void>;

export interface BlockForms {
  /** Quantizes the next rows and gives out their codes. */
  rows(rows: Float32Array, tensor: string, take: Take): Promise<void>;
  /** Gives out scales and zero points. */
  finish(take: Take): Promise<void>;
}

/** How rows become blocks, one weight after the other. */
export interface Rounding {
  readonly engine: BlockEngine;
  /** All weights, where they were rounded before. */
  readonly rounded: RoundedWeights | undefined;
  /** By the key of a scheme. */
  readonly memory: Map<string, BlockMemory>;
}

/** Those of `forms` that hold blocks of the tensors. */
export function blockForms(
  forms: readonly Initializer[],
  tensors: readonly TensorRef[],
  { engine, rounded, memory }: Rounding,
): BlockForms {
  const rows = tensors.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const columns = tensors[0]?.shape[1] ?? 0;
  const users = forms.flatMap((form, index) => userOf(form, index));
  const keys = [...new Set(users.map(({ key }) => key))];
  const groups = keys.flatMap((key): readonly Group[] => {
    const members = users.filter((user) => user.key === key);
    const [first] = members;
    if (!first) return [];
    const { scheme, mix } = first;
    if (rounded) {
      const known = tensors.map(({ name }) => {
        const weight = rounded.get(weightKey(scheme, name, mix));
        if (!weight) throw new ToolkitError('INTERNAL', `${name} was not rounded`);
        return [name, weight] as const;
      });
      const blocks = new RoundedRows(scheme, columns, new Map(known));
      return [
        { members, blocks, add: (values, tensor) => Promise.resolve(blocks.add(values, tensor)) },
      ];
    }
    const own = memory.get(key) ?? new BlockMemory(engine.memory);
    memory.set(key, own);
    const blocks = new BlockRows(scheme, { rows, columns }, own);
    return [{ members, blocks, add: (values, tensor) => blocks.addBy(engine, values, tensor) }];
  });
  return {
    async rows(values, tensor, take) {
      await settle(
        groups.map(async ({ members, add }) => {
          await giveOut(members, 'codes', await add(values, tensor), take);
        }),
      );
    },
    async finish(take) {
      for (const { members, blocks } of groups) {
        await giveOut(members, 'scales', blocks.scales, take);
        for (const { part, form, packsRows } of members) {
          if (part === 'zeros') await take(form, blocks.packedZeros(packsRows));
        }
      }
    },
  };
}

/** Forms that share a scheme, and what they are made from. */
interface Group {
  readonly members: readonly User[];
  readonly blocks: BlockRows | RoundedRows;
  /** The codes of the next rows. */
  readonly add: (values: Float32Array, tensor: string) => Promise<Uint8Array>;
}

/** An initializer that holds a part of the blocks. */
interface User {
  readonly form: number;
  readonly part: 'codes' | 'scales' | 'zeros';
  readonly scheme: BlockScheme;
  readonly mix: number;
  /** Of the scheme and the mix. */
  readonly key: string;
  /** Whether zero points of four bits begin a byte in each row; a tensor of uint4 is one run. */
  readonly packsRows: boolean;
}

function userOf({ recipe, type }: Initializer, form: number): readonly User[] {
  if (recipe.kind !== 'blocks') return [];
  const { part, scheme, mix = 0 } = recipe;
  const key = [mix, scheme.bits, scheme.blockSize, scheme.symmetric].join();
  return [{ form, part, scheme, mix, key, packsRows: type.dtype === 'uint8' }];
}

async function giveOut(
  members: readonly User[],
  part: User['part'],
  chunk: WeightChunk,
  take: Take,
): Promise<void> {
  for (const user of members) if (user.part === part) await take(user.form, chunk);
}
