import fc from 'fast-check';

// Property tests look at the same inputs in every run, so that a red run means a change and not a draw of lots. Another number, for
// looking further: SHIPWAY_SEED=$RANDOM npm test
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['SHIPWAY_SEED'] ?? 20261121) });
