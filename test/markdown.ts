// What is in a Markdown file for a machine to try.

/** The blocks of a language, each without the indentation of the list that it may be part of. */
export function blocksIn(markdown: string, language: string): string[] {
  const fence = new RegExp(`^( *)\`\`\`${language}\\n([^]*?)^ *\`\`\`$`, 'gm');
  return [...markdown.matchAll(fence)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

/** The commands of all `sh` blocks; a line that ends in a backslash goes on in the next. */
export function commandsIn(markdown: string): string[] {
  return blocksIn(markdown, 'sh').flatMap((block) =>
    block
      .replaceAll(/\\\n\s*/g, '')
      .trim()
      .split('\n'),
  );
}

/** The targets of its links and images that are files, with the heading they lead to; code left out. */
export function fileLinksIn(markdown: string): { path: string; heading: string | undefined }[] {
  const text = markdown.replaceAll(/^ *```[^]*?^ *```$/gm, '').replaceAll(/`[^`]*`/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', heading] = target.split('#');
      return { path, heading };
    });
}

/** Its headings as GitHub names them in links. */
export function anchorsIn(markdown: string): string[] {
  const text = markdown.replaceAll(/^ *```[^]*?^ *```$/gm, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
