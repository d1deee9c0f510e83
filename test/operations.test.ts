// Runs the commands of docs/operations.md as they stand there. Those of a laptop against a real local system, in their
// order; of those of a cluster, what a pod would run, on a volume here; the rest is held against the manifests.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { beforeAll, describe, expect, test } from '@jest/globals';

import { entry, TestLedger, verifyDirectory } from '../functions/accumulate/ledger/fixtures.ts';
import type { EmbeddedLogStatus } from '../local/log/status.ts';
import { type LocalSystem, startLocalSystem } from './local-system.ts';
import { startLogProcess } from './log-process.ts';
import { kustomizeMissing, parseManifests, render } from './manifests/kustomize.ts';
import type { Manifest } from './manifests/manifest.ts';
import { leastPrivilege } from './manifests/pod-rules.ts';
import { claimsOf, podsOf } from './manifests/pod.ts';
import { sumEvent } from './sum-event.ts';
import { makeTempDir } from './temp-dir.ts';
import { getPage } from './test-log.ts';
import { until } from './until.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const text = readFileSync(join(root, 'docs', 'operations.md'), 'utf8');

function blocks(language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'))].map(
    ([, block = '']) => block,
  );
}

const commands = blocks('sh').flatMap((block) => block.trim().split('\n'));
const isForCluster = (command: string): boolean =>
  /^(kubectl|kafka-consumer-groups\.sh|POD=) ?/.test(command);
const forLaptop = commands.filter((command) => !isForCluster(command));
const forCluster = commands.filter(isForCluster);

/** What each command of a laptop prints. `npm start` is started by the test. */
const printed: readonly (readonly [start: string, output: RegExp])[] = [
  [
    'bin/tally backup --data-dir data --to backups/monday',
    /^data as of .* is in backups\/monday: \d+ events, 1 file$/m,
  ],
  ['bin/tally backup --data-dir data --to - > tally.backup', /is in the stream: \d+ events, 1 file/],
  ['bin/tally restore --from tally.backup', /^drill holds the ledger as of .*: \d+ events/],
  ['mkdir damaged && mv', /^$/],
  ['bin/tally restore --from backups/monday', /^data holds the ledger as of/],
  ['bin/tally rewind --data-dir data', /delivery begins at offset 0, with \d+ records to deliver/],
  ['npm start', /^$/],
  ['bin/tally total sales', /^24\.85$/m],
  ['bin/tally add --wait --total sales -- -24.85 0', /^-24\.85$/m],
  ['bin/tally add --wait --total sales-2026 24.85 0', /^24\.85$/m],
  ['bin/tally audit --data-dir data', /^data and http:.*: equal$/m],
  ['bin/tally verify --data-dir data', /all as it should be/],
  // The second time nothing is left but the one that no redrive mends.
  [
    'bin/tally dead-letters list',
    /^LETTER .*\n((0:[01] +order-[24] .* no answer\n){2}|0:\d +order-4 .* 400 invalid: .*\n)$/,
  ],
  ['bin/tally dead-letters show order-2', /^why +no answer$/m],
  ['bin/tally dead-letters redrive --all', /^redriven 2 dead letters$/m],
  ['bin/tally dead-letters discard order-4', /^discarded 1 dead letter: \d+:\d+$/m],
  ['curl -s localhost:8082/status', /"lag":/],
];

test('every command of docs/operations.md is known here', () => {
  const starts = printed.map(([start]) => start);
  expect(forLaptop.filter((command) => !starts.some((start) => command.startsWith(start)))).toEqual([]);
  expect(starts.filter((start) => !forLaptop.some((command) => command.startsWith(start)))).toEqual([]);
  expect(forCluster.length).toBeGreaterThan(20);
});

test('what it links to is there', () => {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...text.matchAll(/\]\(([^)]*)\)/g)].map(([, link = '']) => link);
  expect(links.length).toBeGreaterThan(10);
  const isThere = (link: string): boolean =>
    link.startsWith('#') ? headings.includes(link.slice(1)) : existsSync(join(root, 'docs', link));
  expect(links.filter((link) => !isThere(link))).toEqual([]);
});

describe('on a laptop', () => {
  test('its commands do what it says, in their order', async () => {
    const directory = makeTempDir();
    // The clone of the repository, but for its data.
    mkdirSync(join(directory, 'bin'));
    for (const name of ['bin/tally', 'local', 'node_modules'])
      symlinkSync(join(root, name), join(directory, name));
    const laptop = new Laptop(directory);
    await laptop.start();
    await laptop.add('order-1', '24.85', 'sales');
    await laptop.makeDeadLetters('order-2', 'order-4');
    for (const command of forLaptop) {
      const expected = printed.find(([start]) => command.startsWith(start))?.[1] ?? /never/;
      if (command.startsWith('mkdir damaged')) {
        // Counted after the backup: it comes back from the log.
        await laptop.add('order-3', '0.5', 'late');
        await laptop.stop();
      }
      if (command === 'npm start') {
        await laptop.start();
        await laptop.delivered();
        expect(await laptop.totals()).toEqual({ sales: '24.85', late: '0.5' });
      } else {
        expect(laptop.run(command)).toMatch(expected);
        if (command.includes('redrive')) await laptop.delivered();
      }
    }
    await laptop.delivered();
    expect(await laptop.totals()).toEqual({
      sales: '0',
      'sales-2026': '24.85',
      late: '0.5',
      redriven: '7',
    });
    await laptop.stop();
    expect(verifyDirectory(join(directory, 'data'))).toEqual([]);
    expect(verifyDirectory(join(directory, 'drill'))).toEqual([]);
  }, 180_000);
});

/** `npm start` in a directory, and the commands that are run beside it. */
class Laptop {
  readonly #directory: string;
  #system: LocalSystem | undefined;
  #addresses = { add: '', accumulate: '', log: '' };

  constructor(directory: string) {
    this.#directory = directory;
  }

  async start(): Promise<void> {
    const system = startLocalSystem({
      DATA_DIR: join(this.#directory, 'data'),
      LOG_LEVEL: 'silent',
      DELIVERY_RETRIES: '0',
    });
    this.#system = system;
    const [add, accumulate, log] = await Promise.all([
      system.part('add'),
      system.part('accumulate'),
      system.part('log'),
    ]);
    this.#addresses = { add: add.address, accumulate: accumulate.address, log: log.address };
  }

  async stop(): Promise<void> {
    this.#system?.child.kill('SIGINT');
    expect(await this.#system?.ended()).toBe(0);
  }

  /** Runs a command with the addresses of the system in place of the usual ones; gives what it prints. */
  run(command: string): string {
    const { add, accumulate, log } = this.#addresses;
    const portOf = (address: string): string => address.split(':')[1] ?? '';
    const { stdout, stderr, status } = spawnSync('sh', ['-c', command.replaceAll('localhost:8082', log)], {
      cwd: this.#directory,
      env: {
        ...{ PATH: process.env['PATH'], ADD_PORT: portOf(add), ACCUMULATE_PORT: portOf(accumulate) },
        LOG_PORT: portOf(log),
      },
      encoding: 'utf8',
    });
    expect(`exit code ${status ?? ''} of ${command}\n${stderr}`).toMatch(/^exit code 0 /);
    return stdout + stderr;
  }

  async add(id: string, amount: string, total: string): Promise<void> {
    expect(await this.#post(id, amount, total)).toBe(202);
    await this.delivered();
  }

  /** Of an event that came while accumulate was away, and of one that it will never take. */
  async makeDeadLetters(id: string, bad: string): Promise<void> {
    const { pid } = (await this.#system?.part('accumulate')) ?? { pid: 0 };
    process.kill(pid, 'SIGKILL');
    expect(await this.#post(id, '7', 'redriven')).toBe(202);
    expect(await this.#post(bad, 'seven', 'redriven')).toBe(202);
    await until('there are two dead letters', async () => (await this.#status()).deadLetters === 2);
    await until('accumulate is up again', async () => {
      const response = await fetch(`http://${this.#addresses.accumulate}/health/readiness`).catch(
        () => undefined,
      );
      return response?.ok;
    });
    expect(await this.totals()).not.toHaveProperty('redriven');
  }

  delivered(): Promise<boolean> {
    return until('everything is delivered', async () => (await this.#status()).lag === 0);
  }

  async totals(): Promise<Record<string, string>> {
    const url = `http://${this.#addresses.accumulate}`;
    const { totals } = await getPage<{ totals: { name: string; total: string }[] }>(url, '/totals');
    return Object.fromEntries(totals.map(({ name, total }) => [name, total]));
  }

  #status(): Promise<EmbeddedLogStatus> {
    return getPage(`http://${this.#addresses.log}`, '/status');
  }

  async #post(id: string, amount: string, total: string): Promise<number> {
    const response = await fetch(`http://${this.#addresses.log}/default/sums`, {
      method: 'POST',
      ...sumEvent(id, amount, { total }),
    });
    await response.arrayBuffer();
    return response.status;
  }
}

test('what it runs in a pod does the same on a volume here', () => {
  const directory = makeTempDir();
  const data = join(directory, 'data');
  const ledger = new TestLedger(data);
  ledger.apply(entry('x', '2'), entry('y', '3'));
  ledger.close();
  symlinkSync(join(root, 'functions'), join(directory, 'functions'));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  const inPod = forCluster.filter(
    (command) => /^kubectl exec (?!deployment\/log)/.test(command) && !command.includes('audit/main.ts'),
  );
  const outputs = inPod.map((command) => {
    const words = command.replace(/^kubectl exec .*? -- /, '').replaceAll("'/data", `'${data}`);
    const { status, stdout, stderr } = spawnSync('sh', ['-c', words], {
      cwd: directory,
      env: { PATH: process.env['PATH'], DATA_DIR: data },
      encoding: 'utf8',
    });
    return [status, stdout + stderr];
  });
  expect(outputs).toEqual([
    [0, expect.stringContaining('is in the stream: 2 events')],
    [0, ''],
    [0, expect.stringContaining(`${data} holds the ledger as of`)],
    [0, expect.stringContaining('2 events, 1 totals, 1 file: all as it should be')],
  ]);
  expect(verifyDirectory(join(data, 'damaged'))).toEqual([]);
});

test('what it runs in the pod of a log, or in one of its own, shows the dead letters', async () => {
  const log = startLogProcess({
    ...{ DATA_DIR: makeTempDir(), LOG_LEVEL: 'info', DELIVERY_RETRIES: '0' },
    SUBSCRIBER: 'http://127.0.0.1:9/',
  });
  const url = await log.url();
  await fetch(`${url}/default/sums`, { method: 'POST', ...sumEvent('order-5', '7') });
  await until('there is a dead letter', async () => (await log.status()).deadLetters === 1);
  const lists = forCluster.filter((command) => command.includes('dead-letters/main.ts'));
  const outputs = lists.map((command) => {
    // The image's entry point is node.
    const words = command.replace(/^kubectl exec .*? -- /, '').replace(/^kubectl run .*? -- /, 'node ');
    const { status, stdout, stderr } = spawnSync('sh', ['-c', words.replace('http://localhost:8080', url)], {
      cwd: root,
      env: { PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`, LOG_URL: url },
      encoding: 'utf8',
    });
    return [status, stdout + stderr];
  });
  const listed = [0, expect.stringMatching(/^LETTER .*\n0:0 +order-5 .* no answer\n$/)];
  expect(outputs).toEqual([listed, listed]);
});

test('what audits in the pod with the volume does so here', async () => {
  const data = makeTempDir();
  new TestLedger(data).close();
  const log = startLogProcess({
    ...{ DATA_DIR: makeTempDir(), LOG_LEVEL: 'info', DELIVERY_RETRIES: '0' },
    SUBSCRIBER: 'http://127.0.0.1:9/',
  });
  const url = await log.url();
  await fetch(`${url}/default/sums`, { method: 'POST', ...sumEvent('order-6', '7') });
  await until('there is a dead letter', async () => (await log.status()).deadLetters === 1);
  const [command = '', ...others] = forCluster.filter((each) => each.includes('audit/main.ts'));
  expect(others).toEqual([]);
  const words = command.replace(/^kubectl exec volume -- /, '').replace('/data', data);
  const { status, stdout, stderr } = spawnSync('sh', ['-c', words], {
    cwd: root,
    env: { PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`, DATA_DIR: data, LOG_URL: url },
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain(`${data} and ${url}: equal\n`);
  expect(stdout).toContain('0 counted as recorded, 1 in the dead letters alone, 0 in flight');
});

describe(`what it names on a cluster is in the manifests${kustomizeMissing}`, () => {
  const own = blocks('yaml').flatMap(parseManifests);
  const testOrSkip = kustomizeMissing === '' ? test : test.skip;
  let objects: readonly Manifest[];

  beforeAll(() => {
    if (kustomizeMissing !== '') return;
    objects = ['knative/overlays/kafka', 'knative/overlays/no-kafka', 'kafka/topics'].flatMap((directory) =>
      parseManifests(render(directory)),
    );
  });

  testOrSkip('kinds and names', () => {
    const kinds: Readonly<Record<string, string>> = {
      ksvc: 'serving.knative.dev/v1 Service',
      kafkasource: 'sources.knative.dev/v1 KafkaSource',
      sinkbinding: 'sources.knative.dev/v1 SinkBinding',
      pvc: 'v1 PersistentVolumeClaim',
      deployment: 'apps/v1 Deployment',
      pod: 'v1 Pod',
    };
    const known = [...objects, ...own].map(
      ({ apiVersion, kind, metadata }) => `${apiVersion} ${kind}/${metadata.name}`,
    );
    const lines = [
      ...forCluster,
      ...[...text.matchAll(/`(kubectl [^`\n]*)`/g)].map(([, command = '']) => command),
    ];
    const named = lines.flatMap((line) =>
      [...line.matchAll(/ ([a-z]+)\/([a-z-]+)(?= |$)/g)].map(
        ([, kind = '', name = '']) => `${kinds[kind] ?? kind}/${name}`,
      ),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });

  testOrSkip('files, labels, containers, Kafka’s addresses, groups and topics', () => {
    const specs = [...objects, ...own].map(({ spec }) => JSON.stringify(spec)).join('\n');
    const files = blocks('yaml').map((block) => /^# (\S+\.yaml)/.exec(block)?.[1]);
    for (const command of forCluster) {
      for (const [, file] of command.matchAll(/ -f (\S+)/g)) expect(files).toContain(file);
      for (const [, label = ''] of command.matchAll(/ -l serving\.knative\.dev\/service=(\S+)/g)) {
        expect(objects.map(({ metadata }) => metadata.name)).toContain(label);
      }
      for (const [, container] of command.matchAll(/ -c (\S+)/g)) expect(container).toBe('user-container');
      for (const [, address = ''] of command.matchAll(/--bootstrap-server (\S+)/g))
        expect(specs).toContain(`"${address}"`);
      for (const [, group = ''] of command.matchAll(/--group (\S+)/g))
        expect(specs).toContain(`"consumerGroup":"${group}"`);
      for (const [, topic = ''] of command.matchAll(/--topic (\S+)/g))
        expect(specs).toContain(`"topics":["${topic}"]`);
    }
  });

  testOrSkip('its own pod fits them', () => {
    expect(own.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(['Pod volume']);
    // The rules look at what makes pods.
    const asDeployment = { ...own[0], apiVersion: 'apps/v1', kind: 'Deployment', spec: { template: own[0] } };
    expect(leastPrivilege([asDeployment as Manifest])).toEqual([]);
    expect(podsOf([asDeployment as Manifest]).flatMap(claimsOf)).toEqual(['accumulate']);
  });
});

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;

(hasKubectl ? test : test.skip)(
  `kubectl understands its commands${hasKubectl ? '' : ' (skipped: kubectl is not here)'}`,
  () => {
    const directory = makeTempDir();
    // A cluster that is not there: what is wrong with a command itself is said before it is asked.
    writeFileSync(
      join(directory, 'config'),
      JSON.stringify({
        clusters: [{ name: 'none', cluster: { server: 'http://127.0.0.1:1' } }],
        contexts: [{ name: 'none', context: { cluster: 'none' } }],
        'current-context': 'none',
      }),
    );
    for (const block of blocks('yaml'))
      writeFileSync(join(directory, /^# (\S+\.yaml)/.exec(block)?.[1] ?? ''), block);
    writeFileSync(join(directory, 'tally.backup'), '');
    writeFileSync(join(directory, 'kustomization.yaml'), 'resources: [volume.yaml]\n');
    const problems = forCluster
      .filter((command) => command.includes('kubectl'))
      .map((command) => {
        const { stdout, stderr } = spawnSync('sh', ['-c', command], {
          cwd: directory,
          env: {
            PATH: process.env['PATH'],
            KUBECONFIG: join(directory, 'config'),
            POD: 'pod/x',
            HOME: directory,
          },
          encoding: 'utf8',
        });
        return [command, stdout + stderr];
      })
      .filter(([, output = '']) => !/refused/.test(output) || /unknown|usage|invalid/i.test(output));
    expect(problems).toEqual([]);
  },
  120_000,
);

test('the signs are what the parts really say', async () => {
  const table = text.slice(text.indexOf('## Signs'), text.indexOf('## Full disk'));
  const signs = [...table.matchAll(/^\| (.*?) +\|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, sign = '']) => sign),
  );
  expect(signs.length).toBeGreaterThan(20);
  const system = startLocalSystem({ DATA_DIR: makeTempDir(), LOG_LEVEL: 'error' });
  const parts = await Promise.all((['add', 'accumulate', 'log'] as const).map((name) => system.part(name)));
  const metrics = await Promise.all(
    parts.map(async ({ address }) => (await fetch(`http://${address}/metrics`)).text()),
  );
  const said = [...metrics, ...['functions', 'lib', 'local'].flatMap(sources)].join('\n');
  expect(signs.filter((sign) => !said.includes(sign))).toEqual([]);
});

/** The texts of a folder's modules, tests aside. */
function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(root, folder, name), 'utf8'));
}
