import { expect, test } from '@jest/globals';

import { explain, readFailure } from './failure.ts';

const problem = {
  type: 'urn:x',
  title: 'conflict',
  status: 422,
  detail: 'event "a" was counted with 1 and 2',
};

function failureOf(answer: string | undefined, code = '422') {
  return readFailure({
    ce_knativeerrordest: 'http://accumulate/',
    ce_knativeerrorcode: code,
    ...(answer !== undefined && { ce_knativeerrordata: Buffer.from(answer).toString('base64') }),
  });
}

test.each([
  ['a problem document', JSON.stringify(problem), '422 conflict: event "a" was counted with 1 and 2'],
  [
    'one that is cut off in its detail',
    JSON.stringify(problem).slice(0, 75),
    '422 conflict: event "a" was c…',
  ],
  ['one that is cut off before it', JSON.stringify(problem).slice(0, 50), '422 conflict'],
  ['JSON of another kind', '{"title": 5}', '422 {"title": 5}'],
  ['a page', 'Bad Gateway\n<html>', '422 Bad Gateway'],
  ['nothing', undefined, '422'],
])('says why a letter failed by %s', (_, answer, words) => {
  expect(explain(failureOf(answer))).toBe(words);
});

test('a cut in an escape loses no more than the detail', () => {
  const cut = JSON.stringify({ title: 'invalid', detail: 'a \u0007' }).slice(0, -4);
  expect(cut).toMatch(/\\u00$/);
  expect(explain(failureOf(cut))).toBe('422 invalid');
});

test('no answer, and a record that nobody delivered, are told apart', () => {
  expect(explain(readFailure({ ce_knativeerrordest: 'http://accumulate/' }))).toBe('no answer');
  expect(explain(readFailure({}))).toBe('not said');
});
