-- What must hold between the store and the witness, each rule as a query for what breaks it. Read by check.sh, with
-- the store attached as `store`. Written from README.md and the schema's own comments, not from the host's code.

-- The commands of the journal, by the token in their arguments.
CREATE TABLE command AS
  SELECT run, strand, position, status, result,
         'W:' || CAST(substr(tail, 1, instr(tail, x'3b') - 1) AS TEXT) || ';' AS token
  FROM (SELECT *, substr(args, instr(args, x'573a') + 2) AS tail FROM store.journal WHERE op = 'process.run');
CREATE INDEX command_token ON command (token);
CREATE INDEX witness_token ON witness (token, what);
CREATE TABLE seen AS
  SELECT token, sum(what = 'begin') AS begun, sum(what = 'end') AS ended FROM witness GROUP BY token;
CREATE INDEX seen_token ON seen (token);
CREATE TABLE committed AS
  SELECT trigger_kind, trigger_id, count(*) AS runs, max(id) AS run FROM store.run WHERE status = 'committed'
  GROUP BY trigger_kind, trigger_id;
CREATE INDEX committed_trigger ON committed (trigger_id, trigger_kind);

-- ---- acknowledged work -------------------------------------------------------------------------------------------

SELECT 'an acknowledged task is not there', detail FROM sent
WHERE what = 'acknowledged' AND NOT EXISTS (
  SELECT 1 FROM store.task WHERE id = detail AND json_extract(payload, '$.n') = sent.number);
SELECT 'a task that nobody sent', id FROM store.task
WHERE run = 0 AND json_extract(payload, '$.n') NOT IN (SELECT number FROM sent WHERE what = 'sent');
SELECT 'a task was added twice', group_concat(id) FROM store.task WHERE run = 0
GROUP BY json_extract(payload, '$.n') HAVING count(*) > 1;
SELECT 'a refused task is there', id FROM store.task
WHERE run = 0 AND json_extract(payload, '$.n') IN (SELECT number FROM sent WHERE what = 'refused')
  -- It was in the group whose commit failed: the next start decides.
  AND json_extract(payload, '$.n') NOT IN (SELECT number FROM sent WHERE what = 'refused' AND detail IN ('io', 'no_space'));

-- ---- tasks -------------------------------------------------------------------------------------------------------

-- Killed in its middle, again and again.
CREATE TABLE given_up AS SELECT id FROM store.task
  WHERE type <> 'hopeless' AND state = 'dead_letter' AND max_attempts <= (
    SELECT count(*) FROM store.run WHERE trigger_kind = 'task' AND trigger_id = task.id AND status IN ('lost', 'failed'));
SELECT 'a task did not end as it should', id || ' ' || type || ' ' || state FROM store.task
WHERE state <> iif(type = 'hopeless', 'dead_letter', 'completed') AND id NOT IN (SELECT id FROM given_up);
SELECT 'a task was not done exactly once', task.id || ': ' || coalesce(runs, 0) || ' committed runs'
FROM store.task LEFT JOIN committed ON trigger_kind = 'task' AND trigger_id = task.id WHERE coalesce(runs, 0) <>
  iif(task.id IN (SELECT id FROM given_up), 0, 1);
-- Two edges that are one moment are one row: "submit enqueue" and "assign start".
CREATE TABLE event AS
  SELECT task, 2 * seq - 1 AS seq, substr(verb, 1, instr(verb, ' ') - 1) AS verb,
    iif(verb LIKE 'submit %', 'created', 'assigned') AS state, run FROM store.task_event WHERE verb LIKE '% %'
  UNION ALL SELECT task, 2 * seq, substr(verb, instr(verb, ' ') + 1), state, run FROM store.task_event;
SELECT 'a task was completed more than once', task FROM event
WHERE verb IN ('complete', 'accept') GROUP BY task HAVING count(*) > 1;
SELECT 'a task was started by a run and completed by another', done.task FROM event AS done
WHERE done.verb = 'complete' AND NOT EXISTS (
  SELECT 1 FROM event AS begun WHERE begun.task = done.task AND begun.verb = 'start' AND begun.run = done.run);

-- The life cycle: verb, from, to.
CREATE TABLE edge (verb TEXT, source TEXT, target TEXT);
INSERT INTO edge VALUES
  ('block', 'created', 'blocked'), ('hold', 'created', 'awaiting_approval'), ('enqueue', 'created', 'queued'),
  ('unblock', 'blocked', 'queued'), ('hold', 'blocked', 'awaiting_approval'),
  ('approve', 'awaiting_approval', 'queued'), ('refuse', 'awaiting_approval', 'cancelled'),
  ('assign', 'queued', 'assigned'), ('start', 'assigned', 'executing'),
  ('release', 'assigned', 'queued'), ('release', 'executing', 'queued'),
  ('complete', 'executing', 'completed'), ('review', 'executing', 'reviewing'), ('fail', 'executing', 'failed'),
  ('accept', 'reviewing', 'completed'), ('reject', 'reviewing', 'queued'), ('fail', 'reviewing', 'failed'),
  ('retry', 'failed', 'queued'), ('bury', 'failed', 'dead_letter'),
  ('retry', 'dead_letter', 'queued'), ('retry', 'cancelled', 'created'),
  ('cancel', 'created', 'cancelled'), ('cancel', 'blocked', 'cancelled'), ('cancel', 'awaiting_approval', 'cancelled'),
  ('cancel', 'queued', 'cancelled'), ('cancel', 'assigned', 'cancelled'), ('cancel', 'executing', 'cancelled'),
  ('cancel', 'reviewing', 'cancelled'), ('cancel', 'failed', 'cancelled'),
  ('submit', 'nothing', 'created');
-- Events that are no step: a remark, and evidence of a write that came too late.
CREATE TABLE step AS
  SELECT task, seq, verb, state, lag(state, 1, 'nothing') OVER (PARTITION BY task ORDER BY seq) AS source
  FROM event WHERE verb NOT IN ('note', 'late');
SELECT 'a task took a way that does not exist', task || ': ' || verb || ' from ' || source || ' to ' || state FROM step
WHERE NOT EXISTS (SELECT 1 FROM edge WHERE edge.verb = step.verb AND edge.source = step.source AND target = state);
SELECT 'a task is not where its events lead', id || ' ' || task.state FROM store.task
WHERE state IS NOT (SELECT state FROM step WHERE step.task = task.id ORDER BY seq DESC LIMIT 1);

-- ---- runs and their journals -------------------------------------------------------------------------------------

SELECT 'a run is not over', id FROM store.run WHERE status = 'running';
SELECT 'a run failed, and no fault was the cause', id || ' ' || agent || ': ' || error FROM store.run
WHERE status NOT IN ('running', 'committed', 'lost') AND error NOT LIKE '%: fragile%';
SELECT 'an agent counted other than it ran', name || ': ' || state || ', and committed ' ||
  (SELECT count(*) FROM store.run WHERE agent = name AND status = 'committed')
FROM store.agent
WHERE json_extract(state, '$.runs') <> (SELECT count(*) FROM store.run WHERE agent = name AND status = 'committed');
SELECT 'an agent that ran has no state', agent FROM store.run
WHERE status = 'committed' AND agent NOT IN (SELECT name FROM store.agent) GROUP BY agent;
SELECT 'an await of a committed run has no end', run || ' ' || strand || ' ' || position FROM store.journal
WHERE status = 'started' AND run IN (SELECT id FROM store.run WHERE status = 'committed');
SELECT 'a journal belongs to no run', run FROM store.journal WHERE run NOT IN (SELECT id FROM store.run) GROUP BY run;
SELECT 'a token stands twice in the journal', token FROM command GROUP BY token HAVING count(*) > 1;

SELECT 'an attempt waited in more than one run', trigger_id || ', attempt ' || attempt FROM store.run
WHERE id IN (SELECT run FROM store.journal) GROUP BY trigger_kind, trigger_id, attempt HAVING count(*) > 1;

-- Started is on disk before the effect begins.
SELECT 'an effect began that the journal does not know', token FROM seen WHERE token NOT IN (SELECT token FROM command);
-- Finished: {…, code = 0, …}.
SELECT 'a finished effect did not happen exactly once', token || ': began ' || coalesce(begun, 0) || ', ended ' ||
  coalesce(ended, 0)
FROM command LEFT JOIN seen USING (token)
WHERE status = 'done' AND instr(result, x'a4636f646500') > 0 AND (begun IS NOT 1 OR ended IS NOT 1);
SELECT 'an effect was repeated', token || ': began ' || begun FROM seen WHERE begun > 1;
SELECT 'a command failed otherwise than by a crash', token FROM command
WHERE status = 'error' AND instr(result, CAST('outcome_unknown' AS BLOB)) = 0;
SELECT 'a script was not told which outcomes are unknown', task.id || ': ' || task.result FROM store.task
JOIN committed ON trigger_kind = 'task' AND trigger_id = id
WHERE type IN ('append', 'pair', 'fragile') AND
  (json_extract(result, '$.unknown') <> (SELECT count(*) FROM command WHERE command.run = committed.run AND status = 'error')
   OR json_extract(result, '$.done') <> (SELECT count(*) FROM command WHERE command.run = committed.run AND status = 'done')
   OR json_extract(result, '$.other') <> 0);
SELECT 'the ledger and the journal differ', run.id || ' ' || kind.op FROM store.run
JOIN (SELECT 'process.run' AS op UNION SELECT 'cell.eval' UNION SELECT 'sleep') AS kind
WHERE (SELECT count(*) FROM store.ledger WHERE ledger.run = run.id AND ledger.kind = kind.op) <>
      (SELECT count(*) FROM store.journal WHERE journal.run = run.id AND journal.op = kind.op AND status = 'done');

-- ---- what handlers asked for -------------------------------------------------------------------------------------

SELECT 'a run that added tasks did not add all of them, or none', run.id || ': ' ||
  (SELECT count(*) FROM store.task AS added WHERE added.run = run.id)
FROM store.run JOIN store.task ON trigger_kind = 'task' AND trigger_id = task.id AND task.type = 'spawn'
WHERE (SELECT count(*) FROM store.task AS added WHERE added.run = run.id) <> iif(run.status = 'committed', 3, 0);
SELECT 'a task came before what it waits for', later.task FROM store.task_dependency AS later
JOIN event AS begun ON begun.task = later.task AND begun.verb = 'start'
JOIN event AS done ON done.task = later.after AND done.verb = 'complete'
WHERE begun.seq < done.seq;
SELECT 'a question was answered wrongly', id || ': ' || result FROM store.task
WHERE type = 'ask' AND state = 'completed' AND json_extract(result, '$.answer') IS NOT 2 * json_extract(payload, '$.n')
  AND json_extract(result, '$.code') IS NOT 'timeout';
SELECT 'an evaluation came out wrong', id || ': ' || result FROM store.task
WHERE type = 'evaluate' AND state = 'completed' AND json_extract(result, '$.value') IS NOT 2 * json_extract(payload, '$.n');
SELECT 'a file is not as its run wrote it', task.id FROM store.task, place
WHERE type = 'scribe' AND state = 'completed' AND CAST(readfile(place.swarm || '/report/' || id || '.txt') AS TEXT) IS NOT id;
SELECT 'a file was not written just once', task.id FROM store.task
WHERE type = 'scribe' AND state = 'completed' AND
  (SELECT count(*) FROM store.file_write WHERE path = 'report/' || id || '.txt' AND done = 1) <> 1;

-- ---- mail --------------------------------------------------------------------------------------------------------

SELECT 'a message was not handled', id || ' ' || state FROM store.message
WHERE state <> 'handled' AND NOT (wants_reply AND state = 'dead_letter' AND error LIKE 'nobody waits%');
SELECT 'a message was not handled exactly once', id || ': ' || coalesce(runs, 0) || ' committed runs' FROM store.message
LEFT JOIN committed ON trigger_kind = 'mail' AND trigger_id = id
WHERE state = 'handled' AND coalesce(runs, 0) <> 1;
SELECT 'mail came out of order', state FROM store.agent WHERE name = 'sink' AND json_extract(state, '$.disorder') <> 0;
-- Every relay sends 1, 2, 3 …; the sink adds up.
CREATE TABLE relay AS
  SELECT name, json_extract(state, '$.sent') AS sent FROM store.agent WHERE name LIKE 'relay%';
SELECT 'mail was lost or doubled', relay.name || ' sent ' || sent || ', the sink has ' || coalesce(state, 'nothing') FROM relay
LEFT JOIN store.agent AS sink ON sink.name = 'sink'
WHERE sent <> coalesce(json_extract(state, '$.last."' || relay.name || '"'), 0)
   OR sent * (sent + 1) / 2 <> coalesce(json_extract(state, '$.sum."' || relay.name || '"'), 0);
SELECT 'a relay sent other than it was asked to', name || ': ' || sent FROM relay
WHERE sent <> 3 * (SELECT count(*) FROM store.run WHERE agent = name AND status = 'committed');
