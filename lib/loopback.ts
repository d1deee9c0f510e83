// Which names and addresses mean this machine and no other.

/** Whether a host, as HOST or an address has it, is this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
