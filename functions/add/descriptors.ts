// Completes the file descriptors that reflection hands out. Those that proto-loader derives from protobufjs name types
// of other packages relatively, list no imports and misname the entries of maps (grpc-node issue 2595); grpcurl and
// others that read them like protoc's cannot resolve such types.

import { createRequire } from 'node:module';

import type { PackageDefinition } from '@grpc/proto-loader';
import type * as descriptor from 'protobufjs/ext/descriptor/index.js';
import type { IDescriptorProto, IFileDescriptorProto } from 'protobufjs/ext/descriptor/index.js';

/** Only when it is needed: loading it builds the descriptors of the language itself. */
function loadFileDescriptorProto(): typeof descriptor.FileDescriptorProto {
  const path = 'protobufjs/ext/descriptor/index.js';
  return (createRequire(import.meta.url)(path) as typeof descriptor).FileDescriptorProto;
}

/** The definitions, each with the descriptors of all their files, complete. */
export function completeDescriptors(definitions: PackageDefinition): PackageDefinition {
  const FileDescriptorProto = loadFileDescriptorProto();
  const files = decodeFiles(definitions, FileDescriptorProto);
  const fileOf = new Map<string, string>();
  for (const file of files) {
    for (const [, message] of messagesOf(file)) nameMapEntries(message);
    for (const symbol of symbolsOf(file)) fileOf.set(symbol, file.name ?? '');
  }
  for (const file of files) completeReferences(file, fileOf);
  const fileDescriptorProtos = files.map((file) =>
    Buffer.from(FileDescriptorProto.encode(FileDescriptorProto.fromObject(file)).finish()),
  );
  return Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [
      name,
      'fileDescriptorProtos' in definition ? { ...definition, fileDescriptorProtos } : definition,
    ]),
  ) as PackageDefinition;
}

function decodeFiles(
  definitions: PackageDefinition,
  FileDescriptorProto: typeof descriptor.FileDescriptorProto,
): IFileDescriptorProto[] {
  const files = new Map<string, IFileDescriptorProto>();
  for (const definition of Object.values(definitions)) {
    if (!('fileDescriptorProtos' in definition)) continue;
    for (const bytes of definition.fileDescriptorProtos as Buffer[]) {
      const file: IFileDescriptorProto = FileDescriptorProto.toObject(FileDescriptorProto.decode(bytes));
      files.set(file.name ?? '', file);
    }
  }
  return [...files.values()];
}

/** `some_counts` of type map has entries of type `SomeCountsEntry`, as in protoc. */
function nameMapEntries({ field = [], nestedType = [] }: IDescriptorProto): void {
  for (const entry of nestedType) {
    if (entry.options?.mapEntry !== true) continue;
    const mapField = field.find(({ typeName }) => typeName === entry.name);
    if (mapField?.name === undefined) continue;
    const words = mapField.name.split('_').map((word) => word.slice(0, 1).toUpperCase() + word.slice(1));
    entry.name = mapField.typeName = `${words.join('')}Entry`;
  }
}

function toLowerCamelCase(name: string): string {
  return name.replace(/_+(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** Makes every reference absolute and lists every file that one leads to. */
function completeReferences(file: IFileDescriptorProto, fileOf: ReadonlyMap<string, string>): void {
  const imports = new Set<string>();
  const complete = (reference: string, scope: string): string => {
    const symbol = resolve(reference, scope, fileOf);
    const target = fileOf.get(symbol);
    if (target !== undefined && target !== file.name) imports.add(target);
    return `.${symbol}`;
  };
  for (const [scope, message] of messagesOf(file)) {
    for (const field of message.field ?? []) {
      // protobufjs repeats the name here; in JSON it is written as protoc would.
      field.jsonName = toLowerCamelCase(field.name ?? '');
      if (field.typeName !== undefined) field.typeName = complete(field.typeName, scope);
    }
  }
  for (const method of (file.service ?? []).flatMap((service) => service.method ?? [])) {
    method.inputType = complete(method.inputType ?? '', file.package ?? '');
    method.outputType = complete(method.outputType ?? '', file.package ?? '');
  }
  file.dependency = [...imports];
}

/** The full name that a reference means: the innermost scope that has it wins, as the language says. */
function resolve(reference: string, scope: string, fileOf: ReadonlyMap<string, string>): string {
  if (reference.startsWith('.')) return reference.slice(1);
  const parts = scope.split('.');
  for (let length = parts.length; length > 0; length--) {
    const candidate = [...parts.slice(0, length), reference].join('.');
    if (fileOf.has(candidate)) return candidate;
  }
  return reference;
}

/** Every message of a file, nested ones too, with its full name. */
function messagesOf(file: IFileDescriptorProto): [name: string, message: IDescriptorProto][] {
  const walk = (scope: string, messages: readonly IDescriptorProto[]): [string, IDescriptorProto][] =>
    messages.flatMap((message) => {
      const name = `${scope}.${message.name ?? ''}`;
      return [[name, message], ...walk(name, message.nestedType ?? [])];
    });
  return walk(file.package ?? '', file.messageType ?? []);
}

/** The full names of a file's messages and of the enums in it. */
function symbolsOf(file: IFileDescriptorProto): string[] {
  const enums = (file.enumType ?? []).map(({ name = '' }) => `${file.package ?? ''}.${name}`);
  const inMessages = messagesOf(file).flatMap(([scope, { enumType = [] }]) => [
    scope,
    ...enumType.map(({ name = '' }) => `${scope}.${name}`),
  ]);
  return [...enums, ...inMessages];
}
