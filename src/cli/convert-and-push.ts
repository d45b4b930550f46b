// `convert` of one source, and with --push-to the publishing of what it wrote. The folder stays: a
// push that fails is finished by `push`, without converting again.

import type { Context, Outcome } from './command.ts';
import { convertCommand } from './convert-command.ts';
import type { ConvertFlags } from './convert-grammar.ts';
import { checkPush, pushFolder, pushOutcome } from './push-command.ts';

export async function convertAndPush(
  source: string,
  flags: ConvertFlags,
  context: Context,
): Promise<Outcome> {
  const { pushTo, private: isPrivate = false, dryRun = false } = flags;
  if (pushTo === undefined || dryRun) return await convertCommand(source, flags, context);
  await checkPush(pushTo, 'main', context);
  const outcome = await convertCommand(source, { ...flags, verify: true }, context);
  const { written, text, document } = outcome;
  if (written === undefined) return outcome;
  const again = `modernbert-onnx push ${written} ${pushTo}${isPrivate ? ' --private' : ''}`;
  try {
    const found = await pushFolder(written, pushTo, { isPrivate }, context, `run ${again}`);
    const pushed = pushOutcome(found, context);
    return { ...pushed, text: text + pushed.text, document: { ...document, ...pushed.document } };
  } catch (error) {
    if (!context.interrupts.interrupted()) {
      context.messages.note(`${written} is whole: ${again} goes on from here`);
    }
    throw error;
  }
}
