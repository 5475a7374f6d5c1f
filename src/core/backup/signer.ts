/** Whether the text is a public key as manifests and release files write it: `ed25519:` and 64 lower-case hex digits. */
export function isSigner(value: unknown): boolean {
  return typeof value === 'string' && /^ed25519:[0-9a-f]{64}$/.test(value);
}
