// An index says which shard holds which tensor. It comes with the checkpoint and is not trusted:
// names may not leave the folder, and index and shards must agree both ways.

import { ToolkitError, printable, type ErrorCode } from '../base/errors.ts';
import type { ByteSource } from '../base/files.ts';
import { readJsonFile } from '../base/json-file.ts';
import type { JsonValue } from '../base/json.ts';
import { maxIndexBytes, maxShards } from '../base/limits.ts';
import type { TensorRef } from '../base/tensors.ts';

export interface ShardIndex {
  /** The index file's name, for messages. */
  readonly file: string;
  /** Tensor → shard. */
  readonly shardOf: ReadonlyMap<string, string>;
  /** In the order of the first tensor of each. */
  readonly shards: readonly string[];
  readonly totalSize: number | undefined;
}

const codes = {
  syntax: 'INDEX_INVALID',
  depth: 'INDEX_INVALID',
  duplicate: 'INDEX_INVALID',
} as const;

/** Reads an index whose shards end in `extension`. */
export async function readIndex(source: ByteSource, extension: string): Promise<ShardIndex> {
  const file = source.name;
  const index = await readJsonFile(source, maxIndexBytes, { codes });
  const weightMap = index instanceof Map ? index.get('weight_map') : undefined;
  if (!(weightMap instanceof Map)) {
    return fail('INDEX_INVALID', 'the index has no weight_map from tensors to shards', { file });
  }
  const shardOf = new Map<string, string>();
  for (const [tensor, shard] of weightMap) {
    if (typeof shard !== 'string') {
      return fail(
        'INDEX_INVALID',
        'weight_map gives a tensor something else than the name of a file',
        {
          file,
          tensor,
        },
      );
    }
    shardOf.set(tensor, shard);
  }
  const shards = [...new Set(shardOf.values())];
  if (shards.length === 0) fail('INDEX_INVALID', 'the index lists no tensor', { file });
  if (shards.length > maxShards) {
    fail('INDEX_INVALID', `the index lists more than ${maxShards} shards`, {
      file,
      got: shards.length,
    });
  }
  for (const shard of shards) checkShardName(shard, extension, file);
  return { file, shardOf, shards, totalSize: totalSizeOf(index) };
}

/**
 * A shard lies beside its index. The name is judged as text, by the rules of every system: in the
 * Hub's cache each shard is a symbolic link out of the folder, and a resolved path would say so.
 */
function checkShardName(shard: string, extension: string, file: string): void {
  if (!shard.endsWith(extension)) {
    fail('INDEX_SHARD_NAME', `the name of a shard does not end in ${extension}`, { file, shard });
  }
  if (/[/\\:%]|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|^\.|^\s/u.test(shard)) {
    fail('INDEX_SHARD_NAME', 'the name of a shard is not that of a plain file beside the index', {
      file,
      shard,
    });
  }
}

function totalSizeOf(index: JsonValue): number | undefined {
  const metadata = index instanceof Map ? index.get('metadata') : undefined;
  const size = metadata instanceof Map ? metadata.get('total_size') : undefined;
  return typeof size === 'number' ? size : undefined;
}

/** Holds the shards' own headers against the index; returns what is only worth a warning. */
export function checkShards(
  index: ShardIndex,
  shards: readonly { readonly name: string; readonly tensors: readonly TensorRef[] }[],
): readonly string[] {
  const { file, shardOf } = index;
  const found = new Map<string, string>();
  for (const { name: shard, tensors } of shards) {
    for (const { name: tensor } of tensors) {
      const other = found.get(tensor);
      if (other !== undefined) {
        fail('INDEX_MISMATCH', 'a tensor lies in two shards', {
          tensor,
          shards: [other, shard],
          file,
        });
      }
      found.set(tensor, shard);
      const listed = shardOf.get(tensor);
      if (listed === shard) continue;
      const rule =
        listed === undefined
          ? 'a shard holds a tensor that the index does not list'
          : 'a tensor lies in another shard than the index says';
      fail('INDEX_MISMATCH', rule, { tensor, shard, file });
    }
  }
  for (const [tensor, shard] of shardOf) {
    if (!found.has(tensor)) {
      fail('INDEX_MISMATCH', 'a shard lacks a tensor that the index lists', {
        tensor,
        shard,
        file,
      });
    }
  }
  return [...sizeWarning(index, shards), ...countWarning(index)];
}

function sizeWarning(
  { file, totalSize }: ShardIndex,
  shards: readonly { readonly tensors: readonly TensorRef[] }[],
): readonly string[] {
  const size = shards
    .flatMap(({ tensors }) => tensors)
    .reduce((sum, tensor) => sum + tensor.size, 0);
  // torch counts tied tensors once, safetensors holds them once
  if (totalSize === undefined || totalSize === size || file.includes('.bin')) return [];
  return [`${file} says total_size ${totalSize}, and the tensors are ${size} bytes`];
}

function countWarning({ file, shards }: ShardIndex): readonly string[] {
  const wrong = shards.find((shard) => {
    const count = /-of-(\d+)\./.exec(shard)?.[1];
    return count !== undefined && Number(count) !== shards.length;
  });
  if (wrong === undefined) return [];
  return [`${file} lists ${shards.length} shards, and one is named ${printable(wrong)}`];
}

function fail(
  code: ErrorCode,
  rule: string,
  where: Record<string, string | number | string[]>,
): never {
  throw new ToolkitError(code, rule, { where, fix: 'download the checkpoint again' });
}
