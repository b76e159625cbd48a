//! The per-tenant event log: writer, relay, consumer, gap filling; the only place that knows NATS.
