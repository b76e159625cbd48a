//! What every service needs at its edge: config, sources of time and ids, telemetry, health, reflection, limits, shutdown, errors.
