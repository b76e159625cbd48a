//! A private Postgres and NATS for one machine: short folder, free ports, unprivileged user, removed afterwards.
