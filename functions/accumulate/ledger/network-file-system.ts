// Which file systems are shared over a network: the ledger's locks do not hold there (I5).

/** statfs(2) types of file systems on which SQLite's locks or shared memory do not hold between machines. */
const networkFileSystems: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0x517b: 'SMB',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB2',
  0x01021997: '9P',
  0x65735546: 'FUSE',
  0x00c36400: 'Ceph',
  0x0bd00bd0: 'Lustre',
  0x5346414f: 'AFS',
  0x47504653: 'GPFS',
};

/** The network file system's name; undefined for a local one. `type` is what statfs(2) gives. */
export function networkFileSystem(type: number): string | undefined {
  return networkFileSystems[type >>> 0];
}
