const SECRET_WORDS =
  /(^|_)(API_?KEYS?|KEYS?|TOKENS?|SECRETS?|PASS|PASSWORDS?|PASSWD|PASSPHRASE|PW|PWD|CREDENTIALS?|CREDS|DSN|PRIVATE|AUTH|COOKIE|SALT|SIGNATURE|WEBHOOK_URL|PGPASSWORD)(_|$)|SECRET|TOKEN|PASSWORD|APIKEY|CREDENTIAL/;
/** Looks secret by a word in it and is not: a place, an amount, the public half. */
const PUBLIC_WORDS =
  /^(PWD|OLDPWD)$|(^|_)PUBLIC_KEY(_|$)|_(SOCK|FILE|PATH|DIR|TTL|LENGTH|LIMIT|COUNT|EXPIRES?|EXPIRY)$/;

/** Whether a variable of this name holds a secret, judged by its words (KEY, TOKEN, PASSWORD, DSN…). */
export function isSecretName(name: string): boolean {
  const upper = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
  return SECRET_WORDS.test(upper) && !PUBLIC_WORDS.test(upper);
}
