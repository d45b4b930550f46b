/** A model's text for a terminal: what would move the cursor or change colors is left out. */
export function legible(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '');
}
