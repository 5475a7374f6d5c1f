import type { Json } from '../release/json.ts';
import { mapAt, textAt } from './raw-file.ts';
import type { Findings } from './rules.ts';
import { valueAt } from './source.ts';

const OWN_KEYS = ['name', 'required', 'unencrypted', 'limit'];

/** Every place has a name of its own, and no backup goes anywhere readable unless somebody says that it may. */
export function checkCopies(root: Json, findings: Findings): void {
  const copies = valueAt(root, ['backups', 'copies']);
  if (!Array.isArray(copies)) return;
  const isEncrypted = valueAt(root, ['backups', 'encryption']) !== undefined;
  const names = new Set<string>();
  for (const index of copies.keys()) {
    const path = ['backups', 'copies', index];
    const written = mapAt(root, path);
    const name = textAt(root, [...path, 'name']) ?? Object.keys(written).find((key) => !OWN_KEYS.includes(key)) ?? '';
    if (names.has(name)) {
      findings.problems.push({
        path,
        found: null,
        message: `is a second place called "${name}"`,
        fix: 'Give it a name of its own: name: offsite.',
      });
    }
    names.add(name);
    if (isEncrypted || written['unencrypted'] === true) continue;
    findings.problems.push({
      path,
      found: null,
      message: 'would be sent backups that are not encrypted, which whoever can read the place can read',
      fix: 'Encrypt them (backups.encryption, `shipway backup keygen`), or write unencrypted: true here.',
    });
  }
}
