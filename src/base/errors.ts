// Every failure the toolkit raises on purpose: a code that scripts match, a sentence for people,
// and the exit status the command line gives it.

/** Exit statuses: 1 is "ran, and the answer is no"; 65 and above follow sysexits.h. */
export const exitStatus = {
  parity: 1,
  usage: 2,
  badData: 65,
  noInput: 66,
  unavailable: 69,
  bug: 70,
  cannotCreate: 73,
  io: 74,
  tryAgain: 75,
  wrongBytes: 76,
  notPermitted: 77,
  interrupted: 130,
} as const;

/** One code per cause, and the status it exits with. Codes are stable: scripts match them. */
export const errorCodes = {
  // the answer is no
  PARITY_FAILED: exitStatus.parity,

  USAGE: exitStatus.usage,

  // safetensors headers
  ST_HEADER_TOO_SMALL: exitStatus.badData,
  ST_HEADER_TOO_LARGE: exitStatus.badData,
  ST_HEADER_TRUNCATED: exitStatus.badData,
  ST_HEADER_UTF8: exitStatus.badData,
  ST_HEADER_JSON: exitStatus.badData,
  ST_HEADER_DEPTH: exitStatus.badData,
  ST_DUPLICATE_KEY: exitStatus.badData,
  ST_FIELD_MISSING: exitStatus.badData,
  ST_DTYPE: exitStatus.badData,
  ST_DIM_TOO_LARGE: exitStatus.badData,
  ST_SIZE_OVERFLOW: exitStatus.badData,
  ST_SUBBYTE_ALIGN: exitStatus.badData,
  ST_SIZE_MISMATCH: exitStatus.badData,
  ST_OFFSETS: exitStatus.badData,
  ST_FILE_SIZE: exitStatus.badData,

  // JSON files and other text
  JSON_SYNTAX: exitStatus.badData,
  JSON_DEPTH: exitStatus.badData,
  JSON_DUPLICATE_KEY: exitStatus.badData,
  FILE_TOO_LARGE: exitStatus.badData,
  FILE_KIND: exitStatus.badData,
  FILE_CHANGED: exitStatus.badData,

  // torch zip and pickle
  TORCH_ZIP: exitStatus.badData,
  TORCH_PICKLE: exitStatus.badData,

  // shards, tensors, configuration
  INDEX_INVALID: exitStatus.badData,
  INDEX_SHARD_NAME: exitStatus.badData,
  INDEX_MISMATCH: exitStatus.badData,
  SHARD_MISSING: exitStatus.noInput,
  WEIGHT_MISSING: exitStatus.badData,
  WEIGHT_SHAPE: exitStatus.badData,
  WEIGHT_DTYPE: exitStatus.badData,
  WEIGHT_OVERFLOW: exitStatus.badData,
  CONFIG_INVALID: exitStatus.badData,
  TOKENIZER_INVALID: exitStatus.badData,

  // written files
  ONNX_INVALID: exitStatus.badData,
  MANIFEST_INVALID: exitStatus.badData,
  HASH_MISMATCH: exitStatus.badData,
  GOLDEN_INVALID: exitStatus.badData,

  INPUT_MISSING: exitStatus.noInput,

  UNSUPPORTED_ARCHITECTURE: exitStatus.unavailable,
  UNSUPPORTED_CHECKPOINT: exitStatus.unavailable,
  UNSUPPORTED_CONFIG: exitStatus.unavailable,
  UNSUPPORTED_TASK: exitStatus.unavailable,
  UNSUPPORTED_SIZE: exitStatus.unavailable,
  UNSUPPORTED_OPERATOR: exitStatus.unavailable,
  RUNTIME_MISSING: exitStatus.unavailable,
  RUNTIME_FAILED: exitStatus.unavailable,

  GRAPH_INVALID: exitStatus.bug,
  INTERNAL: exitStatus.bug,

  OUTPUT_EXISTS: exitStatus.cannotCreate,
  OUTPUT_CREATE: exitStatus.cannotCreate,

  IO_FAILED: exitStatus.io,
  DISK_FULL: exitStatus.io,

  LOCKED: exitStatus.tryAgain,
  INTERRUPTED: exitStatus.interrupted,
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** Where a failure happened; printed as `key=value` pairs after the sentence. */
export type ErrorContext = Readonly<Record<string, string | number | readonly (string | number)[]>>;

export interface ErrorDetails {
  readonly where?: ErrorContext;
  /** What the reader can do about it. */
  readonly fix?: string;
  readonly cause?: unknown;
}

/** A failure with a stable code, printed as one line: rule, where, what to do. */
export class ToolkitError extends Error {
  override readonly name = 'ToolkitError';
  readonly code: ErrorCode;
  readonly where: ErrorContext;
  readonly fix: string | undefined;

  constructor(code: ErrorCode, rule: string, { where = {}, fix, cause }: ErrorDetails = {}) {
    super(
      `${rule}${formatWhere(where)}${fix === undefined ? '' : `: ${fix}`}`,
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.where = where;
    this.fix = fix;
  }

  get exitStatus(): number {
    return errorCodes[this.code];
  }
}

function formatWhere(where: ErrorContext): string {
  const parts = Object.entries(where).map(([key, value]) => `${key}=${formatValue(value)}`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function formatValue(value: string | number | readonly (string | number)[]): string {
  if (typeof value === 'object') return printable(`[${value.join(', ')}]`);
  return printable(String(value));
}

// A name from a file may hold terminal escapes or a megabyte of text.
const maxPrinted = 200;

/** Untrusted text made fit for one line of a terminal. */
export function printable(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
  return clean.length <= maxPrinted ? clean : `${clean.slice(0, maxPrinted)}…`;
}
