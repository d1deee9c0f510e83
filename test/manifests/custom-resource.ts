// Checks an object against the definition of its kind, more strictly than a cluster does: there, a field that the
// schema does not know is dropped without a word, and a typing mistake with it.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Ajv, type ValidateFunction } from 'ajv';
import { parseAllDocuments } from 'yaml';

import { root } from './kustomize.ts';
import { nameOf, type Manifest, typeOf } from './manifest.ts';

/** Definitions by kind; one YAML file for each, as its project releases it. */
export const schemas = join(root, '../shared/schemas');

/** What to put into the name of tests that need them; empty when they are here. */
export const schemasMissing = existsSync(schemas) ? '' : ' (skipped: ../shared/schemas is not here)';

/** An OpenAPI schema of the structural kind. */
interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: Schema };
    }[];
  };
}

/** Complaints by `apiVersion kind`. */
export type Checks = ReadonlyMap<string, (object: Manifest) => string[]>;

/** A check for each kind that is defined in the directory. */
export function readChecks(directory: string): Checks {
  const definitions = readdirSync(directory)
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parseAllDocuments(readFileSync(join(directory, name), 'utf8')))
    .map((document) => document.toJS() as Definition);
  return new Map(
    definitions.flatMap(({ spec: { group, names, versions } }) =>
      versions.map(({ name, schema }) => [
        typeOf({ apiVersion: `${group}/${name}`, kind: names.kind }),
        check(schema.openAPIV3Schema),
      ]),
    ),
  );
}

function check(schema: Schema): (object: Manifest) => string[] {
  const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false });
  const validate: ValidateFunction = ajv.compile(
    closed({ ...schema, properties: { ...schema.properties, ...common } }),
  );
  return (object) => {
    if (validate(object)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${nameOf(object)}: ${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
    );
  };
}

/** What every object has, whether its definition says so or not. */
const common: Readonly<Record<string, Schema>> = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
  metadata: {
    type: 'object',
    properties: {
      name: { type: 'string' },
      namespace: { type: 'string' },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      annotations: { type: 'object', additionalProperties: { type: 'string' } },
    },
  },
};

/** The schema with every object closed that does not say that it keeps what it does not know. */
function closed(schema: Schema): Schema {
  const { properties, items, additionalProperties } = schema;
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  return {
    ...schema,
    ...(schema.type === 'object' && !isOpen && { additionalProperties: false }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, inner]) => [name, closed(inner)]),
      ),
    }),
    ...(items !== undefined && { items: closed(items) }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === 'object' ? closed(additionalProperties) : additionalProperties,
    }),
  };
}
