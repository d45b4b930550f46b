// Every failure the toolkit raises on purpose: a code that scripts match, a sentence for people,
// and the exit status the command line gives it.

/**
 * One code per cause, and the status it exits with. Codes are stable: scripts match them.
 *
 * 2 usage · 65 bad data · 66 no such input · 69 not supported or not available ·
 * 70 bug · 73 cannot create output · 74 I/O · 75 try again · 76 wrong bytes from a remote ·
 * 77 not permitted · 130 interrupted
 *
 * 1 is no error: a verification ran, and its answer is no.
 */
export const errorCodes = {
  USAGE: 2,
  // safetensors headers
  ST_HEADER_TOO_SMALL: 65,
  ST_HEADER_TOO_LARGE: 65,
  ST_HEADER_TRUNCATED: 65,
  ST_HEADER_UTF8: 65,
  ST_HEADER_JSON: 65,
  ST_HEADER_DEPTH: 65,
  ST_DUPLICATE_KEY: 65,
  ST_FIELD_MISSING: 65,
  ST_DTYPE: 65,
  ST_DIM_TOO_LARGE: 65,
  ST_SIZE_OVERFLOW: 65,
  ST_SUBBYTE_ALIGN: 65,
  ST_SIZE_MISMATCH: 65,
  ST_OFFSETS: 65,
  ST_FILE_SIZE: 65,

  // JSON files and other text
  JSON_SYNTAX: 65,
  JSON_DEPTH: 65,
  JSON_DUPLICATE_KEY: 65,
  FILE_TOO_LARGE: 65,
  FILE_KIND: 65,
  FILE_CHANGED: 65,

  // torch zip and pickle
  TORCH_ZIP: 65,
  TORCH_PICKLE: 65,

  // shards, tensors, configuration
  INDEX_INVALID: 65,
  INDEX_SHARD_NAME: 65,
  INDEX_MISMATCH: 65,
  SHARD_MISSING: 66,
  WEIGHT_MISSING: 65,
  WEIGHT_UNEXPECTED: 65,
  WEIGHT_DUPLICATE: 65,
  WEIGHT_SHAPE: 65,
  WEIGHT_DTYPE: 65,
  WEIGHT_OVERFLOW: 65,
  CONFIG_INVALID: 65,
  TOKENIZER_INVALID: 65,
  CALIBRATION_EMPTY: 65,
  HALF_OVERFLOW: 65,

  // written files
  ONNX_INVALID: 65,
  MANIFEST_INVALID: 65,
  HASH_MISMATCH: 65,
  NOT_VERIFIED: 65,
  GOLDEN_INVALID: 65,

  INPUT_MISSING: 66,

  UNSUPPORTED_ARCHITECTURE: 69,
  UNSUPPORTED_CHECKPOINT: 69,
  UNSUPPORTED_CONFIG: 69,
  UNSUPPORTED_SIZE: 69,
  UNSUPPORTED_OPERATOR: 69,
  UNSUPPORTED_OPTION: 69,
  UNSUPPORTED_TRANSFER: 69,
  TARGET_UNMET: 69,
  RUNTIME_MISSING: 69,
  RUNTIME_FAILED: 69,
  JOB_FAILED: 69,

  GRAPH_INVALID: 70,
  INTERNAL: 70,

  OUTPUT_EXISTS: 73,
  OUTPUT_CREATE: 73,

  IO_FAILED: 74,
  DISK_FULL: 74,

  LOCKED: 75,
  HUB_UNREACHABLE: 75,
  REMOTE_MOVED: 75,

  REMOTE_MISMATCH: 76,
  NOT_PERMITTED: 77,
  HUB_FULL: 77,

  INTERRUPTED: 130,
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
