// Element types: the graph's (ONNX's names) and the checkpoint's (safetensors' names).

/** Element types of values in a graph, by ONNX's names. */
export type DType =
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'float64'
  | 'int64'
  | 'int32'
  | 'uint8'
  | 'uint4'
  | 'bool';

/** Bits of one element in a safetensors file; the order is the format's. */
export const storedBits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

/** Element types of tensors in a checkpoint, by safetensors' names. */
export type StoredDType = keyof typeof storedBits;

/** The stored types a conversion reads as weights. */
export type FloatDType = 'F64' | 'F32' | 'F16' | 'BF16';

export function isFloatDType(dtype: StoredDType): dtype is FloatDType {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16' || dtype === 'F64';
}

/** Bytes of one element in a graph or an ONNX file; two of half a byte share one. */
export const byteWidth: Readonly<Record<DType, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  float64: 8,
  int64: 8,
  int32: 4,
  uint8: 1,
  uint4: 0.5,
  bool: 1,
};

/** Bytes of a tensor in an ONNX file, by the number of its elements. */
export function bytesFor(dtype: DType, elements: number): number {
  return Math.ceil(elements * byteWidth[dtype]);
}

/** ONNX's numbers for element types, TensorProto.DataType. */
export const elementTypes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
  uint4: 21,
};

const byElementType: ReadonlyMap<number, DType> = new Map(
  Object.entries(elementTypes).map(([dtype, code]) => [code, dtype as DType]),
);

/** The dtype of an ONNX element type; undefined for one that no graph of ours has. */
export function dtypeOfElement(code: number): DType | undefined {
  return byElementType.get(code);
}
