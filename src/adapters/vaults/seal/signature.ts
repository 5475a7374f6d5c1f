import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';

const SIGNATURE = /^[0-9a-f]{128}\n$/;

/** A new Ed25519 key in PKCS #8 PEM. */
export function newSigningKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The public half as manifests name it. */
export function signerOf(pem: string): string {
  const { x = '' } = createPublicKey(pem).export({ format: 'jwk' });
  return `ed25519:${Buffer.from(x, 'base64url').toString('hex')}`;
}

/** The content of `manifest.sig` for these bytes. */
export function signatureText(pem: string, bytes: Buffer): string {
  return `${sign(null, bytes, createPrivateKey(pem)).toString('hex')}\n`;
}

/** Whether the text is the signature of that signer over these bytes; hexadecimal and one line, so that it has one spelling. */
export function isSignature(text: string, signer: string, bytes: Buffer): boolean {
  return SIGNATURE.test(text) && verify(null, bytes, publicKey(signer), Buffer.from(text.trim(), 'hex'));
}

function publicKey(signer: string): KeyObject {
  const x = Buffer.from(signer.slice('ed25519:'.length), 'hex').toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}
