// The exactness suite against processes on this machine; KAFKA_BROKERS makes the log a Kafka. KILLS sets how often
// processes are killed at random (200, with Kafka 40); KILL_SEED repeats a run's choices, though not its timing.

import { describe, test } from '@jest/globals';

import { disturbed, randomKills } from './exactness/disturbed.ts';
import { disturbanceNames, isKafka, LocalSystem } from './exactness/local-system.ts';
import { scenarios } from './exactness/scenarios.ts';

const kills = Number(process.env['KILLS'] ?? (isKafka ? 40 : 200));
const seed = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);
const minute = 60_000;

describe(`the whole path on ${isKafka ? 'Kafka' : 'the embedded log'}`, () => {
  test.each([...scenarios, ...disturbanceNames.map(disturbed)])(
    '$name',
    (scenario) => LocalSystem.run(scenario),
    5 * minute,
  );

  const manyKills = randomKills(kills, seed);
  test(manyKills.name, () => LocalSystem.run(manyKills), 15 * minute);
});
