import { hubAddress } from '../src/runtime.ts';

const repository =
  /^(?:https:\/\/huggingface\.co\/)?(?<id>[\w.-]+\/[\w.-]+)(?:\/tree\/(?<revision>[^/]+))?\/?$/;

/** The address of what a user wrote: the name or page of a Hub repository, or an address already. */
export function addressOf(text: string): string {
  const groups = repository.exec(text.trim())?.groups;
  const id = groups?.['id'];
  return id === undefined ? text.trim() : hubAddress(id, groups?.['revision']);
}
