// WebGPU outside a browser: Dawn, from the package `webgpu`.

import { ToolkitError } from '../../base/errors.ts';

/**
 * Dawn hides shader-f16 on NVIDIA's Vulkan drivers unless it is told not to. The others leave out
 * checks of what kernels here never do: read memory they did not write, or beyond a binding.
 */
const toggles = ['vulkan_enable_f16_on_nvidia', 'disable_workgroup_init'];

let opened: GPU | undefined;

/** The platform's GPUs, opened once: Dawn's instance lives until the end. */
export async function dawn(): Promise<GPU> {
  opened ??= await open();
  return opened;
}

async function open(): Promise<GPU> {
  try {
    const { create, globals } = await import('webgpu');
    Object.assign(globalThis, globals);
    return create([`enable-dawn-features=${toggles.join(',')}`]);
  } catch (cause) {
    throw new ToolkitError('RUNTIME_MISSING', 'the WebGPU binary cannot be loaded', {
      where: { cause: cause instanceof Error ? cause.message : String(cause) },
      fix: 'install the package again with `npm install`, on a platform that webgpu has a binary for',
      cause,
    });
  }
}
