// The variables that manifests set are those that the part reads, with values that it takes.

import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

import { readConfig as readAccumulate } from '../../functions/accumulate/config.ts';
import { readConfig as readAdd } from '../../functions/add/config.ts';
import { messageOf } from '../../lib/errors.ts';
import { readConfig as readLog } from '../../local/log/config.ts';
import type { Container, Manifest } from './manifest.ts';
import { podsOf } from './pod.ts';

type Environment = Readonly<Record<string, string>>;

const parts: Readonly<Record<string, (env: Environment) => unknown>> = {
  add: readAdd,
  accumulate: readAccumulate,
  log: readLog,
};

/** What Kubernetes keeps in each namespace, in the ConfigMap kube-root-ca.crt. */
const certificate = '-----BEGIN CERTIFICATE-----';

const isPath = (variable: string): boolean => variable === 'DATA_DIR' || variable.endsWith('_TOKEN_FILE');
const isIn = (path: string, directory: string): boolean => `${path}/`.startsWith(`${directory}/`);

/** Knative's webhook refuses them. */
const setByKnative = ['PORT', 'K_SERVICE', 'K_CONFIGURATION', 'K_REVISION'];

/** @returns complaints, none when all is well */
export function variablesAreThoseThatAreRead(objects: readonly Manifest[]): string[] {
  return podsOf(objects).flatMap(({ owner, name, isFunction, spec }) =>
    spec.containers.flatMap((container) => {
      const env = environmentOf(container);
      // As start.js decides, where Knative gives K_SERVICE the Service's name.
      const part = env['FUNCTION'] ?? (isFunction ? name : '');
      const mounts = (container.volumeMounts ?? []).map(({ mountPath }) => mountPath);
      return [
        ...problemsWith(part, env),
        ...Object.entries(env)
          .filter(([variable, path]) => isPath(variable) && !mounts.some((mount) => isIn(path, mount)))
          .map(([variable, path]) => `${variable} is ${path}, where nothing is mounted`),
        ...setByKnative
          .filter((variable) => isFunction && variable in env)
          .map((variable) => `${variable} is Knative's`),
      ].map((problem) => `${owner}: ${problem}`);
    }),
  );
}

/** What the part says to these variables, and which of them it never looks at. */
export function problemsWith(part: string, env: Environment): string[] {
  const readConfig = parts[part];
  if (readConfig === undefined) return [`nobody is called ${JSON.stringify(part)}`];
  const read = new Set(['FUNCTION']);
  // A directory that is here: some parts make theirs. And files that are here.
  const seen = Object.fromEntries(
    Object.entries(env).map(([variable, text]) => {
      if (variable === 'DATA_DIR') return [variable, tmpdir()];
      return [variable, isPath(variable) ? fileURLToPath(import.meta.url) : text];
    }),
  );
  const watched = new Proxy<Environment>(seen, {
    get: (target, variable) => {
      read.add(String(variable));
      return target[String(variable)];
    },
  });
  try {
    readConfig(watched);
  } catch (error) {
    return [messageOf(error)];
  }
  return Object.keys(env)
    .filter((variable) => !read.has(variable))
    .map((variable) => `${variable} is read by nobody`);
}

/** As in the container: `$(NAME)` stands for a variable defined before. One that is only for that is left out. */
export function environmentOf({ env = [] }: Pick<Container, 'env'> = {}): Environment {
  const defined: Record<string, string> = {};
  const expanded = new Set<string>();
  for (const { name, value, valueFrom } of env) {
    const isCertificate = valueFrom?.configMapKeyRef?.key === 'ca.crt';
    const text = value ?? (isCertificate ? certificate : valueFrom === undefined ? '' : 'from-the-pod');
    defined[name] = text.replaceAll(/\$\(([A-Z_]+)\)/g, (whole, other: string) => {
      expanded.add(other);
      return defined[other] ?? whole;
    });
  }
  return Object.fromEntries(Object.entries(defined).filter(([name]) => !expanded.has(name)));
}
