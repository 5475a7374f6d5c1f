CREATE TABLE prompts (id serial PRIMARY KEY, text text NOT NULL, answer text NOT NULL);
INSERT INTO prompts (text, answer) SELECT format('prompt %s', n), format('answer to prompt %s', n) FROM generate_series(1, 300) AS n;
