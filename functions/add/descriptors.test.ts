import { describe, expect, test } from '@jest/globals';
import { loadSync } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import descriptor, { type IFileDescriptorProto } from 'protobufjs/ext/descriptor/index.js';

import { completeDescriptors } from './descriptors.ts';
import { loadContractAsWritten } from './proto.ts';

const { FileDescriptorProto } = descriptor;

const definitions = { ...loadContractAsWritten(), ...loadSync(healthProto, { keepCase: true }) };
const files = new Map<string, IFileDescriptorProto>();
for (const definition of Object.values(completeDescriptors(definitions))) {
  if (!('fileDescriptorProtos' in definition)) continue;
  for (const bytes of definition.fileDescriptorProtos as Buffer[]) {
    const file: IFileDescriptorProto = FileDescriptorProto.toObject(FileDescriptorProto.decode(bytes));
    files.set(file.name ?? '', file);
  }
}

function typesIn({ package: scope = '', messageType = [] }: IFileDescriptorProto): string[] {
  const names = (prefix: string, messages: NonNullable<typeof messageType>): string[] =>
    messages.flatMap(({ name = '', nestedType = [], enumType = [] }) => [
      `${prefix}.${name}`,
      ...enumType.map((inner) => `${prefix}.${name}.${inner.name ?? ''}`),
      ...names(`${prefix}.${name}`, nestedType),
    ]);
  return names(`.${scope}`, messageType);
}

describe.each([...files.values()])('$name', (file) => {
  const messages = file.messageType ?? [];
  const nested = messages.flatMap(({ nestedType = [] }) => nestedType);
  const references = [
    ...[...messages, ...nested].flatMap(({ field = [] }) => field.map(({ typeName }) => typeName)),
    ...(file.service ?? []).flatMap(({ method = [] }) =>
      method.flatMap(({ inputType, outputType }) => [inputType, outputType]),
    ),
  ].filter((reference) => reference !== undefined && reference !== '');

  test('names every type in full, and imports the files of those that are not its own', () => {
    const imported = ((file.dependency ?? []) as string[]).map((name) => files.get(name) ?? {});
    const known = [file, ...imported].flatMap(typesIn);
    expect(references.filter((reference) => !known.includes(reference ?? ''))).toEqual([]);
  });

  test('names the entries of maps as protoc does', () => {
    const entries = nested.filter(({ options }) => options?.mapEntry === true).map(({ name }) => name);
    expect(entries.filter((name) => name?.endsWith('Entry') !== true)).toEqual([]);
  });
});

test('covers all files, with field names as they are written', () => {
  expect([...files.keys()].sort()).toEqual(
    ['google_protobuf.proto', 'google_rpc.proto', 'grpc_health_v1.proto', 'tally_v1.proto'].sort(),
  );
  const request = files.get('tally_v1.proto')?.messageType?.find(({ name }) => name === 'AddRequest');
  expect(request?.field?.map(({ name }) => name)).toEqual(['request_id', 'a', 'b', 'total']);
});
