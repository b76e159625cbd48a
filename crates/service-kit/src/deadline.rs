//! How long a call may wait for positions.

use std::time::Duration;

use tokio::time::Instant;
use tonic::metadata::MetadataMap;

/// Until when a call may wait: a little less than the caller said in `grpc-timeout`, so that there is
/// time to answer how far it got, and at most `wait_max`.
#[must_use]
pub fn deadline(metadata: &MetadataMap, now: Instant, wait_max: Duration) -> Instant {
    let asked = metadata.get("grpc-timeout").and_then(|value| timeout(value.to_str().ok()?));
    let wait = asked.map_or(wait_max, |asked| {
        let margin = (asked / 10).min(Duration::from_millis(500));
        asked.saturating_sub(margin).min(wait_max)
    });
    now + wait
}

/// Reads `grpc-timeout`: at most eight digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(count.checked_mul(3_600)?)),
        'M' => Some(Duration::from_secs(count.checked_mul(60)?)),
        'S' => Some(Duration::from_secs(count)),
        'm' => Some(Duration::from_millis(count)),
        'u' => Some(Duration::from_micros(count)),
        'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Shows that the caller's deadline is read in every unit, with time left to answer, that it never
    // extends the service's own limit, and that nonsense counts as no deadline.
    #[tokio::test]
    async fn waits_as_long_as_the_caller_and_the_service_allow() {
        let now = Instant::now();
        let wait = |text: Option<&'static str>| {
            let mut metadata = MetadataMap::new();
            if let Some(text) = text {
                metadata.insert("grpc-timeout", text.parse().unwrap());
            }
            deadline(&metadata, now, Duration::from_secs(10)).duration_since(now).as_millis()
        };
        for (text, expected) in [
            (None, 10_000),
            (Some("200m"), 180),
            (Some("5S"), 4_500),
            (Some("1000000u"), 900),
            (Some("500000000n"), 10_000),
            (Some("50000000n"), 45),
            (Some("1M"), 10_000),
            (Some("1H"), 10_000),
            (Some("0S"), 0),
            (Some("S"), 10_000),
            (Some("5x"), 10_000),
            (Some("-5S"), 10_000),
        ] {
            assert_eq!(wait(text), expected, "{text:?}");
        }
    }
}
