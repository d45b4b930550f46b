// What an operator is: one node of the graph with several meanings that are held to each other.
//
//   infer      output types from input types
//   reference  the numbers, in plain loops and double precision
//   body       the meaning in standard ONNX                   → a model-local function
//   contrib    the meaning in ONNX Runtime's own operators    → a model-local function

import type { TensorType } from './base/tensors.ts';
import type { Attribute, Attributes, FunctionDef, fusedDomain } from './ir/graph.ts';

/** A tensor of the reference: whatever its dtype in the graph, its values as numbers. */
export interface RealTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array | Float32Array;
}

export interface Port {
  readonly name: string;
  readonly doc: string;
}

export interface AttributePort extends Port {
  readonly kind: 'int' | 'float' | 'string';
}

/** One use of an operator: what a body is chosen by. */
export interface Call {
  readonly inputs: readonly TensorType[];
  readonly attributes: Attributes;
}

export interface OpDef {
  readonly domain: typeof fusedDomain;
  readonly name: string;
  readonly since: number;
  readonly doc: string;
  /** The last may be missing where the operator says so. */
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly attributes: readonly AttributePort[];
  /** Throws a ToolkitError that names the operator, the input and the rule. */
  readonly infer: (call: Call) => readonly TensorType[];
  readonly reference: (
    inputs: readonly RealTensor[],
    attributes: Attributes,
  ) => readonly RealTensor[];
  /** Standard ONNX, opset 21. */
  readonly body: (call: Call) => FunctionDef;
  /** ONNX Runtime's contrib operators. */
  readonly contrib: (call: Call) => FunctionDef;
}

/** An attribute's number; the operator's `attributes` say that it is there. */
export function numberOf(attribute: Attribute | undefined): number {
  if (attribute?.kind === 'int' || attribute?.kind === 'float') return attribute.value;
  throw new TypeError(`no number in ${JSON.stringify(attribute)}`);
}

/** An attribute's text. */
export function textOf(attribute: Attribute | undefined): string {
  if (attribute?.kind === 'string') return attribute.value;
  throw new TypeError(`no text in ${JSON.stringify(attribute)}`);
}
