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
  try {
    const pushed = pushOutcome(await pushFolder(written, pushTo, { isPrivate }, context), context);
    return { ...pushed, text: text + pushed.text, document: { ...document, ...pushed.document } };
  } catch (error) {
    const rest = `modernbert-onnx push ${written} ${pushTo}${isPrivate ? ' --private' : ''}`;
    context.messages.note(`${written} is whole: ${rest} goes on from here`);
    throw error;
  }
}
