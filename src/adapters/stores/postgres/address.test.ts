import { describe, expect, it } from 'vitest';
import { connectionString, describeAddress, parseAddress, toolArguments, toolEnvironment } from './address.ts';

describe('the address of a database', () => {
  it('reads every part, decoded', () => {
    const address = parseAddress('postgresql://shop%20owner:p%40ss%24@db.example:6432/my%20shop?sslmode=require');
    expect(address).toEqual({
      host: 'db.example',
      port: '6432',
      user: 'shop owner',
      password: 'p@ss$',
      database: 'my shop',
      parameters: { sslmode: 'require' },
    });
    expect(describeAddress(address)).toBe('shop owner at db.example:6432/my shop');
  });

  it('reads a socket from the query', () => {
    expect(parseAddress('postgres:///shop?host=/run/pg&port=5433&user=me')).toMatchObject({
      host: '/run/pg',
      port: '5433',
      user: 'me',
      password: null,
    });
  });

  it.each([
    'mysql://u:secret-word@h/d',
    'postgresql://u:secret-word@h',
    'u:secret-word@h/d',
    'postgresql://u:secret-word@h:x/d',
  ])('refuses %s without repeating it', (text) => {
    let said = '';
    try {
      parseAddress(text);
    } catch (error) {
      said = JSON.stringify([error, (error as Error).message]);
    }
    expect(said).toContain('not the address');
    expect(said).not.toContain('secret-word');
  });

  it('gives the tools the password in the environment alone', () => {
    const address = parseAddress('postgresql://me:secret-word@h:1/d?sslmode=require&sslrootcert=/ca.pem');
    expect(toolEnvironment(address, false)).toEqual({
      LC_ALL: 'C',
      PGOPTIONS: '-c statement_timeout=0',
      PGPASSWORD: 'secret-word',
      PGHOST: 'h',
      PGPORT: '1',
      PGSSLMODE: 'require',
      PGSSLROOTCERT: '/ca.pem',
    });
    expect(toolArguments(address, 'd')).toEqual(['--no-password', '--username=me', "--dbname=dbname='d'"]);
  });

  it('leaves tools beside the server to its local socket', () => {
    const address = parseAddress('postgresql://me:secret-word@h:1/d?sslmode=require');
    expect(toolEnvironment(address, true)).toEqual({
      LC_ALL: 'C',
      PGOPTIONS: '-c statement_timeout=0',
      PGPASSWORD: 'secret-word',
    });
  });

  it('cannot be redirected by the name of a database', () => {
    const address = parseAddress('postgresql://h/d');
    expect(toolArguments(address, "x' host='evil")).toEqual(['--no-password', "--dbname=dbname='x\\' host=\\'evil'"]);
  });

  it('means the same by sslmode as the tools do', () => {
    expect(connectionString(parseAddress('postgresql://h/d?sslmode=require'), 'e')).toBe(
      'postgresql:///e?sslmode=require&uselibpqcompat=true&host=h',
    );
  });
});
