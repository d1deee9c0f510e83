// The func.yaml files: as func defines them, and in step with the manifests, so that `kn func deploy` changes nothing of
// a Service but its image. What func overwrites is in its source (pkg/knative/deployer.go).

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';
import type { SchemaObject } from 'ajv';
import Draft04 from 'ajv-draft-04';
import { parse } from 'yaml';

import { schemas, schemasMissing } from './custom-resource.ts';
import { problemsWith } from './environment-rules.ts';
import { root } from './kustomize.ts';
import type { Labels, Manifest, Specs } from './manifest.ts';

interface Func {
  readonly name: string;
  readonly build?: { readonly builder: string; readonly buildEnvs: readonly Variable[] };
  readonly run?: {
    readonly envs: readonly Variable[];
    readonly volumes: readonly {
      readonly path: string;
      readonly persistentVolumeClaim: { readonly claimName: string };
    }[];
  };
  readonly deploy: {
    readonly healthEndpoints: { readonly liveness: string; readonly readiness: string };
    readonly labels: readonly { readonly key: string; readonly value: string }[];
    readonly options: {
      readonly scale: Readonly<Record<'min' | 'max' | 'metric' | 'target' | 'utilization', string | number>>;
      readonly resources: unknown;
    };
  };
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

const functions = ['add', 'accumulate'];
const paths = ['func.yaml', ...functions.map((name) => `functions/${name}/func.yaml`)];
const readYaml = (path: string): unknown => parse(readFileSync(join(root, path), 'utf8'));
const testAgainstSchemas = schemasMissing === '' ? test : test.skip;

describe('as func defines it', () => {
  const schemaFile = join(schemas, 'func_yaml-schema.json');
  const schema = existsSync(schemaFile) ? (JSON.parse(readFileSync(schemaFile, 'utf8')) as SchemaObject) : {};
  const validate = new Draft04.default({ strict: false, validateFormats: false }).compile(schema);

  testAgainstSchemas.each(paths)(`%s is right${schemasMissing}`, (path) => {
    validate(readYaml(path));
    expect(validate.errors).toBeNull();
  });

  testAgainstSchemas(`a field that func does not know is wrong${schemasMissing}`, () => {
    expect(validate({ ...(readYaml('func.yaml') as Func), builder: 'pack' })).toBe(false);
  });
});

test('the image is built by buildpacks, with Node 24 or newer', () => {
  const { build } = readYaml('func.yaml') as Func;
  expect(build?.builder).toBe('pack');
  const version = build?.buildEnvs.find(({ name }) => name === 'BP_NODE_VERSION')?.value;
  expect(Number.parseInt(version ?? '')).toBeGreaterThanOrEqual(24);
});

describe.each(functions)('deploying %s changes nothing but the image', (name) => {
  const func = readYaml(`functions/${name}/func.yaml`) as Func;
  const service = readYaml(`knative/base/${name}.yaml`) as Manifest<Specs['serving.knative.dev/v1 Service']>;
  const { template } = service.spec;
  const [container] = template.spec.containers;
  const { healthEndpoints, labels, options } = func.deploy;
  const envs = func.run?.envs ?? [];
  const volumes = func.run?.volumes ?? [];

  test('it is the same Service', () => {
    expect(func.name).toBe(service.metadata.name);
  });

  test('labels, of the Service and of its pods', () => {
    const all: Labels = Object.fromEntries(labels.map(({ key, value }) => [key, value]));
    expect(all).toEqual(service.metadata.labels);
    expect(all).toMatchObject(template.metadata?.labels ?? {});
  });

  test('scale', () => {
    const { min, max, metric, target, utilization } = options.scale;
    const annotations = {
      'min-scale': min,
      'max-scale': max,
      metric,
      target,
      'target-utilization-percentage': utilization,
    };
    expect(template.metadata?.annotations).toEqual(
      Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`autoscaling.knative.dev/${key}`, String(value)]),
      ),
    );
  });

  test('resources', () => {
    expect(options.resources).toEqual(container?.resources);
  });

  test('variables, which it takes', () => {
    expect(envs).toEqual(container?.env ?? []);
    expect(problemsWith(name, Object.fromEntries(envs.map((env) => [env.name, env.value])))).toEqual([]);
  });

  test('volumes', () => {
    const declared = template.spec.volumes ?? [];
    const mounts = (container?.volumeMounts ?? []).map((mount) => ({
      path: mount.mountPath,
      persistentVolumeClaim: declared.find((volume) => volume.name === mount.name)?.persistentVolumeClaim,
    }));
    expect(volumes).toEqual(mounts);
  });

  test('probes', () => {
    // func sets the path and nothing else.
    expect(container?.livenessProbe).toEqual({ httpGet: { path: healthEndpoints.liveness } });
    expect(container?.readinessProbe).toEqual({ httpGet: { path: healthEndpoints.readiness } });
  });
});
