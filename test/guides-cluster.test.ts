// The guides of a cluster: what they would apply is rendered, what they would ask kubectl is understood by it.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';

import { findCommands, guides, readGuide, root } from './guide-commands.ts';
import { kustomizeMissing, parseManifests, render } from './manifests/kustomize.ts';
import { blocksIn } from './markdown.ts';
import { makeTempDir } from './temp-dir.ts';

const testWithKustomize = kustomizeMissing === '' ? test : test.skip;

describe(`the kustomization of the guides${kustomizeMissing}`, () => {
  const [base = '', changes = ''] = blocksIn(readGuide('kustomize'), 'yaml');
  const [image = ''] = blocksIn(readGuide('kn-func'), 'yaml');

  /** In a folder beside a clone called `tally`, which the guide asks for. */
  function renderOwn(...parts: readonly string[]): string {
    const directory = makeTempDir();
    mkdirSync(join(directory, 'sums'));
    symlinkSync(root, join(directory, 'tally'));
    const own = Object.assign({}, ...parts.map((part) => parse(part) as object)) as object;
    writeFileSync(join(directory, 'sums', 'kustomization.yaml'), stringify(own));
    return render(join(directory, 'sums'));
  }

  testWithKustomize('has all that the commands name, in the image that it names', () => {
    const text = renderOwn(base);
    expect(new Set(text.match(/image: .*/g))).toEqual(new Set(['image: registry.example.com/tally:1.0']));
    const objects = parseManifests(text);
    expect(objects.map(({ metadata }) => metadata.namespace)).toEqual(objects.map(() => 'sums'));
    const services = objects
      .filter(({ apiVersion }) => apiVersion === 'serving.knative.dev/v1')
      .map(({ metadata }) => metadata.name);
    const named = guides
      .flatMap((name) => findCommands(name, 'kubectl '))
      .flatMap((command) =>
        [...command.matchAll(/(?:ksvc\/|dev\/service=)([a-z-]+)/g)].map(([, name]) => name),
      );
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((name) => name === undefined || !services.includes(name))).toEqual([]);
  });

  testWithKustomize('takes the changes that the guide makes', () => {
    const lines = (text: string): string[] => text.split('\n').map((line) => line.trim());
    const [before, after] = [lines(renderOwn(base)), lines(renderOwn(base, changes))];
    const scale = (value: number): string => `autoscaling.knative.dev/min-scale: "${value}"`;
    const visibility = 'networking.knative.dev/visibility: cluster-local';
    expect([before.includes(scale(0)), after.includes(scale(0))]).toEqual([true, false]);
    expect([before.includes(visibility), after.includes(visibility)]).toEqual([true, false]);
    expect(after.filter((line) => line === 'kind: PodMonitor')).toHaveLength(2);
    expect(after.filter((line) => line === 'kind: PrometheusRule')).toHaveLength(1);
  });

  testWithKustomize('takes an image by its digest', () => {
    const images = renderOwn(base, image).match(/image: .*/g);
    expect(new Set(images)).toEqual(new Set(['image: registry.example.com/tally@sha256:…']));
  });
});

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
const kubectlMissing = hasKubectl ? '' : ' (skipped: kubectl is not here)';

(hasKubectl ? test : test.skip)(
  `kubectl understands the guides${kubectlMissing}`,
  () => {
    const directory = makeTempDir();
    // A cluster that is not there: what is wrong with a command itself is said before it is asked.
    const none = {
      clusters: [{ name: 'none', cluster: { server: 'http://127.0.0.1:1' } }],
      contexts: [{ name: 'none', context: { cluster: 'none' } }],
      'current-context': 'none',
    };
    writeFileSync(join(directory, 'config'), JSON.stringify(none));
    for (const name of ['kafka', 'knative']) symlinkSync(join(root, name), join(directory, name));
    writeFileSync(join(directory, 'kustomization.yaml'), 'resources: [claim.yaml]\n');
    copyFileSync(join(root, 'knative', 'base', 'volume-claim.yaml'), join(directory, 'claim.yaml'));
    const commands = guides
      .flatMap((name) => [
        ...findCommands(name, 'kubectl '),
        // And those in the text.
        ...[...readGuide(name).matchAll(/`(kubectl [^`\n]* [^`\n]*)`/g)].map(([, command = '']) => command),
      ])
      .filter((command) => command !== 'kubectl kustomize .');
    expect(commands.length).toBeGreaterThan(5);
    const problems = commands
      // The name of a pod is asked for by a command of its own.
      .flatMap((command) => [
        command.replaceAll(/"\$\(.*?\)"/g, 'pod/x'),
        ...(/(?<=\$\()kubectl [^|)]*/.exec(command) ?? []),
      ])
      .map((command) => {
        const { stdout, stderr } = spawnSync('sh', ['-c', command], {
          cwd: directory,
          env: { PATH: process.env['PATH'], KUBECONFIG: join(directory, 'config'), HOME: directory },
          encoding: 'utf8',
        });
        return [command, stdout + stderr];
      })
      .filter(([, output = '']) => !/refused/.test(output) || /unknown|usage|invalid/i.test(output));
    expect(problems).toEqual([]);
  },
  120_000,
);
