// The quantized forms of one weight: rows are quantized once for each scheme, and every form that
// shares the scheme is given its part.

import type { TensorRef } from '../base/tensors.ts';
import type { BlockScheme, Initializer } from '../ir/graph.ts';
import type { WeightChunk } from '../ir/weights.ts';
import { BlockRows } from '../quantize/block-rows.ts';
import { RoundedRows, type RoundedWeights, weightKey } from '../quantize/rounded.ts';

type Take = (form: number, chunk: WeightChunk) => Promise<void>;

export interface BlockForms {
  /** Quantizes the next rows and gives out their codes. */
  rows(rows: Float32Array, tensor: string, take: Take): Promise<void>;
  /** Gives out scales and zero points. */
  finish(take: Take): Promise<void>;
}

/** Those of `forms` that hold blocks of the tensors; what was `rounded` before is taken from there. */
export function blockForms(
  forms: readonly Initializer[],
  tensors: readonly TensorRef[],
  rounded: RoundedWeights = new Map(),
): BlockForms {
  const rows = tensors.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const columns = tensors[0]?.shape[1] ?? 0;
  const users = forms.flatMap((form, index) => userOf(form, index));
  const keys = [...new Set(users.map(({ key }) => key))];
  const groups = keys.flatMap((key) => {
    const members = users.filter((user) => user.key === key);
    const [first] = members;
    if (!first) return [];
    const { scheme } = first;
    const known = tensors.flatMap(({ name }) => {
      const weight = rounded.get(weightKey(scheme, name));
      return weight ? [[name, weight] as const] : [];
    });
    const blocks =
      known.length === tensors.length
        ? new RoundedRows(scheme, columns, new Map(known))
        : new BlockRows(scheme, { rows, columns });
    return [{ members, blocks }];
  });
  return {
    async rows(values, tensor, take) {
      for (const { members, blocks } of groups) {
        const codes = blocks.add(values, tensor);
        await giveOut(members, 'codes', codes, take);
      }
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

/** An initializer that holds a part of the blocks. */
interface User {
  readonly form: number;
  readonly part: 'codes' | 'scales' | 'zeros';
  readonly scheme: BlockScheme;
  /** Of the scheme. */
  readonly key: string;
  /** Whether zero points of four bits begin a byte in each row; a tensor of uint4 is one run. */
  readonly packsRows: boolean;
}

function userOf({ recipe, type }: Initializer, form: number): readonly User[] {
  if (recipe.kind !== 'blocks') return [];
  const { part, scheme } = recipe;
  const key = [scheme.bits, scheme.blockSize, scheme.symmetric].join();
  return [{ form, part, scheme, key, packsRows: type.dtype === 'uint8' }];
}

async function giveOut(
  members: readonly User[],
  part: User['part'],
  chunk: WeightChunk,
  take: Take,
): Promise<void> {
  for (const user of members) if (user.part === part) await take(user.form, chunk);
}
