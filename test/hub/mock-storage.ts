// The storage of the small Hub: whole files, and files in parts that are put together.

import { hashOf } from './mock-hub.ts';
import type { Answer } from './mock-repository.ts';

export interface Storage {
  /** Address, of another origin than the Hub's. */
  address: string;
  /** Larger files come in parts of this size. */
  readonly partBytes: number;
  readonly objects: Map<string, Uint8Array>;
  /** Parts of an object until it is complete. */
  readonly parts: Map<string, Map<number, Uint8Array>>;
}

type Handler = (storage: Storage, url: string, body: Buffer) => Answer;

const sha256 = (bytes: Uint8Array): string => hashOf(bytes, true);

export const storageHandlers: Readonly<Record<'batch' | 'put' | 'part' | 'complete', Handler>> = {
  batch: (storage, _url, body) => {
    const { objects }: { objects: readonly { oid: string; size: number }[] } = JSON.parse(
      body.toString(),
    ) as never;
    return [200, { transfer: 'basic', objects: objects.map((each) => actionOf(storage, each)) }];
  },
  put: ({ objects }, url, body) => {
    const oid = url.split(/[/?]/)[3] ?? '';
    if (sha256(body) !== oid) return [400, { error: 'other bytes' }];
    objects.set(oid, body);
    return [200, {}];
  },
  part: ({ parts }, url, body) => {
    const [oid = '', number = ''] = url.split(/[/?]/).slice(3);
    const begun = parts.get(oid) ?? new Map<number, Uint8Array>();
    parts.set(oid, begun.set(Number(number), body));
    return [200, {}, { etag: `"${sha256(body)}"` }];
  },
  complete: ({ parts, objects }, url, body) => {
    const { oid, parts: listed }: { oid: string; parts: readonly { etag: string }[] } = JSON.parse(
      body.toString(),
    ) as never;
    const begun = [...(parts.get(oid) ?? [])]
      .toSorted(([a], [b]) => a - b)
      .map(([, bytes]) => bytes);
    const whole = Buffer.concat(begun);
    const isRight = begun.every((bytes, at) => listed[at]?.etag === `"${sha256(bytes)}"`);
    if (!url.includes(oid) || begun.length === 0) return [404, { error: 'no such upload' }];
    if (!isRight || sha256(whole) !== oid) return [400, { error: 'other bytes' }];
    objects.set(oid, whole);
    parts.delete(oid);
    return [200, {}];
  },
};

/** What is to be done for an object; nothing where it is there. */
function actionOf(
  { objects, address, partBytes }: Storage,
  { oid, size }: { readonly oid: string; readonly size: number },
): object {
  if (objects.has(oid)) return { oid, size };
  const signed = 'X-Amz-Signature=0123456789abcdef';
  if (size <= partBytes) {
    return {
      oid,
      size,
      actions: { upload: { href: `${address}/storage/whole/${oid}?${signed}` } },
    };
  }
  const numbers = Array.from({ length: Math.ceil(size / partBytes) }, (_, at) => at + 1);
  const places = numbers.map((number) => [
    String(number).padStart(5, '0'),
    `${address}/storage/part/${oid}/${number}?${signed}`,
  ]);
  const header = { chunk_size: String(partBytes), ...Object.fromEntries(places) };
  return { oid, size, actions: { upload: { href: `${address}/storage/complete/${oid}`, header } } };
}
