-- What the team had before shipway came.
PRAGMA journal_mode = WAL;
CREATE TABLE leads (id INTEGER PRIMARY KEY, email TEXT NOT NULL, note TEXT NOT NULL DEFAULT '');
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
INSERT INTO leads (email, note) SELECT 'lead-' || i || '@example.com', CASE i % 4 WHEN 0 THEN '' ELSE 'called' END FROM n;
