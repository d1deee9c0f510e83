// A real Kafka broker (KRaft, one node) as a child process, to be killed, frozen and started again. Its jars come by name
// from Maven into .cache/kafka; it needs a JDK 17 and Maven.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { listen } from '../../lib/http.ts';
import { until } from '../until.ts';

const jars = fileURLToPath(new URL('../../.cache/kafka', import.meta.url));
const pom = fileURLToPath(new URL('pom.xml', import.meta.url));
const startMs = 90_000;

export function canStartBroker(): boolean {
  return ['java', 'mvn'].every((program) => spawnSync(program, ['-version']).status === 0);
}

/** Copies the jars where they are not there yet; takes a minute the first time. */
export function installBroker(): void {
  if (existsSync(join(jars, 'complete'))) return;
  mkdirSync(jars, { recursive: true });
  const arguments_ = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`];
  const { status, stdout, stderr } = spawnSync('mvn', arguments_, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`Maven could not copy Kafka's jars:\n${stdout}${stderr}`);
  writeFileSync(join(jars, 'complete'), '');
}

export interface BrokerOptions {
  /** Lines of server.properties, after those that are always there. */
  readonly properties?: readonly string[];
  /** The security protocol of the listener for clients. */
  readonly protocol?: 'PLAINTEXT' | 'SASL_SSL';
  /** The port that clients are told to use, where it is not its own. */
  readonly advertised?: number;
  /** Arguments for `StorageTool format`, such as users for SCRAM. */
  readonly format?: readonly string[];
}

export class Broker {
  readonly #directory = mkdtempSync(join(tmpdir(), 'tally-kafka-'));
  readonly #options: BrokerOptions;
  #child: ChildProcess | undefined;
  #port = 0;
  #output = '';

  private constructor(options: BrokerOptions) {
    this.#options = options;
  }

  /** Installs, formats and starts one on a free port of this machine. */
  static async start(options: BrokerOptions = {}): Promise<Broker> {
    installBroker();
    const broker = new Broker(options);
    await broker.#format();
    await broker.start();
    return broker;
  }

  get port(): number {
    return this.#port;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#child = spawn('java', ['-Xmx512m', '-cp', join(jars, '*'), 'kafka.Kafka', this.#file()], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    }
    await until('the broker listens', () => this.#listens(), startMs);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Stops its clocks and answers, with every connection open, until `thaw`. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends it and removes its files. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  #file(): string {
    return join(this.#directory, 'server.properties');
  }

  async #format(): Promise<void> {
    const [port, controllerPort] = await freePorts();
    this.#port = port;
    const { protocol = 'PLAINTEXT', properties = [], format = [], advertised = port } = this.#options;
    const lines = [
      'process.roles=broker,controller',
      'node.id=1',
      `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
      'controller.listener.names=CONTROLLER',
      `listeners=CLIENT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
      `advertised.listeners=CLIENT://127.0.0.1:${advertised}`,
      `listener.security.protocol.map=CLIENT:${protocol},CONTROLLER:PLAINTEXT`,
      'inter.broker.listener.name=CLIENT',
      `log.dirs=${join(this.#directory, 'data')}`,
      'auto.create.topics.enable=false',
      'offsets.topic.replication.factor=1',
      'offsets.topic.num.partitions=4',
      'transaction.state.log.replication.factor=1',
      'transaction.state.log.min.isr=1',
      'share.coordinator.state.topic.replication.factor=1',
      'share.coordinator.state.topic.min.isr=1',
      'group.initial.rebalance.delay.ms=0',
      ...properties,
    ];
    writeFileSync(this.#file(), `${lines.join('\n')}\n`);
    const id = runTool(['random-uuid']).trim();
    runTool(['format', '-t', id, '-c', this.#file(), ...format]);
  }

  #listens(): Promise<boolean> {
    if (this.#child === undefined || this.#child.exitCode !== null) {
      throw new Error(`the broker ended:\n${this.#output}`);
    }
    return new Promise((resolve) => {
      const socket = connect(this.#port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
  }
}

function runTool(arguments_: readonly string[]): string {
  const all = ['-Xmx256m', '-cp', join(jars, '*'), 'kafka.tools.StorageTool', ...arguments_];
  const { status, stdout, stderr } = spawnSync('java', all, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`StorageTool ${arguments_.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const [first = 0, second = 0] = await Promise.all(servers.map((server) => listen(server, 0, '127.0.0.1')));
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return [first, second];
}
