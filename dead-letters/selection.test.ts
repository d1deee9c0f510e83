// Which letters a name means, whatever ids senders choose.

import { expect, test } from '@jest/globals';

import { MemoryLog } from '../audit/testing/memory-log.ts';
import { formatPlace } from './letter.ts';
import { LetterBox } from './letter-box.ts';
import { runShow } from './show.ts';
import { findLetters, selectLetters } from './selection.ts';

/** Letters of events with these ids, the first of them at 0:0. */
async function lettersOf(ids: readonly string[], data = '{}'): Promise<LetterBox> {
  const log = new MemoryLog(1);
  for (const id of ids) {
    log.store('sums-dead-letter', {
      key: null,
      headers: {
        ce_specversion: '1.0',
        ce_id: id,
        ce_source: '/s',
        ce_knativeerrordest: 'http://accumulate/',
      },
      value: Buffer.from(data),
    });
  }
  return LetterBox.open(log);
}

async function placesOf(box: LetterBox, ...names: readonly string[]): Promise<string[]> {
  return (await selectLetters(box, names)).map(formatPlace);
}

test('a place means the letter that is there, though an id is written like it', async () => {
  const box = await lettersOf(['a', '0:0', '0:1', '9:9']);
  expect(await placesOf(box, '0:0')).toEqual(['0:0']);
  expect(await placesOf(box, '0:1')).toEqual(['0:1']);
  expect(await placesOf(box, 'a', '0:0')).toEqual(['0:0']);
  expect([...(await findLetters(box, ['0:1'])).values()].flat().map(({ id }) => id)).toEqual(['0:0']);
});

test('an id that is written like a place, at which there is nothing, is an id', async () => {
  expect(await placesOf(await lettersOf(['a', '9:9']), '9:9')).toEqual(['0:1']);
});

test('what is shown of data cannot look like more of the letter, nor act on a terminal', async () => {
  const box = await lettersOf(['a\u202eb'], 'x\nstate         discarded\u001b[2J\n\ttabbed');
  const { text = '' } = await runShow(box, ['0:0'], {});
  expect(text).toMatch(/^id +a\\u202eb$/m);
  expect(text).toMatch(/^data +x\n {8,}state {9}discarded\\u001b\[2J\n {8,}\ttabbed$/m);
  expect(text.match(/^state/gm)).toHaveLength(1);
});
