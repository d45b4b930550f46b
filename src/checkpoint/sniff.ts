// What a file really is, by its first bytes: a download that went wrong or a format under another's
// name gets a sentence that says so, instead of a broken header.

export interface FileKind {
  /** `a git-lfs pointer`: for the middle of a sentence. */
  readonly is: string;
  readonly fix: string;
}

/** As many of the first bytes as tell the kinds apart. */
export const sniffBytes: number = 64;

const again = 'download the file again';

/** The kind of a file whose first bytes are `bytes`; undefined when they tell nothing. */
export function sniff(bytes: Uint8Array, size: number): FileKind | undefined {
  if (size === 0) return { is: 'an empty file', fix: again };
  const text = String.fromCharCode(...bytes.subarray(0, sniffBytes));
  return kinds.find(([pattern]) => pattern.test(text))?.[1];
}

export const safetensorsKind: FileKind = {
  is: 'a safetensors file',
  fix: 'name it model.safetensors',
};

const kinds: readonly (readonly [RegExp, FileKind])[] = [
  [
    /^version https:\/\/git-lfs/,
    {
      is: 'a git-lfs pointer',
      fix: 'fetch the file it stands for with git lfs pull, or download it from the Hub',
    },
  ],
  [
    /^\s*<(?:!doctype|html|head|\?xml)/i,
    {
      is: 'an HTML page',
      fix: 'download the file itself; the page may say that a login is needed',
    },
  ],
  [/^GGUF/, { is: 'a GGUF file', fix: 'convert the checkpoint that the GGUF was made from' }],
  [
    /^PK\x03\x04/,
    {
      is: 'a zip archive, as torch.save writes',
      fix: 'if it is a torch checkpoint, name it pytorch_model.bin',
    },
  ],
  [
    /^\x80[\x02-\x05]/,
    {
      is: 'a pickle, as torch.save wrote before torch 1.6',
      fix: 'load it with torch.load(path, weights_only=True) and save it with save_pretrained or safetensors.torch.save_file',
    },
  ],
  [/^[^]{8}\s*\{"/, safetensorsKind],
  [/^\s*[{[][\s\x21-\x7e]{7}/, { is: 'a JSON file', fix: again }],
];
