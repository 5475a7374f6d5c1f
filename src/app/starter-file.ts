import { basename } from 'node:path';

interface PackageFacts {
  name: string | null;
  scripts: string[];
}

/** A first release file that is valid as it stands, made from package.json where there is one. `folder` gives the name otherwise. */
export function starterFile(packageJson: string | null, folder: string): string {
  const facts = readPackage(packageJson);
  const service = serviceName(facts.name ?? basename(folder));
  const start = facts.scripts.includes('start') ? '[npm, start]' : '[node, server.js]';
  const checks = ['test', 'lint'].filter((script) => facts.scripts.includes(script));
  return `# yaml-language-server: $schema=.shipway/schema.json
# How ${service} is released. Look at what it comes to: shipway plan 1.0.0 --env production
service: ${service}
${checklist(checks)}
environments:
  production:
    # Two versions run side by side during a release; $VERSION is the version that is released, $PORT the port it shall listen on.
    target:
      process:
        components:
          api:
            command: ${start}
            health: { get: /health, expect: { status: 200 } }
    router: { builtin: { listen: 127.0.0.1:8080, component: api } }
    verify:
      - Health: { get: http://127.0.0.1:8080/health, expect: { status: 200 } }
    watch:
      for: 10m
      every: 10s
      probe:
        - Health: { get: http://127.0.0.1:8080/health, expect: { status: 200 } }
      roll back when:
        - more than 3 failed health checks in 10 minutes
`;
}

function checklist(scripts: string[]): string {
  if (scripts.length === 0) return '';
  const titles: Record<string, string> = { test: 'All tests pass', lint: 'Lint is clean' };
  const lines = scripts.map((script) => `  - ${titles[script]}: { run: [npm, run, ${script}], timeout: 15m }`);
  return `\nchecklist:\n${lines.join('\n')}\n`;
}

function readPackage(text: string | null): PackageFacts {
  if (text === null) return { name: null, scripts: [] };
  try {
    const found = JSON.parse(text) as { name?: unknown; scripts?: unknown };
    const scripts = typeof found.scripts === 'object' && found.scripts !== null ? Object.keys(found.scripts) : [];
    return { name: typeof found.name === 'string' ? found.name : null, scripts };
  } catch {
    return { name: null, scripts: [] }; // a broken package.json is not ours to judge
  }
}

/** A name that the release file accepts: the scope goes, everything else becomes letters, digits and hyphens. */
function serviceName(name: string): string {
  const plain = name
    .replace(/^@[^/]*\//, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return /^[a-z]/.test(plain) ? plain : `service-${plain}`.replace(/-$/, '');
}
