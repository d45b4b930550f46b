import { type GpuLimits, type Kernel, load, store } from '../../src/wgsl.ts';
import { normKernel, type NormShape } from '../norm-kernel.ts';

/** x, skip, scale, [bias] → normed, sum: what is normalized is the sum as it is stored. */
export function skipLayerNorm(shape: NormShape, limits: GpuLimits): Kernel {
  const { element } = shape;
  return normKernel(
    shape,
    {
      name: 'skip-layer-norm',
      inputs: [
        { name: 'x', access: 'read', element },
        { name: 'skip', access: 'read', element },
      ],
      outputs: [{ name: 'sum', access: 'read_write', element }],
      first: `let value = ${load(element, 'x', 'at')} + ${load(element, 'skip', 'at')};
    ${store(element, 'sum', 'at', 'value')}`,
      again: load(element, 'sum', 'at'),
    },
    limits,
  );
}
