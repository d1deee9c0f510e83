// Each rule is seen to fail: against a copy of the manifests with one thing wrong in it.

import { beforeAll, describe, expect, test } from '@jest/globals';
import { Document } from 'yaml';

import { makeTempDir } from '../temp-dir.ts';
import { kustomizeMissing, parseManifests, render, renderFor } from './kustomize.ts';
import { type Manifest, nameOf } from './manifest.ts';
import { mistakes } from './mistakes.ts';
import { type Rule, rules } from './rules.ts';

const describeRendered = kustomizeMissing === '' ? describe : describe.skip;

describeRendered(`a rule sees what is wrong${kustomizeMissing}`, () => {
  let kafka: Manifest[] = [];
  let noKafka: Manifest[] = [];
  beforeAll(() => {
    const components = ['knative/components/monitoring', 'knative/components/oidc'];
    const topics = render('kafka/topics').replaceAll(/^ {2}namespace: .*\n/gm, '');
    kafka = [
      ...parseManifests(renderFor(makeTempDir(), { overlay: 'knative/overlays/kafka', components })),
      ...parseManifests(topics),
    ];
    components.splice(1, 1, 'knative/components/oidc-log', 'knative/components/monitoring-log');
    noKafka = parseManifests(renderFor(makeTempDir(), { overlay: 'knative/overlays/no-kafka', components }));
  });

  describe.each(Object.entries(mistakes))('%s', (sentence, its) => {
    const rule: Rule = rules[sentence as keyof typeof rules];

    test.each(its)('%s: %s is %j', (object, path, value, says) => {
      const right = kafka.some((candidate) => nameOf(candidate) === object) ? kafka : noKafka;
      expect(rule(right)).toEqual([]);
      const wrong = right.flatMap((candidate) =>
        nameOf(candidate) === object ? withMistake(candidate, path, value) : [candidate],
      );
      expect(rule(wrong)).toContainEqual(expect.stringContaining(says));
    });
  });
});

/** A copy with another value at the path, or nothing there; an empty path takes the object away. */
function withMistake(object: Manifest, path: string, value: unknown): Manifest[] {
  if (path === '') return [];
  const copy = new Document(object);
  const keys = path.split(' ').map((key) => (/^\d$/.test(key) ? Number(key) : key));
  if (value === undefined) copy.deleteIn(keys);
  else copy.setIn(keys, value);
  return [copy.toJS() as Manifest];
}
