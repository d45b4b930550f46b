import { describe, expect, test } from 'vitest';
import { readManifest } from './output.ts';
import { pickedOutput } from './picked-output.ts';

const filesOf = (...paths: readonly string[]): ReadonlyMap<string, Blob> =>
  new Map(paths.map((path) => [path, new Blob([path])]));

describe('the output folder among picked files', () => {
  test.each(['', 'mine/', 'home/models/mine/'])('is found under %j', async (at) => {
    const { root, models } = pickedOutput(
      filesOf(
        'other.txt',
        `${at}old/copy/modernbert-onnx.json`,
        `${at}modernbert-onnx.json`,
        `${at}config.json`,
        `${at}onnx/model.onnx`,
        `${at}onnx/model.onnx_data`,
        `${at}onnx/more/model.onnx`,
      ),
    );
    expect(await root.list()).toEqual(
      expect.arrayContaining(['config.json', 'modernbert-onnx.json']),
    );
    expect(await models.list()).toEqual(['model.onnx', 'model.onnx_data']);
    const bytes = await (await models.open('model.onnx'))?.read(0, at.length);
    expect(new TextDecoder().decode(bytes)).toBe(at);
    expect(root.name).toBe(at === '' ? 'other.txt' : 'mine');
  });

  test('that is none has no manifest', async () => {
    const output = pickedOutput(filesOf('mine/config.json'));
    await expect(readManifest(output)).rejects.toMatchObject({
      code: 'INPUT_MISSING',
      where: { folder: 'mine' },
    });
  });
});
