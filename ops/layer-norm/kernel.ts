import { type GpuLimits, type Kernel, load } from '../../src/wgsl.ts';
import { normKernel, type NormShape } from '../norm-kernel.ts';

export type LayerNormShape = NormShape;

/** x → normed; scale, and bias where the shape says so. */
export function layerNorm(shape: LayerNormShape, limits: GpuLimits): Kernel {
  const { element } = shape;
  const x = load(element, 'x', 'at');
  return normKernel(
    shape,
    {
      name: 'layer-norm',
      inputs: [{ name: 'x', access: 'read', element }],
      outputs: [],
      first: `let value = ${x};`,
      again: x,
    },
    limits,
  );
}
