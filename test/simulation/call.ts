// One call over the simulated network, from its begin to its end on both sides, whatever becomes of it.

import { type Caller, type Ending, type Endpoint, type Fate, Incoming, type Network } from './network.ts';
import type { SimProcess, Thread } from './sim-process.ts';
import { world } from './world.ts';

export class Call<Request, Answer> implements Ending {
  readonly #network: Network;
  readonly #host: string;
  readonly #request: Request;
  readonly #caller: Caller<Answer>;
  readonly #connectTimeoutMs: number;
  readonly #thread: Thread;
  #server: SimProcess | undefined;
  #incoming: Incoming<Answer> | undefined;
  #isOver = false;

  /** From the current process. */
  constructor(
    net: Network,
    host: string,
    request: Request,
    caller: Caller<Answer>,
    connectTimeoutMs = Number.POSITIVE_INFINITY,
  ) {
    this.#network = net;
    this.#host = host;
    this.#request = request;
    this.#caller = caller;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#thread = world().thread;
  }

  begin(): void {
    const net = this.#network;
    net.onCall(this.#host, this.#request);
    net.watch(this.#thread.process, this);
    const fate = net.drawFate(this.#thread.process, this.#host);
    if (fate === 'silence') {
      if (this.#connectTimeoutMs === Number.POSITIVE_INFINITY) return;
      this.#later(this.#connectTimeoutMs, () => {
        this.#fail('no connection in time');
      });
      return;
    }
    this.#later(net.latency(), () => {
      const endpoint = net.resolve(this.#host) as Endpoint<Request, Answer> | undefined;
      if (endpoint === undefined || fate === 'refuse') {
        this.#fail('connection refused');
        return;
      }
      this.#caller.onStart?.();
      if (this.#isOver) return;
      if (fate === 'lose request') this.#failLater('connection reset');
      else this.#send(endpoint, fate);
    });
  }

  /** Gives up: the caller is told, and so is the endpoint, in a while. */
  cut(reason: Error): void {
    if (this.#isOver) return;
    this.#end();
    this.#tellGone();
    this.#caller.onError(reason);
  }

  processEnded(process: SimProcess): void {
    if (process === this.#thread.process) {
      this.#end();
      this.#tellGone();
    } else this.#failLater('connection reset');
  }

  #send(endpoint: Endpoint<Request, Answer>, fate: Fate): void {
    this.#server = endpoint.process;
    this.#network.watch(endpoint.process, this);
    const incoming = new Incoming<Answer>(fate === 'cut body', (answer) => {
      // The step in which a process ends runs to its end, and what it still says reaches nobody.
      if (!endpoint.process.isAlive) return;
      if (answer === undefined || fate === 'lose answer' || fate === 'cut body') {
        this.#failLater('connection reset');
      } else if (fate !== 'silent answer') {
        this.#later(this.#network.latency(), () => {
          if (this.#isOver) return;
          this.#end();
          this.#caller.onAnswer(answer);
        });
      }
      // It is on its way: the end of its sender no longer matters.
      if (this.#server !== undefined) this.#network.unwatch(this.#server, this);
    });
    this.#incoming = incoming;
    const arrive = (as: Incoming<Answer>): void => {
      const accept = (): void => {
        if (!endpoint.isListening) as.reset();
        else if (!as.isOver) endpoint.accept(this.#request, as);
      };
      const isSynchronous = endpoint.answersAtOnce(this.#request);
      world().schedule(endpoint.process.main, this.#network.latency(), accept, { isSynchronous });
    };
    arrive(incoming);
    // A proxy in between that sends it twice, and passes the first answer on.
    if (fate === 'duplicate') arrive(new Incoming<Answer>(false, () => undefined));
  }

  #tellGone(): void {
    const incoming = this.#incoming;
    if (incoming === undefined || this.#server === undefined || incoming.isOver) return;
    world().schedule(this.#server.main, this.#network.latency(), () => {
      if (!incoming.isOver) incoming.onGone();
    });
  }

  #later(delayMs: number, run: () => void): void {
    world().schedule(this.#thread, delayMs, run);
  }

  #failLater(reason: string): void {
    this.#later(this.#network.latency(), () => {
      this.#fail(reason);
    });
  }

  #fail(reason: string): void {
    if (this.#isOver) return;
    this.#end();
    this.#caller.onError(new Error(reason));
  }

  #end(): void {
    this.#isOver = true;
    this.#network.unwatch(this.#thread.process, this);
    if (this.#server !== undefined) this.#network.unwatch(this.#server, this);
  }
}
