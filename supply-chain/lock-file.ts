// What package.json and package-lock.json must be: each package named exactly, known by its hash and from a registry, and
// nothing of what runs brings a script that runs when it is installed.

export interface PackageJson {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** npm runs the install scripts of those that are true. */
  readonly allowScripts?: Readonly<Record<string, boolean>>;
}

export interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export interface LockFile {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

const exact = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
const sha512 = /^sha512-[A-Za-z0-9+/]{86}==$/;

/** The folders of the packages that run: `npm ci --omit dev` installs these. */
export function listRunTimePackages({ packages }: LockFile): string[] {
  return Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true)
    .map(([path]) => path);
}

/** `node_modules/a/node_modules/@b/c` is of `@b/c`. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** Everything that is wrong, a line each. */
export function findLockFaults(manifest: PackageJson, lock: LockFile): string[] {
  const faults: string[] = [];
  if (lock.lockfileVersion !== 3) faults.push(`lockfileVersion is ${lock.lockfileVersion}, should be 3`);
  for (const kind of ['dependencies', 'devDependencies'] as const) {
    const named = manifest[kind] ?? {};
    const locked = lock.packages['']?.[kind] ?? {};
    for (const name of new Set([...Object.keys(named), ...Object.keys(locked)])) {
      const version = named[name];
      const installed = lock.packages[`node_modules/${name}`]?.version;
      if (version === undefined) faults.push(`${name} is in the lock file's ${kind} alone`);
      else if (!exact.test(version))
        faults.push(`${name} is ${version} in ${kind}, should be one exact version`);
      else if (locked[name] !== version || installed !== version)
        faults.push(`${name} is ${version} in ${kind}, and in the lock file ${installed ?? 'missing'}`);
    }
  }
  for (const [name, version] of Object.entries(manifest.overrides ?? {})) {
    if (typeof version !== 'string' || !(exact.test(version) || version.startsWith('$')))
      faults.push(`the override of ${name} should be one exact version`);
  }
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '') continue;
    if (!sha512.test(entry.integrity ?? '')) faults.push(`${path} has no SHA-512`);
    if (!exact.test(entry.version ?? '')) faults.push(`${path} has no version of a registry`);
    // Left out by .npmrc, so that the lock file serves every registry: an address would be one of git, a file or a host.
    if (entry.resolved !== undefined) faults.push(`${path} comes from ${entry.resolved}`);
    if (entry.link === true) faults.push(`${path} is a link`);
  }
  return [...faults, ...findScriptFaults(manifest, lock)];
}

function findScriptFaults({ allowScripts = {} }: PackageJson, lock: LockFile): string[] {
  const running = new Set(listRunTimePackages(lock));
  return Object.entries(lock.packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript === true)
    .flatMap(([path]) => {
      const allowed = allowScripts[nameOf(path)];
      if (allowed === undefined)
        return [`${path} has an install script, which allowScripts does not decide on`];
      return allowed && running.has(path) ? [`${path} runs, and so does its install script`] : [];
    });
}

/** An image is built without the scripts of anything. */
export function findDockerfileFaults(dockerfile: string): string[] {
  const installs = dockerfile.split('\n').filter((line) => /\bnpm (ci|i|install)\b/.test(line));
  return installs
    .filter((line) => !line.includes('--ignore-scripts'))
    .map((line) => `the Dockerfile runs install scripts: ${line.trim()}`);
}
