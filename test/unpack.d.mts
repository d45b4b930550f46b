/** The folder `name` with what is in the packed files of @sparticuz/chromium. */
export function unpacked(name: string, files: readonly string[]): string;
